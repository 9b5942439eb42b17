//! `/oauth2/userinfo` (OpenID Connect Core section 5.3).

use crate::answer::json;
use crate::app::Web;
use crate::error::ApiError;
use crate::extract::{Circumstances, bearer, form};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use protocol::{ErrorCode, OAuthError};
use provider::Ctx;

pub(crate) async fn get(
    State(web): State<Web>,
    Circumstances(ctx): Circumstances,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    match bearer(&headers)? {
        Some(token) => answer(&web, &ctx, &token).await,
        None => Ok(no_token()),
    }
}

/// RFC 6750 section 2.2: the token may come in the form, but not in two places.
pub(crate) async fn post(
    State(web): State<Web>,
    Circumstances(ctx): Circumstances,
    request: Request,
) -> Result<Response, ApiError> {
    let from_header = bearer(request.headers())?;
    let has_form = request.headers().contains_key(CONTENT_TYPE);
    let params = if has_form { form(request).await.map_err(ApiError)? } else { protocol::Params::default() };
    match (from_header, params.get("access_token")) {
        (Some(_), Some(_)) => {
            Err(OAuthError::new(ErrorCode::InvalidRequest, "the access token comes in two places").into())
        }
        (Some(token), None) => answer(&web, &ctx, &token).await,
        (None, Some(token)) => answer(&web, &ctx, token).await,
        (None, None) => Ok(no_token()),
    }
}

async fn answer(web: &Web, ctx: &Ctx, token: &str) -> Result<Response, ApiError> {
    Ok(json(StatusCode::OK, &web.provider.userinfo(ctx, token).await?))
}

/// RFC 6750 section 3.1: a request without a token hears no error code.
fn no_token() -> Response {
    let challenge = HeaderValue::from_static(r#"Bearer realm="doorward""#);
    (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, challenge)]).into_response()
}
