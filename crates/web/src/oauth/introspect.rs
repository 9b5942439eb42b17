//! `/oauth2/introspect` (RFC 7662).

use crate::answer::json;
use crate::app::Web;
use crate::error::ApiError;
use crate::extract::{Circumstances, ClientRequest};
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

pub(crate) async fn post(
    State(web): State<Web>,
    Circumstances(ctx): Circumstances,
    request: ClientRequest,
) -> Result<Response, ApiError> {
    let answer = web.provider.introspect(&ctx, &request.params, request.authorization.as_ref()).await?;
    Ok(json(StatusCode::OK, &answer))
}
