//! The headers every answer carries so that a browser keeps to the safe side. Knows nothing of what is answered; pages set their own
//! Content-Security-Policy.

use http::header::{
    CACHE_CONTROL, HeaderName, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Response};
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tower::{Layer, Service};

/// The layer that adds them. A header the handler has set stays as it is. It boxes nothing: every request pays for it.
#[derive(Clone, Copy, Debug)]
pub struct SecurityHeaders {
    https: bool,
}

impl SecurityHeaders {
    /// `https` says whether the issuer, and so everything here, is reached by https only.
    pub fn new(https: bool) -> Self {
        Self { https }
    }

    fn add(self, headers: &mut HeaderMap) {
        for (name, value) in ALWAYS {
            add_missing(headers, name, value);
        }
        // What is answered here is about one person or one moment, unless a handler knows better (RFC 6749 section 5.1).
        add_missing(headers, CACHE_CONTROL, "no-store");
        if self.https {
            add_missing(headers, STRICT_TRANSPORT_SECURITY, HSTS);
        }
    }
}

impl<S> Layer<S> for SecurityHeaders {
    type Service = WithSecurityHeaders<S>;

    fn layer(&self, inner: S) -> Self::Service {
        WithSecurityHeaders { inner, which: *self }
    }
}

/// A service whose every answer carries them.
#[derive(Clone, Copy, Debug)]
pub struct WithSecurityHeaders<S> {
    inner: S,
    which: SecurityHeaders,
}

impl<R, B, S: Service<R, Response = Response<B>>> Service<R> for WithSecurityHeaders<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = AddingFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        AddingFuture { inner: self.inner.call(request), which: self.which }
    }
}

pin_project! {
    /// An answer on its way.
    #[derive(Debug)]
    pub struct AddingFuture<F> {
        #[pin]
        inner: F,
        which: SecurityHeaders,
    }
}

impl<F, B, E> Future for AddingFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut answered = ready!(this.inner.poll(cx));
        if let Ok(response) = &mut answered {
            this.which.add(response.headers_mut());
        }
        Poll::Ready(answered)
    }
}

/// Whether a page keeps the window that opened it.
pub(crate) const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

const ALWAYS: [(HeaderName, &str); 5] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // With `no-referrer` browsers send `Origin: null` along with our own forms, and the CSRF check needs the origin.
    (REFERRER_POLICY, "same-origin"),
    (OPENER_POLICY, "same-origin"),
    // For browsers that do not know `frame-ancestors` (RFC 9700 section 4.16).
    (X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// RFC 6797 section 6.1, for two years. Subdomains are not ours to decide about.
const HSTS: &str = "max-age=63072000";

fn add_missing(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.entry(name).or_insert(HeaderValue::from_static(value));
}
