//! `/oauth2/revoke` (RFC 7009).

use crate::app::Web;
use crate::error::ApiError;
use crate::extract::{Circumstances, ClientRequest};
use axum::extract::State;
use http::StatusCode;

pub(crate) async fn post(
    State(web): State<Web>,
    Circumstances(ctx): Circumstances,
    request: ClientRequest,
) -> Result<StatusCode, ApiError> {
    web.provider.revoke(&ctx, &request.params, request.authorization.as_ref()).await?;
    Ok(StatusCode::OK)
}
