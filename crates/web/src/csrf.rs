//! Cross-site request forgery: a form that changes something is only taken from our own pages.
//!
//! This stands beside, not instead of, the interaction's handle in the form and its browser's cookie (`SameSite=Lax`): each alone
//! stops a foreign page.

use http::HeaderMap;
use http::header::{HOST, ORIGIN};

/// Whether the request can come from one of our own pages: by Fetch Metadata where the browser sends it, otherwise by its origin; `own` is the issuer's.
/// What sends neither is no browser that a foreign page could steer.
pub(crate) fn is_same_origin(headers: &HeaderMap, own: &str) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    origin == own || host.is_some_and(|host| origin.split_once("://").is_some_and(|(_, rest)| rest == host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn foreign_pages_are_told_apart() {
        let from = |pairs: &[(&'static str, &'static str)]| {
            let headers = pairs
                .iter()
                .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value)));
            is_same_origin(&headers.collect(), "https://id.example")
        };
        assert!(from(&[]));
        assert!(from(&[("sec-fetch-site", "same-origin"), ("origin", "https://anything.example")]));
        assert!(!from(&[("sec-fetch-site", "cross-site")]));
        assert!(!from(&[("sec-fetch-site", "same-site"), ("origin", "https://id.example")]));
        assert!(from(&[("origin", "https://id.example")]));
        assert!(from(&[("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")]));
        assert!(!from(&[("origin", "https://evil.example"), ("host", "id.example")]));
        assert!(!from(&[("origin", "null"), ("host", "id.example")]));
    }
}
