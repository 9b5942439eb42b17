//! Creating the first platform owner, from the link the server printed.

use super::sign_up::{typed, with_problems};
use crate::answer::{ContentSecurityPolicy, page, see_other};
use crate::app::Web;
use crate::error::PageError;
use crate::extract::{Circumstances, PageForm, query};
use crate::pages::{SignUpPage, SignUpPurpose};
use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use provider::SetupAnswer;
use provider::interaction::MIN_PASSWORD_CHARS;

/// The form.
pub(crate) async fn get(
    State(web): State<Web>,
    Circumstances(ctx): Circumstances,
    uri: Uri,
) -> Result<Response, PageError> {
    let refused = |error| PageError { error, request_id: ctx.request_id };
    let params = query(&uri).map_err(|error| refused(error.into()))?;
    let token = params.get("token").unwrap_or_default();
    web.provider.check_setup_link(&ctx, token).await.map_err(refused)?;
    Ok(page(StatusCode::OK, &view(token), &ContentSecurityPolicy::default()))
}

/// What was typed.
pub(crate) async fn post(
    State(web): State<Web>,
    Circumstances(mut ctx): Circumstances,
    PageForm(params): PageForm,
) -> Result<Response, PageError> {
    let request_id = ctx.request_id;
    let token = params.get("token").unwrap_or_default();
    let answer = web.provider.set_up(&mut ctx, token, typed(&params)).await;
    Ok(match answer.map_err(|error| PageError { error, request_id })? {
        SetupAnswer::Created { .. } => see_other("/"),
        SetupAnswer::Problems(problems) => {
            let view = with_problems(view(token), &params, &problems);
            page(StatusCode::BAD_REQUEST, &view, &ContentSecurityPolicy::default())
        }
    })
}

fn view(token: &str) -> SignUpPage {
    SignUpPage {
        purpose: SignUpPurpose::FirstOwner { token: token.to_owned() },
        action: "/setup".to_owned(),
        username: String::new(),
        email: String::new(),
        name: String::new(),
        password_min_length: MIN_PASSWORD_CHARS,
        errors: Vec::new(),
    }
}
