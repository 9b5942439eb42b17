//! The threads that connections live on. Each schedules only its own connections: nothing is stolen, so an event wakes one thread and not
//! a second one that looks for work. Knows nothing of what happens on a connection.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::thread::Builder as ThreadBuilder;

use pin_project_lite::pin_project;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::flood::Flood;
use super::stalls::{self, Stalls};

/// A cheap clone of the same threads; they end with the last one. The default is the accepting thread alone.
#[derive(Clone, Debug, Default)]
pub struct Threads(Arc<Others>);

/// The threads next to the one that accepts.
#[derive(Debug, Default)]
struct Others {
    handles: Vec<Handle>,
    next: AtomicUsize,
    _ends_them: Option<DropGuard>,
}

impl Threads {
    /// Starts `others` threads next to the one that accepts, watched by `stalls` and told of a
    /// `flood`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(others: usize, stalls: &Stalls, flood: &Flood) -> io::Result<Self> {
        let end = CancellationToken::new();
        let mut handles = Vec::with_capacity(others);
        for number in 1..=others {
            let (runtime, pulse) = stalls.runtime(format!("web-{number}"), flood)?;
            handles.push(runtime.handle().clone());
            let end = end.clone();
            ThreadBuilder::new().name(format!("web-{number}")).spawn(move || {
                let _begun = pulse.begin();
                runtime.block_on(end.cancelled_owned());
            })?;
        }
        Ok(Self(Arc::new(Others { handles, next: AtomicUsize::new(0), _ends_them: Some(end.drop_guard()) })))
    }

    /// Serves a connection on the next thread in turn.
    pub(super) fn spawn<F>(
        &self,
        tracker: &TaskTracker,
        stream: TcpStream,
        serve: impl FnOnce(TcpStream) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let others = &self.0.handles;
        let turn = self.0.next.fetch_add(1, Ordering::Relaxed) % (others.len() + 1);
        let Some(thread) = others.get(turn) else {
            tracker.spawn(Beating { inner: serve(stream) });
            return;
        };
        // The socket's events must arrive where its task runs.
        let moved = stream.into_std();
        tracker.spawn_on(
            async move {
                match moved.and_then(TcpStream::from_std) {
                    Ok(stream) => Beating { inner: serve(stream) }.await,
                    Err(error) => tracing::warn!(%error, "a connection could not be handed to its thread"),
                }
            },
            thread,
        );
    }
}

pin_project! {
    /// A connection; each poll says that its thread is well.
    struct Beating<F> {
        #[pin]
        inner: F,
    }
}

impl<F: Future> Future for Beating<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        stalls::beat();
        self.project().inner.poll(cx)
    }
}
