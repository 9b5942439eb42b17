//! Heads and framing that RFC 9112 refuses, over real sockets.

use crate::{Server, options};

/// The status, and whether the connection is over with it.
async fn told(request: &str) -> (u16, bool) {
    let server = Server::start(options());
    let mut client = server.connect().await;
    client.send(request).await;
    let answer = client.answer().await;
    (answer.status, answer.header("connection") == Some("close"))
}

fn get(head: &str) -> String {
    format!("GET / {head}\r\n\r\n")
}

#[tokio::test]
async fn rfc9112_3_2_a_request_has_one_valid_host() {
    for (head, status) in [
        ("HTTP/1.1\r\nHost: a", 200),
        ("HTTP/1.1\r\nhOST:   a.example:80  ", 200),
        ("HTTP/1.1\r\nHost: [::1]:8080", 200),
        // HTTP/1.0 has none.
        ("HTTP/1.0", 200),
        ("HTTP/1.0\r\nHost: a", 200),
        ("HTTP/1.1", 400),
        ("HTTP/1.1\r\nHost:", 400),
        ("HTTP/1.1\r\nHost: a\r\nHost: a", 400),
        ("HTTP/1.1\r\nHost: a\r\nX: y\r\nhost: b", 400),
        ("HTTP/1.0\r\nHost: a\r\nHost: b", 400),
        ("HTTP/1.1\r\nHost: a b", 400),
        ("HTTP/1.1\r\nHost: a:80x", 400),
        ("HTTP/1.1\r\nHost: a:99999", 400),
        ("HTTP/1.1\r\nHost: user@a", 400),
        ("HTTP/1.1\r\nHost: a/b", 400),
        ("HTTP/1.1\r\nHost: [::1", 400),
        ("HTTP/1.1\r\nHost: a, b", 400),
    ] {
        let (found, over) = told(&get(head)).await;
        assert_eq!(found, status, "{head:?}");
        assert!(over || status == 200, "{head:?}");
    }
}

#[tokio::test]
async fn rfc9112_3_2_2_the_authority_of_an_absolute_target_overrides_host() {
    let server = Server::start(options());
    let mut client = server.connect().await;
    for (target, host, seen) in [
        ("/host", "a:1", "a:1"),
        ("http://b.example/host", "a", "b.example"),
        ("http://b.example:8080/host", "b.example:8080", "b.example:8080"),
    ] {
        client.send(&format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        assert_eq!(client.answer().await.body, seen, "{target}");
    }
    for (request, status) in [
        ("GET http://b.example/host HTTP/1.0\r\n\r\n", 200),
        ("GET http://user@b.example/host HTTP/1.1\r\nHost: b.example\r\n\r\n", 400),
        ("GET http://b.example/host HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    ] {
        assert_eq!(told(request).await.0, status, "{request:?}");
    }
}

#[tokio::test]
async fn rfc9112_6_1_the_one_transfer_coding_is_chunked_once() {
    let body = "5\r\nhello\r\n0\r\n\r\n";
    for (coding, status) in [
        ("Transfer-Encoding: chunked", 200),
        ("Transfer-Encoding:  Chunked ", 200),
        ("Transfer-Encoding: gzip, chunked", 501),
        ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", 501),
        ("Transfer-Encoding: identity, chunked", 501),
        ("Transfer-Encoding: chunked, chunked", 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400),
        ("Transfer-Encoding: chunked, gzip", 400),
        ("Transfer-Encoding: gzip", 400),
        ("Transfer-Encoding:", 400),
        ("Transfer-Encoding: xchunked", 400),
    ] {
        let (found, over) = told(&format!("POST /echo HTTP/1.1\r\nHost: a\r\n{coding}\r\n\r\n{body}")).await;
        assert_eq!(found, status, "{coding:?}");
        assert!(over || status == 200, "{coding:?}");
    }
}

#[tokio::test]
async fn rfc9112_7_1_a_chunks_size_ends_its_line() {
    for (chunks, status) in [
        ("5\r\nhello\r\n0\r\n\r\n", 200),
        ("05;a=b\r\nhello\r\n0;c\r\n\r\n", 200),
        // Bad white space may stand before an extension (section 7.1.1).
        ("5 ;a=b\r\nhello\r\n0\r\n\r\n", 200),
        ("5\r\n#  \r\n\r\n0\r\nX: # y \r\n\r\n", 200),
        ("5 \r\nhello\r\n0\r\n\r\n", 400),
        ("5\t\r\nhello\r\n0\r\n\r\n", 400),
        ("5\r\nhello\r\n0 \r\n\r\n", 400),
        (" 5\r\nhello\r\n0\r\n\r\n", 400),
    ] {
        let head = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(told(&format!("{head}{chunks}")).await.0, status, "{chunks:?}");
    }
}

#[tokio::test]
async fn rfc9112_3_2_a_target_has_no_fragment() {
    for target in ["/#a", "/who?a#b", "/#", "http://a/#b"] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(told(&request).await.0, 400, "{target}");
    }
    // Nor has a later request of the same connection, wherever its bytes begin to arrive; elsewhere the character means nothing.
    let server = Server::start(options());
    let mut client = server.connect().await;
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nX: #\r\nContent-Length: 8\r\n\r\nGET /#a GET").await;
    assert_eq!(client.answer().await.body, "GET /#a ");
    client.send(" / HTTP/1.1\r\nHost: a\r\n\r\nGET /").await;
    assert_eq!(client.answer().await.body, "hello");
    client.send("#a HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 400);
}

#[tokio::test]
async fn rfc9110_10_1_1_an_unknown_expectation_is_answered_with_417() {
    for (expect, status) in [
        ("Expect: 100-Continue", 200),
        ("Expect: 100-continue, something", 417),
        ("Expect: 200-ok", 417),
        ("Expect: 100-continue\r\nExpect: a=b", 417),
    ] {
        let (found, over) = told(&get(&format!("HTTP/1.1\r\nHost: a\r\n{expect}"))).await;
        assert_eq!(found, status, "{expect:?}");
        assert!(over || status == 200, "{expect:?}");
    }
}

/// RFC 9113 section 8.3.1: HTTP/2 says it in `:authority`.
#[tokio::test]
async fn rfc9113_8_3_1_host_and_authority_are_one() {
    for (authority, host, seen) in [
        ("localhost", None, Some("localhost")),
        ("localhost", Some("LOCALHOST"), Some("LOCALHOST")),
        ("localhost", Some("other.example"), None),
    ] {
        let (status, body) = crate::tls::over_http2(authority, host, "/host").await;
        match seen {
            Some(seen) => assert_eq!((status, body.as_str()), (200, seen), "{authority} {host:?}"),
            None => assert_eq!(status, 400, "{authority} {host:?}"),
        }
    }
}
