//! Creating the first platform owner, from the link the server printed.

use super::sign_up::{busy, typed, with_problems};
use crate::answer::{ContentSecurityPolicy, page, see_other};
use crate::app::Web;
use crate::error::{PageError, refused};
use crate::extract::{Looks, Posts, Visit};
use crate::pages::{ClientMark, SignUpPage, SignUpPurpose};
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use http::header::SET_COOKIE;
use provider::interaction::MIN_PASSWORD_CHARS;
use provider::{ProviderError, SetupAnswer};

/// The form.
pub(crate) async fn get(State(web): State<Web>, Looks(visit): Looks) -> Result<Response, PageError> {
    let token = visit.params.get("token").unwrap_or_default();
    web.provider.check_setup_link(&visit.ctx, token).await.map_err(refused(visit.ctx.request_id))?;
    Ok(page(StatusCode::OK, &view(token), &ContentSecurityPolicy::default()))
}

/// What was typed.
pub(crate) async fn post(State(web): State<Web>, Posts(visit): Posts) -> Result<Response, PageError> {
    let Visit { mut ctx, params, cookies } = visit;
    let token = params.get("token").unwrap_or_default();
    let answer = web.provider.set_up(&mut ctx, token, typed(&params), &cookies.browser()).await;
    if let Err(error @ ProviderError::Overloaded { .. }) = &answer {
        return Ok(busy(view(token), &params, error, &ContentSecurityPolicy::default()));
    }
    Ok(match answer.map_err(refused(ctx.request_id))? {
        SetupAnswer::Created { cookies: accounts, new_device, new_browser_secret, .. } => {
            let mut response = see_other("/");
            let sessions = web.cookies().signed_in(&accounts, new_browser_secret.as_deref(), &cookies);
            for cookie in sessions.into_iter().chain(web.cookies().device(&new_device)) {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
            response
        }
        SetupAnswer::Problems(problems) => {
            let view = with_problems(view(token), &params, &problems);
            page(StatusCode::BAD_REQUEST, &view, &ContentSecurityPolicy::default())
        }
    })
}

fn view(token: &str) -> SignUpPage {
    SignUpPage {
        purpose: SignUpPurpose::FirstOwner { token: token.to_owned() },
        client_mark: ClientMark::Ours,
        action: "/setup".to_owned(),
        username: String::new(),
        email: String::new(),
        name: String::new(),
        password_min_length: MIN_PASSWORD_CHARS,
        errors: Vec::new(),
    }
}
