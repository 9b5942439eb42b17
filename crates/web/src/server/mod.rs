//! The connection side: accepts sockets, speaks TLS, HTTP/1.1 and HTTP/2, and bounds what any one client may take: time, bytes,
//! connections. Knows no route, no page and no protocol; the router is handed in.
//!
//! `axum::serve` cannot set any of these limits, so the accept loop is our own. What it refuses to do: HTTP/2 without TLS (a client
//! that connects and says nothing would have to be guessed at), connection upgrades, more than one certificate.
//!
//! At `max_connections` the next ones wait un-accepted in the kernel's backlog: a burst is then served late instead of refused. So
//! that the wait ends, answers close their connections while the house is full, and silent ones are cut by the time-outs.

mod activity;
mod admission;
mod body;
pub mod client_address;
mod connection;
mod listener;
pub mod problem;
pub mod rate_limit;
mod request;
pub mod security_headers;
mod threads;
pub mod tls;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ipnet::IpNet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use client_address::{ClientAddress, Peer, Scheme, TrustedProxies};
pub use listener::Listener;
pub use problem::Problem;
pub use threads::Threads;
pub use tls::{Tls, TlsError};

use admission::Admission;
use connection::Connections;

/// The limits of a server. [`ServerOptions::default`] gives the values to run with.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// How long a client may take to send the head of a request, counted from its first byte (from the start of the connection for the
    /// first request).
    pub header_read_timeout: Duration,
    /// How long a connection may wait for its next request.
    pub idle_timeout: Duration,
    /// How long a request body may stand still before the request is answered with 408.
    pub body_read_timeout: Duration,
    /// How long a request may take until its answer begins, its body included: 408 when the body was what took so long, else 503.
    pub request_timeout: Duration,
    /// How long a client may refuse to take the answer.
    pub write_timeout: Duration,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// How long requests in flight may still take once the server was told to stop.
    pub drain_timeout: Duration,
    /// How many connections are open at once; more wait un-accepted.
    pub max_connections: usize,
    /// How many of them one address may hold (an IPv6 /64 counts as one); more are closed at once. `None` is no limit.
    pub max_connections_per_address: Option<u32>,
    /// Whom that limit does not concern, next to the trusted proxies: by default this machine itself.
    pub unlimited_addresses: Vec<IpNet>,
    /// Bytes of the head of a request: request line and headers. More is answered with 431.
    pub max_header_bytes: usize,
    /// How many header lines a request may have. More is answered with 431.
    pub max_headers: usize,
    /// Bytes of a request body. More is answered with 413.
    pub max_body_bytes: usize,
    /// Whose forwarding headers are believed.
    pub trusted_proxies: TrustedProxies,
    /// Where it is counted what goes on; keep a clone to read it.
    pub stats: ServerStats,
    /// Where connections live.
    pub threads: Threads,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            header_read_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            body_read_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            handshake_timeout: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(20),
            max_connections: 10_000,
            max_connections_per_address: Some(256),
            unlimited_addresses: client_address::this_machine(),
            max_header_bytes: 32 * 1024,
            max_headers: 100,
            max_body_bytes: 64 * 1024,
            trusted_proxies: TrustedProxies::default(),
            stats: ServerStats::default(),
            threads: Threads::default(),
        }
    }
}

/// Counts of one server, for metrics. A cheap clone of the same counts.
#[derive(Clone, Debug, Default)]
pub struct ServerStats(Arc<Counts>);

#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) open: AtomicU64,
    pub(crate) accepted: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) timed_out: AtomicU64,
    pub(crate) failed_handshakes: AtomicU64,
    pub(crate) panics: AtomicU64,
    pub(crate) requests: AtomicU64,
}

impl ServerStats {
    /// Connections open now.
    pub fn open(&self) -> u64 {
        self.0.open.load(Ordering::Relaxed)
    }

    /// Connections accepted since the start.
    pub fn accepted(&self) -> u64 {
        self.0.accepted.load(Ordering::Relaxed)
    }

    /// Connections closed at once because their address held too many.
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// Connections cut because their client was too slow. Those that merely fell idle are not counted.
    pub fn timed_out(&self) -> u64 {
        self.0.timed_out.load(Ordering::Relaxed)
    }

    /// TLS handshakes that failed or took too long.
    pub fn failed_handshakes(&self) -> u64 {
        self.0.failed_handshakes.load(Ordering::Relaxed)
    }

    /// Requests whose handler panicked; they were answered with 500.
    pub fn panics(&self) -> u64 {
        self.0.panics.load(Ordering::Relaxed)
    }

    /// Requests received.
    pub fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.0
    }
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// What a server did, told when it has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServeReport {
    /// Connections accepted in all.
    pub accepted: u64,
    /// Connections that were open when it was told to stop and ended by themselves.
    pub drained: usize,
    /// Connections that were still busy at the end of the drain time-out and were cut.
    pub cut: usize,
}

/// Serves `router` on `listener` until `shutdown` is cancelled, then stops accepting, lets requests in flight end within the drain
/// time-out, and returns when no connection is left.
///
/// Every request carries the extensions [`Peer`], [`Scheme`] and [`ClientAddress`].
pub async fn serve(
    listener: Listener,
    router: axum::Router,
    options: ServerOptions,
    tls: Option<Tls>,
    shutdown: CancellationToken,
) -> ServeReport {
    let drain_timeout = options.drain_timeout;
    let stats = options.stats.clone();
    let threads = options.threads.clone();
    let cut = CancellationToken::new();
    let tracker = TaskTracker::new();
    let connections = Arc::new(Connections {
        router,
        tls,
        admission: Admission::new(&options),
        options,
        drain: shutdown.clone(),
        cut: cut.clone(),
    });

    // The counts may be shared with other servers; the report is about this one.
    let accepted = AtomicU64::new(0);
    let accepting = async {
        loop {
            let permit = connections.admission.permit().await;
            let (stream, peer) = listener.accept().await;
            count(&accepted);
            count(&stats.counts().accepted);
            if let Some(admitted) = connections.admission.admit(peer.ip(), permit) {
                let connections = Arc::clone(&connections);
                let run = move |stream| connections.run(stream, peer, admitted);
                threads.spawn(&tracker, stream, run);
            } else {
                count(&stats.counts().refused);
                tracing::debug!(peer = %peer.ip(), "connection refused: this address holds too many");
            }
        }
    };
    tokio::select! {
        biased;
        () = shutdown.cancelled() => {}
        () = accepting => {}
    }

    // The listener is closed before anything is waited for, so that a new connection is refused and can go elsewhere.
    drop(listener);
    tracker.close();
    let open = tracker.len();
    let still_busy = match tokio::time::timeout(drain_timeout, tracker.wait()).await {
        Ok(()) => 0,
        Err(_) => tracker.len(),
    };
    cut.cancel();
    tracker.wait().await;
    ServeReport { accepted: accepted.into_inner(), drained: open.saturating_sub(still_busy), cut: still_busy }
}
