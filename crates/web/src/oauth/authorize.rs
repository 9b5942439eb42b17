//! `/oauth2/authorize` (RFC 6749 section 3.1).

use crate::answer::see_other;
use crate::app::Web;
use crate::error::{PageError, authorize_error};
use crate::extract::{Circumstances, form, query};
use crate::person::{respond, respond_to_step};
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, Uri};
use provider::Authorize;

/// The browser arrives with the request in its URL.
pub(crate) async fn get(
    State(web): State<Web>,
    Circumstances(mut ctx): Circumstances,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, PageError> {
    let request_id = ctx.request_id;
    let params = query(&uri).map_err(|error| PageError { error: error.into(), request_id })?;
    let browser = web.cookies().read(&headers);
    let answer = web.provider.authorize(&mut ctx, &params, &browser).await;
    match answer.map_err(|error| authorize_error(error, request_id))? {
        Authorize::Answer(response) => Ok(respond(&response)),
        Authorize::Interact(step) => Ok(respond_to_step(&web, step)),
    }
}

/// The browser arrives with the request in a form (OpenID Connect Core section 3.1.2.1 requires it). A form from another site comes
/// without our cookies (`SameSite=Lax`); sent on by GET, the same request comes with them.
pub(crate) async fn post(
    State(web): State<Web>,
    Circumstances(ctx): Circumstances,
    request: Request,
) -> Result<Response, PageError> {
    let request_id = ctx.request_id;
    let params = form(request).await.map_err(|error| PageError { error, request_id })?;
    let checked = web.provider.check_authorization_request(&params).await;
    let (_, checked) = checked.map_err(|error| authorize_error(error, request_id))?;
    Ok(match checked {
        Ok(_) => see_other(&format!("/oauth2/authorize?{}", params.to_query())),
        Err(answer) => respond(&answer),
    })
}
