//! `/oauth2/authorize` (RFC 6749 section 3.1).

use crate::answer::see_other;
use crate::app::Web;
use crate::error::{PageError, not_answered, refused};
use crate::extract::{Looks, Requests, Visit, reference};
use crate::person::{respond, respond_to_form, respond_to_step};
use axum::extract::State;
use axum::response::Response;
use provider::{Authorize, Carried};

/// The browser arrives with the request in its URL.
pub(crate) async fn get(State(web): State<Web>, Requests(visit): Requests) -> Result<Response, PageError> {
    let Visit { mut ctx, params, cookies } = visit;
    let answer = web.provider.authorize(&mut ctx, &params, &cookies.browser()).await;
    match answer.map_err(not_answered).map_err(refused(ctx.request_id))? {
        Authorize::Answer(response) => Ok(respond(&response)),
        Authorize::Interact(step) => Ok(respond_to_step(&web, step, &cookies)),
    }
}

/// The browser arrives with the request in a form (OpenID Connect Core section 3.1.2.1 requires it). A form from another site comes
/// without our cookies (`SameSite=Lax`); sent on by GET, the same request comes with them, and what the form said stands in no address.
pub(crate) async fn post(State(web): State<Web>, Requests(visit): Requests) -> Result<Response, PageError> {
    let Visit { mut ctx, params, .. } = visit;
    let refused = refused(ctx.request_id);
    let (_, checked) =
        web.provider.check_authorization_request(&params).await.map_err(not_answered).map_err(refused)?;
    if let Err(answer) = checked {
        return Ok(respond(&answer));
    }
    let reference = web.provider.carry(&mut ctx, Carried::Authorization, &params).await.map_err(refused)?;
    Ok(see_other(&format!("/oauth2/authorize/posted?request={reference}")))
}

/// The browser comes back for what it posted. Where it ends up can be reloaded: this address cannot.
pub(crate) async fn posted(State(web): State<Web>, Looks(visit): Looks) -> Result<Response, PageError> {
    let Visit { mut ctx, params, cookies } = visit;
    let refused = refused(ctx.request_id);
    let params =
        web.provider.carried(&ctx, Carried::Authorization, reference(&params)).await.map_err(refused)?;
    let answer = web.provider.authorize(&mut ctx, &params, &cookies.browser()).await;
    match answer.map_err(not_answered).map_err(refused)? {
        Authorize::Answer(response) => Ok(respond(&response)),
        Authorize::Interact(step) => Ok(respond_to_form(&web, step, &cookies)),
    }
}
