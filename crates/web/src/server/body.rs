//! Bodies with limits: a request's may neither be too large nor stand still, an answer's keeps its request in flight. Knows no HTTP
//! status; what went wrong is noted for `request`.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use super::activity::InFlight;

/// What became of a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[repr(u8)]
pub(crate) enum BodyState {
    #[error("the body is not complete")]
    Incomplete,
    #[error("the body is complete")]
    Complete,
    #[error("the body is too large")]
    TooLarge,
    #[error("the body stands still")]
    Stalled,
}

/// A note that outlives the body.
#[derive(Clone, Debug)]
pub(crate) struct BodyNote(Arc<AtomicU8>);

impl BodyNote {
    fn new(state: BodyState) -> Self {
        Self(Arc::new(AtomicU8::new(state as u8)))
    }

    fn set(&self, state: BodyState) {
        self.0.store(state as u8, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> BodyState {
        [BodyState::Incomplete, BodyState::Complete, BodyState::TooLarge, BodyState::Stalled]
            .into_iter()
            .find(|state| *state as u8 == self.0.load(Ordering::Relaxed))
            .unwrap_or(BodyState::Incomplete)
    }
}

/// A request body that ends in an error when it grows too large or stands still.
pub(crate) struct LimitedBody {
    inner: Incoming,
    room: usize,
    stall_timeout: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    note: BodyNote,
}

impl LimitedBody {
    pub(crate) fn new(inner: Incoming, room: usize, stall_timeout: Duration) -> Self {
        let state = if inner.is_end_stream() { BodyState::Complete } else { BodyState::Incomplete };
        Self { inner, room, stall_timeout, stalled: None, note: BodyNote::new(state) }
    }

    pub(crate) fn note(&self) -> BodyNote {
        self.note.clone()
    }

    fn fail(&self, state: BodyState) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.note.set(state);
        Poll::Ready(Some(Err(state.into())))
    }

    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let stall_timeout = self.stall_timeout;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(stall_timeout)));
        if stalled.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.fail(BodyState::Stalled)
    }
}

impl Body for LimitedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) else {
            return self.wait(cx);
        };
        let Some(frame) = frame else {
            self.note.set(BodyState::Complete);
            return Poll::Ready(None);
        };
        let frame = frame?;
        let stall_timeout = self.stall_timeout;
        if let Some(stalled) = &mut self.stalled {
            stalled.as_mut().reset(Instant::now() + stall_timeout);
        }
        match self.room.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
            Some(room) => self.room = room,
            None => return self.fail(BodyState::TooLarge),
        }
        if self.inner.is_end_stream() {
            self.note.set(BodyState::Complete);
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The body of an answer. Its request is in flight until the last byte was handed to the connection.
pub(crate) struct AnswerBody {
    inner: axum::body::Body,
    _in_flight: InFlight,
}

impl AnswerBody {
    pub(crate) fn new(inner: axum::body::Body, in_flight: InFlight) -> Self {
        Self { inner, _in_flight: in_flight }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
