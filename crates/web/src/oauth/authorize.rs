//! `/oauth2/authorize` (RFC 6749 section 3.1).

use crate::answer::see_other;
use crate::app::Web;
use crate::error::{PageError, not_answered, refused};
use crate::extract::{Requests, Visit};
use crate::person::{respond, respond_to_step};
use axum::extract::State;
use axum::response::Response;
use provider::Authorize;

/// The browser arrives with the request in its URL.
pub(crate) async fn get(State(web): State<Web>, Requests(visit): Requests) -> Result<Response, PageError> {
    let Visit { mut ctx, params, cookies } = visit;
    let answer = web.provider.authorize(&mut ctx, &params, &cookies.browser()).await;
    match answer.map_err(not_answered).map_err(refused(ctx.request_id))? {
        Authorize::Answer(response) => Ok(respond(&response)),
        Authorize::Interact(step) => Ok(respond_to_step(&web, step)),
    }
}

/// The browser arrives with the request in a form (OpenID Connect Core section 3.1.2.1 requires it). A form from another site comes
/// without our cookies (`SameSite=Lax`); sent on by GET, the same request comes with them.
pub(crate) async fn post(State(web): State<Web>, Requests(visit): Requests) -> Result<Response, PageError> {
    let checked = web.provider.check_authorization_request(&visit.params).await;
    let (_, checked) = checked.map_err(not_answered).map_err(refused(visit.ctx.request_id))?;
    Ok(match checked {
        Ok(_) => see_other(&format!("/oauth2/authorize?{}", visit.params.to_query())),
        Err(answer) => respond(&answer),
    })
}
