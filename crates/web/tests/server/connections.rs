//! How many connections there may be, and how long they live.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use web::server::ServerOptions;

use crate::{PATIENCE, Server, options};

#[tokio::test]
async fn a_connection_serves_many_requests_also_when_they_come_at_once() {
    let server = Server::start(options());
    let mut client = server.connect().await;
    for _ in 0..3 {
        let answer = client.get("/").await;
        assert_eq!((answer.status, answer.header("connection")), (200, None));
    }
    client.send(&"GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3)).await;
    for _ in 0..3 {
        assert_eq!(client.answer().await.body, "hello");
    }
}

#[tokio::test]
async fn more_than_the_most_connections_wait_and_are_served_when_others_end() {
    let options =
        ServerOptions { max_connections: 2, header_read_timeout: Duration::from_secs(5), ..options() };
    let stats = options.stats.clone();
    let server = Server::start(options);
    let (first, _second) = (server.connect().await, server.connect().await);
    // The kernel completes the connection; nobody answers on it yet.
    let mut third = server.connect().await;
    assert!(timeout(Duration::from_millis(200), third.get("/")).await.is_err());
    assert_eq!(stats.open(), 2);
    drop(first);
    let answer = third.answer().await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("connection"), Some("close"), "a full house makes room for those who wait");
}

#[tokio::test]
async fn one_address_holds_no_more_than_its_share() {
    let options = ServerOptions {
        max_connections_per_address: Some(2),
        unlimited_addresses: Vec::new(),
        header_read_timeout: Duration::from_secs(5),
        ..options()
    };
    let stats = options.stats.clone();
    let server = Server::start(options.clone());
    let (mut first, second) = (server.connect().await, server.connect().await);
    assert_eq!(first.get("/").await.status, 200);
    assert!(server.connect().await.is_closed_within(Duration::from_millis(500)).await);
    assert_eq!(stats.refused(), 1);
    drop(second);
    sleep(Duration::from_millis(100)).await;
    assert_eq!(server.connect().await.get("/").await.status, 200, "the share was given back");

    let trusting = ServerOptions { trusted_proxies: "127.0.0.1".parse().expect("a network"), ..options };
    let server = Server::start(trusting);
    let mut clients = Vec::new();
    for _ in 0..5 {
        let mut client = server.connect().await;
        assert_eq!(client.get("/").await.status, 200, "a proxy speaks for many");
        clients.push(client);
    }
}

/// Longer than a connection stays awake without a request.
const LONG_ENOUGH_TO_REST: Duration = Duration::from_millis(500);

#[tokio::test]
async fn a_connection_that_rests_is_the_same_connection() {
    let server = Server::start(options());
    let mut client = server.connect().await;
    for _ in 0..3 {
        assert_eq!(client.get("/").await.body, "hello");
        tokio::time::sleep(LONG_ENOUGH_TO_REST).await;
    }
    // RFC 9112 section 9.3.2: the beginning of the next request came with the last one.
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /wh").await;
    assert_eq!(client.answer().await.body, "hello");
    tokio::time::sleep(LONG_ENOUGH_TO_REST).await;
    client.send("o HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.body, "127.0.0.1");
    // Two at once after a rest, the first one's head in pieces.
    tokio::time::sleep(LONG_ENOUGH_TO_REST).await;
    for piece in ["G", "ET / HTT", "P/1.1\r\nHost: a\r\n\r\nGET /who HTTP/1.1\r\nHost: a\r\n\r\n"] {
        client.send(piece).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(client.answer().await.body, "hello");
    assert_eq!(client.answer().await.body, "127.0.0.1");
}

#[tokio::test]
async fn after_a_rest_a_slow_head_is_cut_and_a_silent_client_let_go_as_before() {
    let server = Server::start(options());
    let (mut slow, mut silent) = (server.connect().await, server.connect().await);
    for client in [&mut slow, &mut silent] {
        assert_eq!(client.get("/").await.status, 200);
    }
    tokio::time::sleep(LONG_ENOUGH_TO_REST).await;
    slow.send("G").await;
    assert!(!slow.is_closed_within(Duration::from_millis(150)).await);
    assert!(slow.is_closed_within(Duration::from_millis(300)).await, "the head took longer than 300 ms");
    assert!(silent.is_closed_within(PATIENCE).await, "idle for more than 1.5 s");
}

#[tokio::test]
async fn an_answer_that_is_taken_late_is_whole() {
    let server = Server::start(ServerOptions { write_timeout: Duration::from_secs(5), ..options() });
    let mut client = server.connect().await;
    client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await;
    tokio::time::sleep(2 * LONG_ENOUGH_TO_REST).await;
    assert_eq!(client.answer().await.body.len(), 64 << 20);
}

#[tokio::test]
async fn a_resting_connection_is_drained_like_any_other() {
    let server = Server::start(options());
    let (mut last, mut silent) = (server.connect().await, server.connect().await);
    for client in [&mut last, &mut silent] {
        assert_eq!(client.get("/").await.status, 200);
    }
    tokio::time::sleep(LONG_ENOUGH_TO_REST).await;
    server.shutdown.cancel();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(last.get("/").await.header("connection"), Some("close"));
    assert!(silent.is_closed_within(Duration::from_millis(400)).await);
    let report = server.done.await.expect("it ends");
    assert_eq!(report.cut, 0);
}
