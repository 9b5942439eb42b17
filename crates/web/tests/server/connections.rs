//! How many connections there may be, and how long they live.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use web::server::ServerOptions;

use crate::{Server, options};

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
