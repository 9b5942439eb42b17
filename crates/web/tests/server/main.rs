//! The connection side of the server, over real sockets: what a slow, greedy, lying or leaving client meets.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says why and ends")]

mod addresses;
mod bodies;
mod client_certificates;
mod connections;
mod drain;
mod heads;
mod limits;
mod slow;
mod tls;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use web::server::{ClientAddress, Listener, ServeReport, ServerOptions, Sharing, Tls, serve};

/// Longer than anything here may take; a test that waits for it has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: CancellationToken,
    pub(crate) done: JoinHandle<ServeReport>,
}

impl Server {
    pub(crate) fn start(options: ServerOptions) -> Self {
        Self::start_with(router(), options, None)
    }

    pub(crate) fn start_with(router: Router, options: ServerOptions, tls: Option<Tls>) -> Self {
        let listener = Listener::bind(([127, 0, 0, 1], 0).into(), Sharing::Alone).expect("a free port");
        let address = listener.local_addr();
        let shutdown = CancellationToken::new();
        let done = tokio::spawn(serve(listener, router, options, tls, shutdown.clone()));
        Self { address, shutdown, done }
    }

    pub(crate) async fn connect(&self) -> Client {
        Client { stream: TcpStream::connect(self.address).await.expect("a connection") }
    }
}

/// Time-outs short enough to wait for.
pub(crate) fn options() -> ServerOptions {
    ServerOptions {
        header_read_timeout: Duration::from_millis(300),
        idle_timeout: Duration::from_millis(1_500),
        body_read_timeout: Duration::from_millis(300),
        request_timeout: Duration::from_millis(1_200),
        write_timeout: Duration::from_millis(300),
        handshake_timeout: Duration::from_millis(300),
        drain_grace: Duration::from_millis(200),
        drain_timeout: Duration::from_millis(1_500),
        ..ServerOptions::default()
    }
}

fn router() -> Router {
    Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/echo", post(|body: String| async move { body }))
        .route("/unread", post(|| async { "not looked at" }))
        .route("/who", get(|ClientAddress(address): ClientAddress| async move { address.to_string() }))
        .route(
            "/host",
            get(|headers: http::HeaderMap| async move {
                headers["host"].to_str().map(str::to_owned).unwrap_or_default()
            }),
        )
        .route("/certificate", get(client_certificates::shown))
        .route("/slow", get(|| sleeping(600)))
        .route("/never", get(|| sleeping(60_000)))
        .route("/large", get(|| async { vec![b'x'; 64 << 20] }))
        .route("/panic", get(panics))
}

async fn sleeping(milliseconds: u64) -> &'static str {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    "slept"
}

async fn panics() -> &'static str {
    assert!(std::hint::black_box(false), "on purpose");
    ""
}

/// A client that says exactly what it is told to.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
}

impl Client {
    pub(crate) async fn send(&mut self, bytes: &str) {
        self.stream.write_all(bytes.as_bytes()).await.expect("sent");
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        self.answer().await
    }

    pub(crate) async fn answer(&mut self) -> Answer {
        timeout(PATIENCE, read_answer(&mut self.stream)).await.expect("an answer in time")
    }

    /// Whether the server closes within the time given; whatever it sends before that is ignored.
    pub(crate) async fn is_closed_within(&mut self, patience: Duration) -> bool {
        let mut buffer = [0; 1024];
        timeout(patience, async {
            // An error is a close as well: the peer may reset.
            while self.stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
        })
        .await
        .is_ok()
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

/// Reads one HTTP/1.1 answer that has a Content-Length.
pub(crate) async fn read_answer(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> Answer {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let byte = stream.read_u8().await.unwrap_or_else(|error| {
            panic!("{error} after {:?}", String::from_utf8_lossy(&bytes));
        });
        bytes.push(byte);
    }
    let head = String::from_utf8(bytes).expect("a head in ASCII");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let mut answer = Answer { status, head, body: String::new() };
    let length = answer.header("content-length").map_or(0, |length| length.parse().expect("a length"));
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.expect("the whole body");
    answer.body = String::from_utf8(body).expect("a body of text");
    answer
}
