//! An issuer below a path, such as `https://example.org/auth`. The surface is built as if it stood at the root, and moved here: requests lose the
//! path before they are routed, and what answers lead to gets it. Knows no route, but where an issuer's metadata is looked for.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use http_body_util::BodyExt as _;
use std::sync::Arc;
use tower::ServiceExt as _;

use crate::server::Problem;

/// What RFC 8414 section 3.1 puts before an issuer's path, and OpenID Connect Discovery section 4 behind it; clients try each name in both ways.
const METADATA: [&str; 2] = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];

/// The router, moved below the issuer's path; as it is, where there is none.
pub(crate) fn moved(router: Router, issuer: &str) -> Router {
    let path = path_of(issuer);
    if path.is_empty() {
        return router;
    }
    let path: Arc<str> = path.into();
    // Whatever is asked for is routed by the one within.
    Router::new().fallback(move |request: Request| answer(router.clone(), Arc::clone(&path), request))
}

/// The path of an issuer: empty, or with a slash at its beginning and none at its end.
pub(crate) fn path_of(issuer: &str) -> &str {
    let authority_and_path = issuer.split_once("://").map_or("", |(_, rest)| rest);
    authority_and_path.find('/').map_or("", |at| &authority_and_path[at..])
}

/// The issuer without its path: what browsers call its origin (RFC 6454).
pub(crate) fn origin_of(issuer: &str) -> &str {
    issuer.strip_suffix(path_of(issuer)).unwrap_or(issuer)
}

async fn answer(router: Router, path: Arc<str>, mut request: Request) -> Response {
    if let Some(uri) = within(request.uri(), &path) {
        *request.uri_mut() = uri;
    }
    let Ok(mut response) = router.oneshot(request).await;
    lead_back(response.headers_mut(), &path);
    if is_page(response.headers()) { linked(response, &path).await } else { response }
}

/// The request's target as the router within knows it. Nothing when it knows it so: programs may call by an inner name, without the path.
fn within(uri: &Uri, path: &str) -> Option<Uri> {
    let asked = uri.path();
    let inner = match asked.strip_prefix(path) {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => METADATA.into_iter().find(|document| asked.strip_prefix(document) == Some(path))?,
    };
    let target = match uri.query() {
        Some(query) => format!("{inner}?{query}"),
        None => inner.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(target).ok()?);
    Uri::from_parts(parts).ok()
}

fn lead_back(headers: &mut HeaderMap, path: &str) {
    let location = headers.get(LOCATION).and_then(|location| location.to_str().ok());
    let inner = location.filter(|location| location.starts_with('/') && !location.starts_with("//"));
    if let Some(location) = inner.and_then(|inner| HeaderValue::from_str(&format!("{path}{inner}")).ok()) {
        headers.insert(LOCATION, location);
    }
}

fn is_page(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/html"))
}

/// The page with its links and forms moved. Templates write every address of ours as `="/..`, and nobody else can: what people and clients
/// have a say in is escaped, quotes included.
async fn linked(response: Response, path: &str) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(html) = body.collect().await else {
        return Problem::new(StatusCode::INTERNAL_SERVER_ERROR).into_response();
    };
    let html = String::from_utf8_lossy(&html.to_bytes()).replace("=\"/", &format!("=\"{path}/"));
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(html))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_an_origin_and_a_path() {
        for (issuer, origin, path) in [
            ("https://id.example", "https://id.example", ""),
            ("https://id.example:8443/auth", "https://id.example:8443", "/auth"),
            ("http://[::1]:8080/a/b", "http://[::1]:8080", "/a/b"),
        ] {
            assert_eq!((origin_of(issuer), path_of(issuer)), (origin, path));
        }
    }

    #[test]
    fn rfc8414_3_1_the_path_is_taken_away_before_and_behind_the_well_known_name() {
        for (asked, inner) in [
            ("/auth", Some("/")),
            ("/auth/", Some("/")),
            ("/auth/oauth2/token?a=/auth/b", Some("/oauth2/token?a=/auth/b")),
            ("/auth/.well-known/openid-configuration", Some("/.well-known/openid-configuration")),
            ("/.well-known/openid-configuration/auth", Some("/.well-known/openid-configuration")),
            ("/.well-known/oauth-authorization-server/auth", Some("/.well-known/oauth-authorization-server")),
            ("/.well-known/oauth-authorization-server/authx", None),
            ("/.well-known/oauth-authorization-server", None),
            ("/authx/oauth2/token", None),
            ("/oauth2/token", None),
            ("/", None),
        ] {
            let found = within(&asked.parse().unwrap(), "/auth").map(|uri| uri.to_string());
            assert_eq!(found.as_deref(), inner, "{asked}");
        }
    }
}
