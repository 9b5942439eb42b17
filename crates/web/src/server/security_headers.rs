//! The headers every answer carries so that a browser keeps to the safe side. Knows nothing of what is answered; pages set their own
//! Content-Security-Policy.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{
    CACHE_CONTROL, HeaderName, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue};

/// Which headers are added; the state of [`add`].
#[derive(Clone, Copy, Debug)]
pub struct SecurityHeaders {
    https: bool,
}

impl SecurityHeaders {
    /// `https` says whether the issuer, and so everything here, is reached by https only.
    pub fn new(https: bool) -> Self {
        Self { https }
    }
}

const ALWAYS: [(HeaderName, &str); 5] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // With `no-referrer` browsers send `Origin: null` along with our own forms, and the CSRF check needs the origin.
    (REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    // For browsers that do not know `frame-ancestors` (RFC 9700 section 4.16).
    (X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// RFC 6797 section 6.1, for two years. Subdomains are not ours to decide about.
const HSTS: &str = "max-age=63072000";

/// Middleware for `axum::middleware::from_fn_with_state`. A header the handler has set stays as it is.
pub async fn add(State(which): State<SecurityHeaders>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        add_missing(headers, name, value);
    }
    // What is answered here is about one person or one moment, unless a handler knows better (RFC 6749 section 5.1).
    add_missing(headers, CACHE_CONTROL, "no-store");
    if which.https {
        add_missing(headers, STRICT_TRANSPORT_SECURITY, HSTS);
    }
    response
}

fn add_missing(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.entry(name).or_insert(HeaderValue::from_static(value));
}
