//! What a connection is doing, seen from its bytes: waiting for a request, receiving the head of one, or answering. From that
//! follows when it has waited too long. Knows no HTTP beyond that.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::screen::Screen;
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// Shared by a connection's socket, its watchdog and its requests. Times are milliseconds since it began; zero is never.
pub(crate) struct Activity {
    began: Instant,
    in_flight: AtomicUsize,
    first_byte: AtomicU64,
    idle_since: AtomicU64,
    has_served: AtomicBool,
    is_writing: AtomicBool,
}

/// Until when a connection may go on as it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deadline {
    /// The head of a request must be complete by then.
    Head(Instant),
    /// The next request must begin by then.
    Idle(Instant),
    /// Requests are in flight and have time-outs of their own; look again then.
    Busy(Instant),
}

impl Deadline {
    pub(crate) fn at(self) -> Instant {
        let (Self::Head(at) | Self::Idle(at) | Self::Busy(at)) = self;
        at
    }
}

impl Activity {
    pub(crate) fn begin() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            in_flight: AtomicUsize::new(0),
            first_byte: AtomicU64::new(0),
            idle_since: AtomicU64::new(0),
            has_served: AtomicBool::new(false),
            is_writing: AtomicBool::new(false),
        })
    }

    /// A request has arrived; it is in flight until the guard is dropped.
    pub(crate) fn request(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.first_byte.store(0, Ordering::Relaxed);
        self.has_served.store(true, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    /// `head` bounds a request's head, `idle` the wait for the next one. On a multiplexed connection bytes arrive between requests
    /// (RFC 9113 section 6: pings, settings, window updates), so there the first byte says nothing.
    pub(crate) fn deadline(&self, head: Duration, idle: Duration, multiplexed: bool) -> Deadline {
        if self.in_flight.load(Ordering::Relaxed) > 0 {
            return Deadline::Busy(Instant::now() + head);
        }
        let first_byte = self.first_byte.load(Ordering::Relaxed);
        if !self.has_served.load(Ordering::Relaxed) {
            Deadline::Head(self.began + head)
        } else if first_byte > 0 && !multiplexed {
            Deadline::Head(self.began + Duration::from_millis(first_byte) + head)
        } else {
            Deadline::Idle(self.idle_since() + idle)
        }
    }

    /// The deadline of a server that stops: whoever sends nothing for so long, counted from the drain's beginning, is idle.
    pub(crate) fn draining(&self, deadline: Deadline, since: Instant, grace: Duration) -> Deadline {
        let silent = self.first_byte.load(Ordering::Relaxed) == 0;
        match deadline {
            Deadline::Idle(at) => Deadline::Idle(at.min(self.idle_since().max(since) + grace)),
            // Connected ahead of need, as browsers do, or its first request is under way.
            Deadline::Head(at) if silent => Deadline::Idle(at.min(self.began.max(since) + grace)),
            deadline => deadline,
        }
    }

    /// Since when nothing has been received, asked or left unwritten; nothing while something is, or before the first request.
    pub(crate) fn rests_since(&self) -> Option<Instant> {
        let busy = self.in_flight.load(Ordering::Relaxed) > 0
            || self.first_byte.load(Ordering::Relaxed) > 0
            || self.is_writing.load(Ordering::Relaxed);
        (!busy && self.has_served.load(Ordering::Relaxed)).then(|| self.idle_since())
    }

    fn idle_since(&self) -> Instant {
        self.began + Duration::from_millis(self.idle_since.load(Ordering::Relaxed))
    }

    fn received(&self) {
        if self.in_flight.load(Ordering::Relaxed) == 0 && self.first_byte.load(Ordering::Relaxed) == 0 {
            self.first_byte.store(self.elapsed(), Ordering::Relaxed);
        }
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
    }
}

/// One request, from its head to the last byte of its answer.
pub(crate) struct InFlight(Arc<Activity>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.idle_since.store(self.0.elapsed(), Ordering::Relaxed);
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A socket that reports received bytes, and fails when its peer takes none for too long.
pub(crate) struct Watched<S> {
    inner: S,
    activity: Arc<Activity>,
    write_timeout: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    /// Received, and not yet read.
    unread: Bytes,
    /// For HTTP/1.
    screen: Option<Screen>,
}

impl<S> Watched<S> {
    pub(crate) fn new(inner: S, activity: Arc<Activity>, write_timeout: Duration) -> Self {
        Self { inner, activity, write_timeout, stalled: None, unread: Bytes::new(), screen: None }
    }

    /// What is received is HTTP/1.
    pub(crate) fn screened(mut self) -> Self {
        self.screen = Some(Screen::new());
        self
    }

    /// Is read again before anything that is received from now on.
    pub(crate) fn put_back(&mut self, bytes: Bytes) {
        self.unread = bytes;
    }

    /// Whether something was put back.
    pub(crate) fn has_unread(&self) -> bool {
        !self.unread.is_empty()
    }

    /// Passes a finished write on, and turns one that has been pending for too long into an error.
    fn bounded<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.activity.is_writing.store(written.is_pending(), Ordering::Relaxed);
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let write_timeout = self.write_timeout;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(write_timeout)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not take its answer")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.has_unread() {
            let some = self.unread.len().min(buffer.remaining());
            buffer.put_slice(&self.unread.split_to(some));
            self.activity.received();
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            if let Some(screen) = &mut self.screen {
                screen.pass(buffer.filled_mut().get_mut(before..).unwrap_or_default());
            }
            self.activity.received();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.bounded(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        self.bounded(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.bounded(cx, closed)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.bounded(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Duration = Duration::from_secs(10);
    const IDLE: Duration = Duration::from_secs(75);

    #[tokio::test(start_paused = true)]
    async fn each_state_has_its_own_deadline() {
        let activity = Activity::begin();
        let began = activity.began;
        assert_eq!(activity.deadline(HEAD, IDLE, false), Deadline::Head(began + HEAD), "before any byte");
        tokio::time::advance(Duration::from_secs(3)).await;
        activity.received();
        assert_eq!(activity.deadline(HEAD, IDLE, false), Deadline::Head(began + HEAD), "the first head");

        let request = activity.request();
        assert!(matches!(activity.deadline(HEAD, IDLE, false), Deadline::Busy(_)));
        activity.received();
        drop(request);
        let idle_until = Deadline::Idle(began + Duration::from_secs(3) + IDLE);
        assert_eq!(activity.deadline(HEAD, IDLE, false), idle_until, "a body's bytes begin no head");

        tokio::time::advance(Duration::from_secs(2)).await;
        activity.received();
        tokio::time::advance(Duration::from_secs(2)).await;
        activity.received();
        let head_until = Deadline::Head(began + Duration::from_secs(5) + HEAD);
        assert_eq!(activity.deadline(HEAD, IDLE, false), head_until, "later bytes do not prolong");
        assert_eq!(activity.deadline(HEAD, IDLE, true), idle_until, "HTTP/2 frames between requests");
    }

    #[tokio::test(start_paused = true)]
    async fn a_drain_waits_the_grace_for_the_silent_and_as_ever_for_the_busy() {
        const GRACE: Duration = Duration::from_secs(1);
        let activity = Activity::begin();
        let draining = |since| activity.draining(activity.deadline(HEAD, IDLE, false), since, GRACE);
        assert_eq!(draining(activity.began), Deadline::Idle(activity.began + GRACE), "no byte yet");
        activity.received();
        assert_eq!(draining(activity.began), Deadline::Head(activity.began + HEAD), "a request is under way");
        let request = activity.request();
        assert!(matches!(draining(activity.began), Deadline::Busy(_)));
        tokio::time::advance(Duration::from_secs(3)).await;
        drop(request);
        assert_eq!(
            draining(activity.began),
            Deadline::Idle(Instant::now() + GRACE),
            "an answer that did not say so"
        );
        let later = Instant::now() + Duration::from_secs(2);
        assert_eq!(draining(later), Deadline::Idle(later + GRACE));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_is_given_up() {
        use tokio::io::AsyncWriteExt as _;
        let (ours, _theirs) = tokio::io::duplex(16);
        let mut watched = Watched::new(ours, Activity::begin(), Duration::from_secs(30));
        let began = Instant::now();
        let error = watched.write_all(&[0; 17]).await.expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(began.elapsed().as_secs(), 30);
    }
}
