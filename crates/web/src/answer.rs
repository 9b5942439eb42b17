//! Answers: pages with their content security policy, JSON, redirects. Knows how an answer is written, not what it says.

use crate::pages::ErrorPage;
use crate::server::Problem;
use askama::Template;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION};
use http::{HeaderName, StatusCode};
use serde::Serialize;

/// What a page may do in the browser. Nothing by default: no script, frame or request but our own stylesheet, images and the two
/// small scripts, and forms that post to ourselves.
#[derive(Debug, Clone, Default)]
pub struct ContentSecurityPolicy {
    form_action: Option<String>,
}

impl ContentSecurityPolicy {
    /// Also lets the form's answer go on to addresses of this scheme. Browsers apply `form-action` to every redirect that follows a
    /// form, the client's own ones included, so the client's origin alone would break clients that redirect once more.
    pub fn form_may_lead_to(scheme: &str) -> Self {
        let safe = scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
        Self { form_action: (safe && !scheme.is_empty()).then(|| format!(" {scheme}:")) }
    }

    fn header(&self) -> Option<HeaderValue> {
        let more = self.form_action.as_deref().unwrap_or_default();
        HeaderValue::from_str(&format!(
            "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; form-action 'self'{more}; \
             frame-ancestors 'none'; base-uri 'none'"
        ))
        .ok()
    }
}

/// A page.
pub fn page(status: StatusCode, template: &impl Template, policy: &ContentSecurityPolicy) -> Response {
    let (Ok(html), Some(policy)) = (template.render(), policy.header()) else {
        return Problem::new(StatusCode::INTERNAL_SERVER_ERROR).into_response();
    };
    let headers: [(HeaderName, HeaderValue); 2] = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, policy),
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
