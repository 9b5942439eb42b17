//! Answers: pages with their content security policy, JSON, redirects. Knows how an answer is written, not what it says.

use crate::pages::ErrorPage;
use crate::server::Problem;
use askama::Template;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION};
use http::{HeaderName, StatusCode};
use serde::Serialize;

/// What a page may do in the browser: no script, frame or request but our own stylesheet, images and the small scripts.
#[derive(Debug, Clone, Default)]
pub enum ContentSecurityPolicy {
    /// Its forms are answered here.
    #[default]
    FormsStayHere,
    /// Its forms are answered by a redirect to a client, which may redirect on to wherever it likes, an app's own scheme included. Browsers
    /// hold every one of these redirects against `form-action`, and drop the answer in silence (docs/adr/0002-form-action.md).
    FormsLeadOn,
    /// It shows nothing: every page may lay it into itself, and its script may ask us.
    InAnybodysFrame,
}

impl ContentSecurityPolicy {
    const fn header(&self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::FormsStayHere => {
                "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; form-action 'self'; \
                 frame-ancestors 'none'; base-uri 'none'"
            }
            Self::FormsLeadOn => {
                "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; frame-ancestors 'none'; \
                 base-uri 'none'"
            }
            Self::InAnybodysFrame => {
                "default-src 'none'; script-src 'self'; connect-src 'self'; form-action 'none'; frame-ancestors *; \
                 base-uri 'none'"
            }
        })
    }
}

/// A page.
pub fn page(status: StatusCode, template: &impl Template, policy: &ContentSecurityPolicy) -> Response {
    let Ok(html) = template.render() else {
        return Problem::new(StatusCode::INTERNAL_SERVER_ERROR).into_response();
    };
    let headers: [(HeaderName, HeaderValue); 2] = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, policy.header()),
    ];
    (status, headers, html).into_response()
}

/// The error page.
pub(crate) fn error_page(error: &ErrorPage) -> Response {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    page(status, error, &ContentSecurityPolicy::default())
}

/// JSON. Not for caches, unless a handler says otherwise (RFC 6749 section 5.1).
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => {
            (status, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], bytes).into_response()
        }
        Err(_) => Problem::new(StatusCode::INTERNAL_SERVER_ERROR).into_response(),
    }
}

/// A redirect that the browser follows with GET, whatever it came with: no form is posted on, no password with it (RFC 9700 section 4.12).
pub(crate) fn see_other(location: &str) -> Response {
    match HeaderValue::from_str(location) {
        Ok(location) => (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response(),
        Err(_) => Problem::new(StatusCode::INTERNAL_SERVER_ERROR).into_response(),
    }
}
