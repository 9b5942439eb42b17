//! One connection, from its first byte to its last: the TLS handshake, the protocol that was agreed on, the watchdog, the drain.
//! Knows nothing of the requests on it.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use protocol::ClientCertificate;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::activity::{Activity, Deadline, Watched};
use super::admission::{Admission, Admitted};
use super::client_address::{Peer, Scheme};
use super::request::{Caller, Requests};
use super::{ServerOptions, Tls, count};

/// RFC 9113 section 5.1.2: how many requests one connection may have open.
const MAX_STREAMS: u32 = 100;
/// hyper keeps the parsed head of a request on the stack up to this many headers.
const HEADERS_ON_THE_STACK: usize = 100;
/// What is read ahead, and written in one go, at most. (hyper wants 8 KiB at least.)
const LEAST_BUFFER: usize = 64 * 1024;
/// An HTTP/1 connection that was idle for so long gives its buffers back.
const REST_AFTER: Duration = Duration::from_millis(250);
/// How long an idle connection may take to say goodbye.
const FAREWELL: Duration = Duration::from_secs(1);

/// What all connections of a server share.
pub(crate) struct Connections {
    pub(crate) router: axum::Router,
    pub(crate) options: ServerOptions,
    pub(crate) tls: Option<Tls>,
    pub(crate) admission: Admission,
    /// Every HTTP/1 answer is its connection's last.
    pub(crate) leaving: CancellationToken,
    /// Finish what is in flight or under way, and take no more.
    pub(crate) drain: CancellationToken,
    /// Stop where you are.
    pub(crate) cut: CancellationToken,
}

impl Connections {
    /// Serves one connection until it ends.
    pub(crate) async fn run(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, _admitted: Admitted) {
        let Some(tls) = &self.tls else {
            let caller = Caller { peer: Peer(peer), scheme: Scheme::Http, certificate: None };
            return self.speak(stream, caller, false).await;
        };
        let handshake = timeout(self.options.handshake_timeout, tls.acceptor().accept(stream));
        let stream = tokio::select! {
            biased;
            handshake = handshake => match handshake {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => return self.handshake_failed(peer, &error),
                Err(elapsed) => return self.handshake_failed(peer, &elapsed),
            },
            // A drain waits for the handshake: the request behind it is under way.
            () = self.cut.cancelled() => return,
        };
        let session = stream.get_ref().1;
        let http2 = session.alpn_protocol() == Some(b"h2");
        let chain = session.peer_certificates().unwrap_or_default().iter().map(|der| der.to_vec());
        let caller =
            Caller { peer: Peer(peer), scheme: Scheme::Https, certificate: ClientCertificate::new(chain) };
        Box::pin(self.speak(stream, caller, http2)).await;
    }

    fn handshake_failed(&self, peer: SocketAddr, why: &dyn std::error::Error) {
        count(&self.options.stats.counts().failed_handshakes);
        tracing::debug!(peer = %peer.ip(), %why, "TLS handshake failed");
    }

