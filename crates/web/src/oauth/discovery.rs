//! The documents clients configure themselves from: provider metadata (RFC 8414, OpenID Connect Discovery) and the JWK Set.

use crate::answer::json;
use crate::app::Web;
use crate::error::ApiError;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use provider::JWK_SET_MAX_AGE;

pub(crate) async fn metadata(State(web): State<Web>) -> Response {
    cacheable(json(StatusCode::OK, &web.provider.metadata()))
}

pub(crate) async fn jwks(State(web): State<Web>) -> Result<Response, ApiError> {
    let keyring = web.provider.complete_keyring().await?;
    let mut response = json(StatusCode::OK, keyring.jwk_set());
    // RFC 7517 section 8.5.1.
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json"));
    Ok(cacheable(response))
}

fn cacheable(mut response: Response) -> Response {
    let max_age = format!("public, max-age={}", JWK_SET_MAX_AGE.as_secs());
    if let Ok(value) = HeaderValue::from_str(&max_age) {
        response.headers_mut().insert(CACHE_CONTROL, value);
    }
    response
}
