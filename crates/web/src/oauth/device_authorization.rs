//! `/oauth2/device_authorization` (RFC 8628 section 3.1).

use crate::answer::json;
use crate::app::Web;
use crate::error::ApiError;
use crate::extract::{Calls, Circumstances};
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

pub(crate) async fn post(
    State(web): State<Web>,
    Circumstances(mut ctx): Circumstances,
    Calls(request): Calls,
) -> Result<Response, ApiError> {
    let answer = web.provider.device_authorization(&mut ctx, &request).await?;
    Ok(json(StatusCode::OK, &answer))
}
