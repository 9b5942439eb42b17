//! Signing in.

use super::{respond_to_form, show};
use crate::app::Web;
use crate::error::PageError;
use crate::extract::{Circumstances, PageForm, query};
use crate::pages::{SignInProblem, Wait};
use axum::extract::State;
use axum::response::Response;
use http::header::{HeaderValue, RETRY_AFTER};
use http::{HeaderMap, StatusCode, Uri};
use protocol::Params;
use provider::ProviderError;
use provider::interaction::{Credentials, SignInAnswer};
use secrecy::SecretString;

/// The form.
pub(crate) async fn get(
    State(web): State<Web>,
    Circumstances(ctx): Circumstances,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, PageError> {
    let refused = |error| PageError { error, request_id: ctx.request_id };
    let params = query(&uri).map_err(|error| refused(error.into()))?;
    let browser = web.cookies().read(&headers);
    let shown = web.provider.show_sign_in(&ctx, handle(&params), &browser).await.map_err(refused)?;
    Ok(show(StatusCode::OK, &shown, None))
}

/// Whatever is left to do in this interaction.
pub(crate) async fn resume(
    State(web): State<Web>,
    Circumstances(ctx): Circumstances,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, PageError> {
    let refused = |error| PageError { error, request_id: ctx.request_id };
    let params = query(&uri).map_err(|error| refused(error.into()))?;
    let browser = web.cookies().read(&headers);
    let shown = web.provider.show(&ctx, handle(&params), &browser).await.map_err(refused)?;
    Ok(show(StatusCode::OK, &shown, None))
}

/// What was typed.
pub(crate) async fn post(
    State(web): State<Web>,
    Circumstances(mut ctx): Circumstances,
    headers: HeaderMap,
    PageForm(params): PageForm,
) -> Result<Response, PageError> {
    let request_id = ctx.request_id;
    let browser = web.cookies().read(&headers);
    let credentials = Credentials {
        username: params.get("username").unwrap_or_default().to_owned(),
        password: SecretString::from(params.get("password").unwrap_or_default()),
    };
    let answer = web.provider.sign_in(&mut ctx, handle(&params), &browser, credentials).await;
    Ok(match answer.map_err(|error| PageError { error, request_id })? {
        SignInAnswer::Step(step) => respond_to_form(&web, step),
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
pub(crate) async fn cancel(
    State(web): State<Web>,
    Circumstances(mut ctx): Circumstances,
    headers: HeaderMap,
    PageForm(params): PageForm,
) -> Result<Response, PageError> {
    let request_id = ctx.request_id;
    let browser = web.cookies().read(&headers);
    let step = web.provider.cancel(&mut ctx, handle(&params), &browser).await;
    Ok(respond_to_form(&web, step.map_err(|error| PageError { error, request_id })?))
}

/// The interaction's handle; an empty one is unknown to the provider like any other.
pub(super) fn handle(params: &Params) -> &str {
    params.get("interaction").unwrap_or_default()
}

fn later(error: &ProviderError) -> (StatusCode, SignInProblem, u64) {
    let whole = |wait: std::time::Duration| wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    match error {
        ProviderError::TooManyAttempts { retry_after } => {
            let seconds = whole(*retry_after).max(1);
            let problem = SignInProblem::TooManyAttempts { retry_in: Wait::seconds(seconds) };
            (StatusCode::TOO_MANY_REQUESTS, problem, seconds)
        }
        ProviderError::Overloaded { what, retry_after } => {
            let seconds = whole(*retry_after).max(1);
            let status = match what {
                provider::Overloaded::Hashing => StatusCode::TOO_MANY_REQUESTS,
                provider::Overloaded::Storage => StatusCode::SERVICE_UNAVAILABLE,
            };
            (status, SignInProblem::Busy { retry_in: Wait::seconds(seconds) }, seconds)
        }
        _ => (StatusCode::SERVICE_UNAVAILABLE, SignInProblem::Busy { retry_in: Wait::seconds(5) }, 5),
    }
}
