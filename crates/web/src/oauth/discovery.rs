//! The documents clients configure themselves from: provider metadata (RFC 8414, OpenID Connect Discovery) and the JWK Set.

use crate::app::Web;
use crate::error::ApiError;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use provider::JWK_SET_MAX_AGE;
use std::sync::Arc;

pub(crate) async fn metadata(State(web): State<Web>) -> Result<Response, ApiError> {
    Ok(document("application/json", web.provider.metadata()?))
}

pub(crate) async fn jwks(State(web): State<Web>) -> Result<Response, ApiError> {
    // RFC 7517 section 8.5.1.
    Ok(document("application/jwk-set+json", web.provider.jwk_set().await?))
}

fn document(content_type: &'static str, json: Arc<[u8]>) -> Response {
    let content_type = [(CONTENT_TYPE, HeaderValue::from_static(content_type))];
    let mut response = (content_type, Bytes::from_owner(json)).into_response();
    let max_age = format!("public, max-age={}", JWK_SET_MAX_AGE.as_secs());
    if let Ok(value) = HeaderValue::from_str(&max_age) {
        response.headers_mut().insert(CACHE_CONTROL, value);
    }
    response
}
