//! Requests that are too large, and handlers that fail.

use crate::{Server, options};
use tokio::io::AsyncWriteExt as _;

/// RFC 9110 section 15.5.14.
#[tokio::test]
async fn a_body_that_is_too_large_is_answered_with_413_announced_or_not() {
    let options = options();
    let limit = options.max_body_bytes;
    let server = Server::start(options);
    let body = "x".repeat(limit);

    let mut client = server.connect().await;
    client.send(&format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {limit}\r\n\r\n{body}")).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.body.len()), (200, limit), "exactly the limit");

    client
        .send(&format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}y", limit + 1))
        .await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.header("connection")), (413, Some("close")));
    assert_eq!(
        answer.body,
        r#"{"type":"about:blank","title":"Payload Too Large","status":413,"detail":"The request body is larger than 65536 bytes."}"#
    );

    // Announced only, as a client that expects 100 does (RFC 9110 section 10.1.1): refused before a byte of it is sent.
    let mut client = server.connect().await;
    client
        .send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n\r\n")
        .await;
    assert_eq!(client.answer().await.status, 413);

    // Chunked: nothing is announced.
    let mut client = server.connect().await;
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    client.send(&format!("{limit:x}\r\n{body}\r\n1\r\ny\r\n0\r\n\r\n")).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.header("connection")), (413, Some("close")));
}

/// RFC 6585 section 5, RFC 9110 sections 15.5.1 and 15.5.15.
#[tokio::test]
async fn a_head_that_is_too_large_or_no_http_is_refused() {
    let server = Server::start(options());
    let long_header = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(40_000));
    let many_headers = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(101));
    for (what, request, status) in [
        ("a long header", long_header.as_str(), 431),
        ("many headers", &many_headers, 431),
        ("nonsense", "nonsense\r\n\r\n", 400),
    ] {
        let mut client = server.connect().await;
        client.stream.write_all(request.as_bytes()).await.ok();
        assert_eq!(client.answer().await.status, status, "{what}");
    }
}

#[tokio::test]
async fn a_handler_that_panics_is_answered_with_500_and_takes_nothing_down() {
    let options = options();
    let stats = options.stats.clone();
    let server = Server::start(options);
    let answer = server.connect().await.get("/panic").await;
    assert_eq!((answer.status, stats.panics()), (500, 1));
    assert!(!answer.body.contains("on purpose"), "{}", answer.body);
    assert_eq!(server.connect().await.get("/").await.status, 200);
}

#[tokio::test]
async fn a_body_nobody_reads_does_not_confuse_the_next_request() {
    let server = Server::start(options());
    let mut client = server.connect().await;
    client
        .send("POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 28\r\n\r\nGET /panic HTTP/1.1\r\nHost: a")
        .await;
    assert_eq!(client.answer().await.status, 200);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.body, "hello");
}
