//! `/oauth2/introspect` (RFC 7662).

use crate::answer::json;
use crate::app::Web;
use crate::error::ApiError;
use crate::extract::{Calls, Circumstances};
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

pub(crate) async fn post(
    State(web): State<Web>,
    Circumstances(ctx): Circumstances,
    Calls(request): Calls,
) -> Result<Response, ApiError> {
    let answer = web.provider.introspect(&ctx, &request).await?;
    Ok(json(StatusCode::OK, &answer))
}
