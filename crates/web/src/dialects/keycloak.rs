//! Keycloak's paths. The endpoints behind them are ours, and so is the issuer: the realm in a path selects nothing. What is written here is
//! only what Keycloak's clients do at one of them that ours never do.

use crate::answer::see_other;
use crate::app::Web;
use crate::error::ApiError;
use crate::extract::{Circumstances, authorization, form};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use provider::ClientRequest;

/// `POST ../logout`: a browser's form, or a client that ends the session its refresh token came from.
pub(crate) async fn logout(
    State(web): State<Web>,
    Circumstances(ctx): Circumstances,
    request: Request,
) -> Result<Response, ApiError> {
    let authorization = authorization(request.headers())?;
    let params = form(request).await.map_err(ApiError)?;
    if params.get("refresh_token").is_none() {
        return Ok(see_other(&format!("/oauth2/logout?{}", params.to_query())));
    }
    web.provider.end_session_of_refresh_token(&ctx, &ClientRequest { params, authorization }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
