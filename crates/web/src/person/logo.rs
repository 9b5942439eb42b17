//! A client's logo, from its registration: no page has a browser ask anybody else for a picture.

use crate::app::Web;
use crate::error::{PageError, refused};
use crate::extract::Looks;
use crate::server::Problem;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use protocol::ClientId;
use url::form_urlencoded::Serializer;

pub(crate) async fn get(State(web): State<Web>, Looks(visit): Looks) -> Result<Response, PageError> {
    let id = visit.params.get("client_id").unwrap_or_default();
    let logo = web.provider.client_logo(id).await.map_err(refused(visit.ctx.request_id))?;
    let Some(logo) = logo else { return Ok(Problem::new(StatusCode::NOT_FOUND).into_response()) };
    let as_named = visit.params.get("v") == Some(logo.version().as_str());
    let cached = if as_named { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(logo.media_type())),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
        (CACHE_CONTROL, HeaderValue::from_static(cached)),
    ];
    Ok((headers, logo.bytes().to_vec()).into_response())
}

/// Where it is: another picture is at another address.
pub(super) fn address(client: &ClientId, version: &str) -> String {
    let pairs = [("client_id", client.as_str()), ("v", version)];
    format!("/client-logo?{}", Serializer::new(String::new()).extend_pairs(pairs).finish())
}
