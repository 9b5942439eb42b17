//! Problem details for HTTP (RFC 9457): the error body where no OAuth specification prescribes another. Knows no error of ours.

use std::borrow::Cow;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

/// An answer of type `application/problem+json`.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    detail: Option<Cow<'static, str>>,
}

impl Problem {
    /// A problem that its status says all about: type `about:blank`, so the title is the status's phrase (RFC 9457 section 4.2.1).
    pub fn new(status: StatusCode) -> Self {
        Self { status, detail: None }
    }

    /// Adds a sentence that helps the caller with this very occurrence. It is shown to whoever asked.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// What was added.
    pub(crate) fn told(&self) -> &str {
        self.detail.as_deref().unwrap_or_default()
    }
}

/// RFC 9457 section 3.1.
#[derive(Serialize)]
struct Members<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let members = Members {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: self.detail.as_deref(),
        };
        // Strings and a number always serialize; an empty body would still carry the status.
        let mut response = Response::new(Body::from(serde_json::to_vec(&members).unwrap_or_default()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}
