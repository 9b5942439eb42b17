//! Bringing a device in: entering its user code, and what became of it (RFC 8628 section 3.3). In between lies an interaction.

use crate::answer::{ContentSecurityPolicy, page, see_other};
use crate::app::Web;
use crate::error::{PageError, refused, whole_seconds};
use crate::extract::{Looks, Posts, Visit};
use crate::pages::{DevicePage, DeviceProblem, DeviceResultPage, Wait};
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER, SET_COOKIE};
use protocol::UserCode;
use provider::interaction::Decision;
use provider::{EnteredCode, UserCodeProblem};

/// The form. A code in the address is filled in and nothing more: the person says whether their device shows it (RFC 8628 section 3.3.1),
/// and what merely follows links tries no code.
pub(crate) async fn get(Looks(visit): Looks) -> Response {
    let code = visit.params.get("user_code").and_then(|code| UserCode::parse(code).ok());
    let view = DevicePage { user_code: code.map(|code| code.to_string()), typed: None, problem: None };
    page(StatusCode::OK, &view, &ContentSecurityPolicy::default())
}

/// What was typed.
pub(crate) async fn post(State(web): State<Web>, Posts(visit): Posts) -> Result<Response, PageError> {
    let Visit { mut ctx, params, cookies } = visit;
    let typed = params.get("user_code").unwrap_or_default();
    let entered = web.provider.enter_user_code(&mut ctx, typed, &cookies.browser()).await;
    Ok(match entered.map_err(refused(ctx.request_id))? {
        EnteredCode::Begun { handle, new_browser_secret } => {
            let mut response = see_other(&format!("/interaction?interaction={handle}"));
            let cookie = new_browser_secret.and_then(|secret| web.cookies().browser(&secret, None));
            response.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
            response
        }
        EnteredCode::Problem(problem) => again(typed, problem),
    })
}

/// It may sign in.
pub(crate) async fn allowed() -> Response {
    page(StatusCode::OK, &DeviceResultPage { allowed: true }, &ContentSecurityPolicy::default())
}

/// It may not.
pub(crate) async fn denied() -> Response {
    page(StatusCode::OK, &DeviceResultPage { allowed: false }, &ContentSecurityPolicy::default())
}

/// The page that says what was decided has an address of its own: reloading it decides nothing twice.
pub(super) fn decided(decision: Decision) -> Response {
    see_other(match decision {
        Decision::Allow => "/device/allowed",
        Decision::Deny => "/device/denied",
    })
}

/// The form again, with what was typed.
pub(super) fn again(typed: &str, problem: UserCodeProblem) -> Response {
    let view =
        |problem| DevicePage { user_code: None, typed: Some(typed.to_owned()), problem: Some(problem) };
    let shown = |status, problem| page(status, &view(problem), &ContentSecurityPolicy::default());
    match problem {
        UserCodeProblem::Malformed => shown(StatusCode::BAD_REQUEST, DeviceProblem::Malformed),
        UserCodeProblem::Unknown => shown(StatusCode::BAD_REQUEST, DeviceProblem::Unknown),
        UserCodeProblem::TooMany { retry_after } => {
            let seconds = whole_seconds(retry_after);
            let problem = DeviceProblem::TooMany { retry_in: Wait::seconds(seconds) };
            let mut response = shown(StatusCode::TOO_MANY_REQUESTS, problem);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            response
        }
    }
}
