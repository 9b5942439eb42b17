//! A traced request, and what it waited for. Whoever does what takes long wraps it in [`span`]; that costs a look at the thread's own memory
//! when nothing is traced. Knows no header, no exporter, and not which requests are traced.

use pin_project_lite::pin_project;
use std::cell::RefCell;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

/// So many spans of one request are kept; a defect that asks a thousand times must not fill the memory.
const MOST_SPANS: usize = 64;

thread_local! {
    static CURRENT: RefCell<Option<Arc<Trace>>> = const { RefCell::new(None) };
}

/// One request that is traced.
#[derive(Debug)]
pub struct Trace {
    /// The trace it belongs to (W3C Trace Context section 3.2.2.3).
    pub trace_id: [u8; 16],
    /// The request's own span.
    pub span_id: [u8; 8],
    /// The caller's span, if it told one.
    pub parent_id: Option<[u8; 8]>,
    spans: Mutex<Vec<Span>>,
}

/// Something the request waited for.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// What.
    pub name: &'static str,
    /// From when,
    pub began: Instant,
    /// until when.
    pub ended: Instant,
}

impl Trace {
    /// A trace with nothing in it yet.
    pub fn new(trace_id: [u8; 16], span_id: [u8; 8], parent_id: Option<[u8; 8]>) -> Arc<Self> {
        Arc::new(Self { trace_id, span_id, parent_id, spans: Mutex::default() })
    }

    /// Runs `poll` as part of this request: spans that begin within are its own.
    pub fn within<R>(self: &Arc<Self>, poll: impl FnOnce() -> R) -> R {
        let _back = Back(CURRENT.replace(Some(Arc::clone(self))));
        poll()
    }

    /// What it waited for.
    pub fn spans(&self) -> Vec<Span> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, span: Span) {
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        if spans.len() < MOST_SPANS {
            spans.push(span);
        }
    }
}

/// Puts back what was traced before, whatever happens.
struct Back(Option<Arc<Trace>>);

impl Drop for Back {
    fn drop(&mut self) {
        CURRENT.replace(self.0.take());
    }
}

/// The trace that what runs now belongs to, for the log.
pub fn current_trace_id() -> Option<[u8; 16]> {
    CURRENT.with_borrow(|current| current.as_ref().map(|trace| trace.trace_id))
}

/// Times `work` as a part of the request that polls it first, if that is traced.
pub fn span<F: Future>(name: &'static str, work: F) -> Spanned<F> {
    Spanned { work, name, begun: Begun::Not }
}

enum Begun {
    Not,
    Untraced,
    At(Arc<Trace>, Instant),
}

pin_project! {
    /// Work that is timed if it is traced.
    pub struct Spanned<F> {
        #[pin]
        work: F,
        name: &'static str,
        begun: Begun,
    }
}

impl<F: Future> Future for Spanned<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        if matches!(this.begun, Begun::Not) {
            let current = CURRENT.with_borrow(Clone::clone);
            *this.begun = current.map_or(Begun::Untraced, |trace| Begun::At(trace, monotonic()));
        }
        let output = ready!(this.work.poll(cx));
        if let Begun::At(trace, began) = this.begun {
            trace.add(Span { name: this.name, began: *began, ended: monotonic() });
        }
        Poll::Ready(output)
    }
}

#[expect(clippy::disallowed_methods, reason = "how long something took is measured, not decided by")]
fn monotonic() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};
    use std::pin::pin;
    use std::task::Waker;

    #[test]
    fn what_a_traced_request_waits_for_is_its_own_and_nobody_elses() {
        let mut cx = Context::from_waker(Waker::noop());
        let trace = Trace::new([1; 16], [2; 8], None);
        let (mut mine, mut never) = (pin!(span("mine", ready(1))), pin!(span("never", pending::<()>())));
        let mut other = pin!(span("other", ready(3)));
        trace.within(|| {
            assert_eq!(current_trace_id(), Some([1; 16]));
            assert!(mine.as_mut().poll(&mut cx).is_ready() && never.as_mut().poll(&mut cx).is_pending());
        });
        assert_eq!(current_trace_id(), None);
        assert!(other.as_mut().poll(&mut cx).is_ready());
        let names: Vec<&str> = trace.spans().iter().map(|span| span.name).collect();
        assert_eq!(names, ["mine"]);
    }

    #[test]
    fn a_trace_is_bounded() {
        let mut cx = Context::from_waker(Waker::noop());
        let trace = Trace::new([1; 16], [2; 8], None);
        trace.within(|| {
            for _ in 0..1_000 {
                assert!(pin!(span("again", ready(()))).poll(&mut cx).is_ready());
            }
        });
        assert_eq!(trace.spans().len(), MOST_SPANS);
    }
}
