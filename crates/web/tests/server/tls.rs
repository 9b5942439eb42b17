//! TLS: what is agreed on, and a certificate that changes while the server runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;
use web::server::{Tls, TlsError};

use crate::{PATIENCE, Server, options};

pub(crate) struct Pair {
    folder: tempfile::TempDir,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let pair = Self { folder: tempfile::tempdir().expect("a folder") };
        pair.renew();
        pair
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    fn load(&self) -> Tls {
        Tls::from_files(self.certificate(), self.key()).expect("a good pair")
    }

    /// Another certificate with another key.
    pub(crate) fn renew(&self) -> CertificateDer<'static> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        std::fs::write(self.certificate(), made.cert.pem()).expect("written");
        std::fs::write(self.key(), made.signing_key.serialize_pem()).expect("written");
        made.cert.der().clone()
    }
}

/// Connects trusting exactly this certificate.
async fn connect(
    server: &Server,
    trusted: &CertificateDer<'static>,
    alpn: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted.clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let stream = TcpStream::connect(server.address).await?;
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

fn start(tls: &Tls) -> Server {
    Server::start_with(crate::router(), options(), Some(tls.clone()))
}

#[tokio::test]
async fn http_1_is_spoken_over_tls_when_the_client_wants_it() {
    let pair = Pair::new();
    let trusted = pair.renew();
    let server = start(&pair.load());
    let mut stream = connect(&server, &trusted, &[b"http/1.1"]).await.expect("a handshake");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("sent");
    assert_eq!(crate::read_answer(&mut stream).await.body, "hello");
}

#[tokio::test]
async fn http_2_is_spoken_over_tls_many_requests_at_once_and_drains() {
    let pair = Pair::new();
    let trusted = pair.renew();
    let server = start(&pair.load());
    let stream = connect(&server, &trusted, &[b"h2", b"http/1.1"]).await.expect("a handshake");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("a connection");
    let connection = tokio::spawn(connection);
    let get = |path: &'static str| {
        let mut client = client.clone();
        async move {
            let request = Request::get(format!("https://localhost{path}")).body(Empty::<Bytes>::new());
            let response = client.send_request(request.expect("a request")).await.expect("an answer");
            assert_eq!(response.headers().get("connection"), None, "RFC 9113 section 8.2.2");
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.expect("a body").to_bytes();
            (status, String::from_utf8_lossy(&body).into_owned())
        }
    };
    let answers: Vec<_> =
        FuturesUnordered::from_iter(["/slow", "/slow", "/"].map(get)).map(|(_, body)| body).collect().await;
    assert_eq!(answers, ["hello", "slept", "slept"], "one after the other");
    assert_eq!(get("/panic").await.0, 500);
    assert_eq!(get("/").await.0, 200, "a panic costs one request, not the connection");

    let in_flight = get("/slow");
    let shutdown = async {
        sleep(Duration::from_millis(100)).await;
        server.shutdown.cancel();
    };
    let (answer, ()) = tokio::join!(in_flight, shutdown);
    assert_eq!(answer, (200, "slept".to_owned()));
    let report = timeout(PATIENCE, server.done).await.expect("it ends").expect("no panic");
    assert_eq!(report.cut, 0);
    timeout(PATIENCE, connection)
        .await
        .expect("the connection ends")
        .expect("no panic")
        .expect("in good order");
}

/// Asks by HTTP/2; the status and the body.
pub(crate) async fn over_http2(authority: &str, host: Option<&str>, path: &str) -> (u16, String) {
    let pair = Pair::new();
    let trusted = pair.renew();
    let server = start(&pair.load());
    let stream = connect(&server, &trusted, &[b"h2"]).await.expect("a handshake");
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("a connection");
    tokio::spawn(connection);
    let mut request = Request::get(format!("https://{authority}{path}"));
    if let Some(host) = host {
        request = request.header("host", host);
    }
    let request = request.body(Empty::<Bytes>::new()).expect("a request");
    let response = client.send_request(request).await.expect("an answer");
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn an_idle_http_2_connection_is_said_goodbye_to() {
    let pair = Pair::new();
    let trusted = pair.renew();
    let server = start(&pair.load());
    let stream = connect(&server, &trusted, &[b"h2"]).await.expect("a handshake");
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("a connection");
    let connection = tokio::spawn(connection);
    let request = Request::get("https://localhost/").body(Empty::<Bytes>::new()).expect("a request");
    assert_eq!(client.send_request(request).await.expect("an answer").status(), 200);
    let began = Instant::now();
    timeout(PATIENCE, connection).await.expect("closed").expect("no panic").expect("with GOAWAY, not cut");
    let took = began.elapsed();
    assert!(took > Duration::from_millis(1_200), "{took:?}");
}

#[tokio::test]
async fn a_reloaded_certificate_is_shown_to_new_connections_and_a_bad_one_never() {
    let pair = Pair::new();
    let first = pair.renew();
    let tls = pair.load();
    let server = start(&tls);
    let mut old_connection = connect(&server, &first, &[]).await.expect("the first certificate");

    let second = pair.renew();
    assert!(connect(&server, &second, &[]).await.is_err(), "not reloaded yet");
    tls.reload().expect("a good pair");
    connect(&server, &second, &[]).await.expect("the second certificate");
    assert!(connect(&server, &first, &[]).await.is_err());
    old_connection.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("sent");
    assert_eq!(crate::read_answer(&mut old_connection).await.status, 200, "what is open stays open");

    let good_key = std::fs::read(pair.key()).expect("a key");
    pair.renew();
    std::fs::write(pair.key(), good_key).expect("written");
    assert!(matches!(tls.reload(), Err(TlsError::Mismatch { .. })));
    std::fs::write(pair.certificate(), "not a certificate").expect("written");
    let error = tls.reload().expect_err("no certificate in it");
    assert!(error.to_string().ends_with("certificate.pem holds no certificate in PEM form"), "{error}");
    std::fs::remove_file(pair.certificate()).expect("removed");
    assert!(matches!(tls.reload(), Err(TlsError::Unreadable { .. })));
    connect(&server, &second, &[]).await.expect("the second certificate is still in use");
}

#[tokio::test]
async fn changed_files_are_noticed() {
    let pair = Pair::new();
    let tls = pair.load();
    let server = start(&tls);
    let shutdown = CancellationToken::new();
    let watching = tokio::spawn(tls.watch(Duration::from_millis(50), shutdown.clone()));
    sleep(Duration::from_millis(100)).await;
    let renewed = pair.renew();
    let deadline = Instant::now() + PATIENCE;
    while connect(&server, &renewed, &[]).await.is_err() {
        assert!(Instant::now() < deadline, "never noticed");
        sleep(Duration::from_millis(50)).await;
    }
    shutdown.cancel();
    timeout(PATIENCE, watching).await.expect("it ends").expect("no panic");
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_not_waited_for() {
    let pair = Pair::new();
    let options = options();
    let stats = options.stats.clone();
    let server = Server::start_with(crate::router(), options, Some(pair.load()));
    let mut silent = server.connect().await;
    assert!(silent.is_closed_within(PATIENCE).await);
    // Plain HTTP at a TLS port.
    let mut plain = server.connect().await;
    plain.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(plain.is_closed_within(PATIENCE).await);
    assert_eq!(stats.failed_handshakes(), 2);
    assert!(Path::new(&pair.key()).exists());
}
