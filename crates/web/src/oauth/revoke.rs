//! `/oauth2/revoke` (RFC 7009).

use crate::app::Web;
use crate::error::ApiError;
use crate::extract::{Calls, Circumstances};
use axum::extract::State;
use http::StatusCode;

pub(crate) async fn post(
    State(web): State<Web>,
    Circumstances(ctx): Circumstances,
    Calls(request): Calls,
) -> Result<StatusCode, ApiError> {
    web.provider.revoke(&ctx, &request).await?;
    Ok(StatusCode::OK)
}
