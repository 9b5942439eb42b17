//! The threads that connections live on. Each schedules only its own connections: nothing is stolen, so an event wakes one thread and not
//! a second one that looks for work. Knows nothing of what happens on a connection.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::Builder as ThreadBuilder;

use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

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
    /// Starts `others` threads next to the one that accepts.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(others: usize) -> io::Result<Self> {
        let end = CancellationToken::new();
        let mut handles = Vec::with_capacity(others);
        for _ in 0..others {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            handles.push(runtime.handle().clone());
            let end = end.clone();
            ThreadBuilder::new()
                .name("web".to_owned())
                .spawn(move || runtime.block_on(end.cancelled_owned()))?;
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
            tracker.spawn(serve(stream));
            return;
        };
        // The socket's events must arrive where its task runs.
        let moved = stream.into_std();
        tracker.spawn_on(
            async move {
                match moved.and_then(TcpStream::from_std) {
                    Ok(stream) => serve(stream).await,
                    Err(error) => tracing::warn!(%error, "a connection could not be handed to its thread"),
                }
            },
            thread,
        );
    }
}
