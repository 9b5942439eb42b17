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
mod client_certificates;
mod connection;
mod flood;
mod forwarding;
pub(crate) mod head;
mod listener;
pub mod problem;
pub mod rate_limit;
mod request;
mod screen;
pub mod security_headers;
pub mod stalls;
mod threads;
pub mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ipnet::IpNet;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use client_address::{ClientAddress, ForwardedHost, ForwardingHeader, Peer, Scheme, TrustedProxies};
pub use client_certificates::CertificateHeader;
pub use flood::Flood;
pub use forwarding::{Forwarding, Notice};
pub use listener::{Listener, Sharing};
pub use problem::Problem;
pub use stalls::Stalls;
pub use threads::Threads;
pub use tls::{Tls, TlsError};

use admission::Admission;
use connection::Connections;
use listener::Queue;

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
    /// How long the server goes on as before once it was told to stop, so that load balancers see that it is not ready and turn away.
    pub drain_delay: Duration,
    /// How long idle HTTP/1 connections stay open after that: a request that is under way already is answered.
    pub drain_grace: Duration,
    /// How long requests in flight may still take then.
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
    /// Where they say whom they forward.
    pub forwarding_header: ForwardingHeader,
    /// Where they pass on the certificates of their clients; nobody else is believed.
    pub client_certificate_header: Option<CertificateHeader>,
    /// What is noticed of proxies that are not set up as they can be meant.
    pub forwarding: Forwarding,
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
            drain_delay: Duration::ZERO,
            drain_grace: Duration::from_secs(1),
            drain_timeout: Duration::from_secs(20),
            max_connections: 10_000,
            max_connections_per_address: Some(256),
            unlimited_addresses: client_address::this_machine(),
            max_header_bytes: 32 * 1024,
            max_headers: 100,
            max_body_bytes: 64 * 1024,
            trusted_proxies: TrustedProxies::default(),
            forwarding_header: ForwardingHeader::default(),
            client_certificate_header: None,
            forwarding: Forwarding::default(),
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

/// Serves `router` on `listener` until `shutdown` is cancelled, and then for as long as it takes to lose no request: goes on for the
/// drain delay, takes what waits in the accept queue and no more, answers what is in flight or under way, closes what stays idle for the
/// drain grace, and cuts what is busy at the drain time-out. From `shutdown` on every HTTP/1 answer says that it is its connection's last.
///
/// Every request carries the extensions [`Peer`], [`Scheme`] and [`ClientAddress`]; one of HTTP/1.1 or 2 has one valid `Host`.
pub async fn serve(
    listener: Listener,
    router: axum::Router,
    options: ServerOptions,
    tls: Option<Tls>,
    shutdown: CancellationToken,
) -> ServeReport {
    let (drain_delay, drain_timeout) = (options.drain_delay, options.drain_timeout);
    let tracker = TaskTracker::new();
    let connections = Arc::new(Connections {
        router,
        tls,
        admission: Admission::new(&options),
        options,
        leaving: shutdown.clone(),
        drain: CancellationToken::new(),
        cut: CancellationToken::new(),
    });
    let mut reception =
        Reception { connections: Arc::clone(&connections), tracker: tracker.clone(), accepted: 0 };
    let until = async {
        shutdown.cancelled().await;
        // A timer takes a moment even for nothing.
        if !drain_delay.is_zero() {
            tokio::time::sleep(drain_delay).await;
        }
    };
    tokio::select! {
        biased;
        () = until => {}
        () = reception.accept_from(&listener) => {}
    }

    // Idle connections begin to go before the queue is emptied, so that one that waits for room is not kept waiting by them.
    connections.drain.cancel();
    let drain_until = tokio::time::Instant::now() + drain_timeout;
    let emptied = tokio::time::timeout_at(drain_until, reception.empty(listener.stop())).await;
    if emptied.is_err() {
        tracing::warn!("connections still waited to be accepted at the end of the drain time-out");
    }
    tracker.close();
    let open = tracker.len();
    let still_busy = match tokio::time::timeout_at(drain_until, tracker.wait()).await {
        Ok(()) => 0,
        Err(_) => tracker.len(),
    };
    connections.cut.cancel();
    tracker.wait().await;
    ServeReport { accepted: reception.accepted, drained: open.saturating_sub(still_busy), cut: still_busy }
}

/// Where connections come in.
struct Reception {
    connections: Arc<Connections>,
    tracker: TaskTracker,
    /// The counts in the options may be shared with other servers; this is about this one.
    accepted: u64,
}

impl Reception {
    async fn accept_from(&mut self, listener: &Listener) {
        loop {
            let permit = self.connections.admission.permit().await;
            let (stream, peer) = listener.accept().await;
            self.receive(stream, peer, permit);
        }
    }

    /// Takes what waits in the queue, and closes it.
    async fn empty(&mut self, mut queue: Queue) {
        loop {
            let permit = self.connections.admission.permit().await;
            let Some((stream, peer)) = queue.next() else { return };
            self.receive(stream, peer, permit);
        }
    }

    fn receive(&mut self, stream: TcpStream, peer: SocketAddr, permit: OwnedSemaphorePermit) {
        let connections = &self.connections;
        self.accepted += 1;
        let stats = connections.options.stats.counts();
        count(&stats.accepted);
        if let Some(admitted) = connections.admission.admit(peer.ip(), permit) {
            let running = Arc::clone(connections);
            let run = move |stream| running.run(stream, peer, admitted);
            connections.options.threads.spawn(&self.tracker, stream, run);
        } else {
            count(&stats.refused);
            tracing::debug!(peer = %peer.ip(), "connection refused: this address holds too many");
        }
    }
}