    async fn speak<S>(self: &Arc<Self>, stream: S, caller: Caller, http2: bool)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let activity = Activity::begin();
        let mut io = Watched::new(stream, Arc::clone(&activity), self.options.write_timeout);
        let requests = Arc::new(Requests::new(Arc::clone(self), caller, Arc::clone(&activity)));
        let service = || {
            let requests = Arc::clone(&requests);
            service_fn(move |request| Arc::clone(&requests).answer(request))
        };
        if http2 {
            let connection = self.http2().serve_connection(TokioIo::new(io), service());
            self.watch(pin!(connection), &activity).await;
            return;
        }
        io = io.screened();
        loop {
            let mut connection = self.http1().serve_connection(TokioIo::new(io), service());
            if !matches!(self.watch(Pin::new(&mut connection), &activity).await, Watching::Rests) {
                return;
            }
            let parts = connection.into_parts();
            io = parts.io.into_inner();
            io.put_back(parts.read_buf);
            if !self.rest(&mut io, &activity).await {
                return;
            }
        }
    }

    /// Waits for the next request with the socket alone: of ten thousand open connections most are idle, and hyper's buffers are what an idle
    /// one weighs. Whether it goes on.
    async fn rest<S>(&self, io: &mut Watched<S>, activity: &Activity) -> bool
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        if io.has_unread() {
            return true;
        }
        let idle = activity.deadline(self.options.header_read_timeout, self.options.idle_timeout, false).at();
        let mut byte = [0];
        tokio::select! {
            biased;
            read = io.read(&mut byte) => {
                io.put_back(Bytes::copy_from_slice(&byte));
                read.is_ok_and(|count| count == 1)
            }
            // What a drain gives an idle connection it is given as one that is awake.
            () = self.drain.cancelled() => true,
            () = self.cut.cancelled() => false,
            () = sleep_until(idle) => {
                timeout(FAREWELL, io.shutdown()).await.ok();
                false
            }
        }
    }

    fn http1(&self) -> http1::Builder {
        let mut builder = http1::Builder::new();
        // No timer: our own watchdog tells a slow head from an idle connection, which hyper's time-out does not.
        builder
            .max_header_size(self.options.max_header_bytes)
            .max_buf_size(self.options.max_header_bytes.max(LEAST_BUFFER));
        if self.options.max_headers != HEADERS_ON_THE_STACK {
            builder.max_headers(self.options.max_headers);
        }
        builder
    }

    fn http2(&self) -> http2::Builder<TokioExecutor> {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(u32::try_from(self.options.max_header_bytes).unwrap_or(u32::MAX));
        builder
    }

    /// Drives a connection to its end: its own, that of the watchdog's patience, or that of the server.
    async fn watch<C: Drainable>(&self, mut connection: Pin<&mut C>, activity: &Activity) -> Watching {
        let mut patience = pin!(sleep_until(self.deadline::<C>(activity, None).at()));
        let mut drained = pin!(self.drain.cancelled());
        let mut draining = None;
        let impatience = poll_fn(|cx| {
            if draining.is_none() && drained.as_mut().poll(cx).is_ready() {
                draining = Some(Instant::now());
                // HTTP/2 says goodbye without losing a request (RFC 9113 section 6.8). HTTP/1 cannot: a connection that merely closes
                // may cross with a request. Its answers say so instead, and what stays idle goes after the grace.
                if C::MULTIPLEXED {
                    connection.as_mut().drain();
                }
            }
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                return Poll::Ready(End::Own(ended));
            }
            loop {
                let deadline = self.deadline::<C>(activity, draining);
                let rests =
                    Some(activity).filter(|_| C::RESTS && draining.is_none()).and_then(Activity::rests_since);
                let rests = rests.map(|since| since + REST_AFTER);
                let look = rests.map_or(deadline.at(), |at| at.min(deadline.at()));
                // Polling may have begun a head that must be complete sooner than the next request had to begin.
                if look < patience.deadline() {
                    patience.as_mut().reset(look);
                }
                if patience.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                match deadline {
                    _ if rests.is_some_and(|at| at <= Instant::now()) => return Poll::Ready(End::Rests),
                    Deadline::Head(at) if at <= Instant::now() => return Poll::Ready(End::Slow),
                    Deadline::Idle(at) if at <= Instant::now() => return Poll::Ready(End::Idle),
                    _ => patience.as_mut().reset(look),
                }
            }
        });
        let end = tokio::select! {
            biased;
            end = impatience => end,
            () = self.cut.cancelled() => return Watching::Ended,
        };
        match end {
            End::Rests => return Watching::Rests,
            End::Own(Ok(())) => {}
            End::Own(Err(error)) => tracing::debug!(%error, "a connection ended badly"),
            End::Slow => {
                count(&self.options.stats.counts().timed_out);
                tracing::debug!("a connection was cut: the head of its request took too long");
            }
            End::Idle => {
                connection.as_mut().drain();
                timeout(FAREWELL, connection).await.ok();
            }
        }
        Watching::Ended
    }

    fn deadline<C: Drainable>(&self, activity: &Activity, draining: Option<Instant>) -> Deadline {
        let options = &self.options;
        let deadline = activity.deadline(options.header_read_timeout, options.idle_timeout, C::MULTIPLEXED);
        match draining {
            Some(since) => activity.draining(deadline, since, options.drain_grace),
            None => deadline,
        }
    }
}

enum End {
    Own(hyper::Result<()>),
    Slow,
    Idle,
    Rests,
}

/// What came of watching a connection.
enum Watching {
    Ended,
    /// Nothing is under way in any direction, and has not been for a while.
    Rests,
}

/// A connection that can be asked to end after the requests it has begun.
trait Drainable: Future<Output = hyper::Result<()>> {
    const MULTIPLEXED: bool;
    /// Whether it can be taken apart while it is idle.
    const RESTS: bool = !Self::MULTIPLEXED;
    fn drain(self: Pin<&mut Self>);
}

impl<I, S, B> Drainable for http1::Connection<I, S>
where
    Self: Future<Output = hyper::Result<()>>,
    S: hyper::service::HttpService<hyper::body::Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    B: hyper::body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    const MULTIPLEXED: bool = false;
    fn drain(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, S, B, E> Drainable for http2::Connection<I, S, E>
where
    Self: Future<Output = hyper::Result<()>>,
    S: hyper::service::HttpService<hyper::body::Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    B: hyper::body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    E: hyper::rt::bounds::Http2ServerConnExec<S::Future, B>,
{
    const MULTIPLEXED: bool = true;
    fn drain(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}
