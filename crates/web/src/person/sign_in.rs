//! Signing in.

use super::{respond_to_form, respond_to_step, show};
use crate::answer::see_other;
use crate::app::Web;
use crate::error::{PageError, refused, whole_seconds};
use crate::extract::{Looks, Posts, Visit, handle};
use crate::pages::{SignInProblem, Wait};
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER};
use provider::ProviderError;
use provider::interaction::{Credentials, SignInAnswer};
use secrecy::SecretString;

/// The form.
pub(crate) async fn get(State(web): State<Web>, Looks(visit): Looks) -> Result<Response, PageError> {
    let Visit { mut ctx, params, cookies } = visit;
    if handle(&params).is_empty() {
        return Ok(see_other("/"));
    }
    let step = web.provider.show_sign_in(&mut ctx, handle(&params), &cookies.browser()).await;
    Ok(respond_to_step(&web, step.map_err(refused(ctx.request_id))?, &cookies))
}

/// Whatever is left to do in this interaction. Also what the address of each form shows, in a tab that was restored there.
pub(crate) async fn resume(State(web): State<Web>, Looks(visit): Looks) -> Result<Response, PageError> {
    let Visit { mut ctx, params, cookies } = visit;
    if handle(&params).is_empty() {
        return Ok(see_other("/"));
    }
    let step = web.provider.show(&mut ctx, handle(&params), &cookies.browser()).await;
    Ok(respond_to_step(&web, step.map_err(refused(ctx.request_id))?, &cookies))
}

/// What was typed.
pub(crate) async fn post(State(web): State<Web>, Posts(visit): Posts) -> Result<Response, PageError> {
    let Visit { mut ctx, params, cookies } = visit;
    let credentials = Credentials {
        username: params.get("username").unwrap_or_default().to_owned(),
        password: SecretString::from(params.get("password").unwrap_or_default()),
        stay: params.get("stay").is_some(),
    };
    let answer = web.provider.sign_in(&mut ctx, handle(&params), &cookies.browser(), credentials).await;
    Ok(match answer.map_err(refused(ctx.request_id))? {
        SignInAnswer::Step(step) => respond_to_form(&web, step, &cookies),
        SignInAnswer::Wrong(shown) => {
            show(StatusCode::BAD_REQUEST, &shown, Some(SignInProblem::WrongUsernameOrPassword))
        }
        SignInAnswer::Later { page, error } => {
            let (status, problem, seconds) = later(&error);
            let mut response = show(status, &page, Some(problem));
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            response
        }
    })
}

/// The person gives up.
pub(crate) async fn cancel(State(web): State<Web>, Posts(visit): Posts) -> Result<Response, PageError> {
    let Visit { mut ctx, params, cookies } = visit;
    let step = web.provider.cancel(&mut ctx, handle(&params), &cookies.browser()).await;
    Ok(respond_to_form(&web, step.map_err(refused(ctx.request_id))?, &cookies))
}

pub(super) fn later(error: &ProviderError) -> (StatusCode, SignInProblem, u64) {
    match error {
        ProviderError::TooManyAttempts { retry_after } => {
            let seconds = whole_seconds(*retry_after);
            let problem = SignInProblem::TooManyAttempts { retry_in: Wait::seconds(seconds) };
            (StatusCode::TOO_MANY_REQUESTS, problem, seconds)
        }
        ProviderError::Overloaded { what, retry_after } => {
            let seconds = whole_seconds(*retry_after);
            let status = match what {
                provider::Overloaded::Storage => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::TOO_MANY_REQUESTS,
            };
            (status, SignInProblem::Busy { retry_in: Wait::seconds(seconds) }, seconds)
        }
        _ => (StatusCode::SERVICE_UNAVAILABLE, SignInProblem::Busy { retry_in: Wait::seconds(5) }, 5),
    }
}
