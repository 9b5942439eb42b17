//! The layer around one route that times its requests. It boxes nothing and asks for no lock: every request pays for it.

use super::Refusal;
use super::routes::{MethodPlace, Route};
use axum::extract::Request;
use axum::response::Response;
use pin_project_lite::pin_project;
use protocol::ErrorCode;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;
use tower::{Layer, Service};

/// Left on an answer by who refused: what it said, and whether it was too much rather than wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    pub(crate) code: ErrorCode,
    pub(crate) refusal: Option<Refusal>,
}

/// The layer.
#[derive(Clone)]
pub(crate) struct Timed(pub(super) Arc<Route>);

impl<S> Layer<S> for Timed {
    type Service = TimedService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TimedService { inner, route: Arc::clone(&self.0) }
    }
}

#[derive(Clone)]
pub(crate) struct TimedService<S> {
    inner: S,
    route: Arc<Route>,
}

impl<S> Service<Request> for TimedService<S>
where
    S: Service<Request, Response = Response>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = TimedFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let method = MethodPlace::from(request.method());
        let began = monotonic();
        TimedFuture { inner: self.inner.call(request), route: Arc::clone(&self.route), method, began }
    }
}

pin_project! {
    /// A request on its way.
    pub(crate) struct TimedFuture<F> {
        #[pin]
        inner: F,
        route: Arc<Route>,
        method: MethodPlace,
        began: Instant,
    }
}

impl<F, E> Future for TimedFuture<F>
where
    F: Future<Output = Result<Response, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answered = ready!(this.inner.poll(cx));
        if let Ok(response) = &answered {
            this.route.record(*this.method, response.status(), this.began.elapsed());
            if let Some(told) = response.extensions().get::<Told>() {
                this.route.tallies.count(*told);
            }
        }
        Poll::Ready(answered)
    }
}

#[expect(clippy::disallowed_methods, reason = "a request's duration is measured, not decided by")]
fn monotonic() -> Instant {
    Instant::now()
}
