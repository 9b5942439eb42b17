//! The layer around one route that times its requests. It boxes nothing and asks for no lock: every request pays for it.

use super::routes::{MethodPlace, Route};
use super::{Refusal, TracedRequest};
use crate::refusals::{self, Noted, Refused};
use crate::server::stalls::{self, Doing};
use axum::extract::Request;
use axum::response::Response;
use http::Method;
use meter::Trace;
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
    /// Whether the client was told by sending the browser back.
    pub(crate) sent_back: bool,
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
        let route = Arc::clone(&self.route);
        let traced = route.tallies.tracer.as_ref().and_then(|tracer| {
            let trace = tracer.begin(&request)?;
            Some(Box::new(Traced { trace, method: request.method().clone() }))
        });
        TimedFuture {
            inner: self.inner.call(request),
            route,
            method,
            began,
            polled: Some(began),
            noted: None,
            traced,
        }
    }
}

/// What a traced request carries.
struct Traced {
    trace: Arc<Trace>,
    method: Method,
}

pin_project! {
    /// A request on its way.
    pub(crate) struct TimedFuture<F> {
        #[pin]
        inner: F,
        route: Arc<Route>,
        method: MethodPlace,
        began: Instant,
        // Of the first poll it is the beginning, too; none later costs a request that is answered at once a look at the clock.
        polled: Option<Instant>,
        // What is noted of it in case that it is refused.
        noted: Option<Box<Noted>>,
        traced: Option<Box<Traced>>,
    }
}

impl<F, E> Future for TimedFuture<F>
where
    F: Future<Output = Result<Response, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let polled = this.polled.take().unwrap_or_else(monotonic);
        stalls::doing(this.route.doing);
        refusals::resume(this.noted.take());
        let answered = match this.traced {
            None => this.inner.poll(cx),
            Some(traced) => traced.trace.within(|| this.inner.poll(cx)),
        };
        *this.noted = refusals::suspend();
        stalls::doing(Doing::default());
        let now = monotonic();
        this.route.tallies.stalls.polled(this.route.doing, now.saturating_duration_since(polled));
        let mut answered = ready!(answered);
        if let Ok(response) = &mut answered {
            this.route.record(*this.method, response.status(), now.saturating_duration_since(*this.began));
            if let (Some(Traced { trace, method }), Some(tracer)) =
                (this.traced.take().map(|traced| *traced), &this.route.tallies.tracer)
            {
                let (route, status, began) = (this.route.name, response.status(), *this.began);
                tracer.end(TracedRequest { trace, route, method, status, began, ended: now });
            }
            if let Some(told) = response.extensions().get::<Told>() {
                this.route.tallies.count(*told);
            }
            if let Some(refused) = response.extensions_mut().remove::<Refused>() {
                let noted = this.noted.take();
                refusals::tell(this.route.name, this.method.name(), &refused, noted.as_deref());
                if let Some(id) = noted.as_deref().and_then(refusals::header) {
                    response.headers_mut().insert(refusals::REQUEST_ID, id);
                }
            }
        }
        Poll::Ready(answered)
    }
}

#[expect(clippy::disallowed_methods, reason = "a request's duration is measured, not decided by")]
fn monotonic() -> Instant {
    Instant::now()
}
