//! Clients that are slow on purpose: heads, bodies, handshakes, reading, and saying nothing at all.

use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::time::{Instant, sleep};

use web::server::ServerOptions;

use crate::{Server, options};

/// Later than anything that is timed here, also on a busy machine; and sooner than what these clients must not wait for.
const LATE: Duration = Duration::from_secs(5);

/// Whoever is cut off in time is not merely found idle.
fn patient() -> ServerOptions {
    ServerOptions { idle_timeout: LATE * 4, request_timeout: LATE * 4, ..options() }
}

#[tokio::test]
async fn a_head_sent_a_byte_at_a_time_is_cut_off_in_time() {
    let options = patient();
    let stats = options.stats.clone();
    let server = Server::start(options);
    // Slowloris: every byte is progress, but the head is never done.
    for warmed_up in [false, true] {
        let mut client = server.connect().await;
        if warmed_up {
            assert_eq!(client.get("/").await.status, 200);
        }
        client.send("GET / HTTP/1.1\r\nHost: a\r\n").await;
        let began = Instant::now();
        loop {
            use tokio::io::AsyncWriteExt as _;
            if client.stream.write_all(b"X").await.is_err() || began.elapsed() > LATE {
                break;
            }
            if client.is_closed_within(Duration::from_millis(50)).await {
                break;
            }
        }
        let took = began.elapsed();
        assert!(took > Duration::from_millis(200) && took < LATE, "{warmed_up}: {took:?}");
    }
    assert_eq!(stats.timed_out(), 2);
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let server = Server::start(patient());
    let began = Instant::now();
    assert!(server.connect().await.is_closed_within(LATE).await);
    assert!(began.elapsed() > Duration::from_millis(200), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_connection_that_falls_idle_is_kept_for_the_idle_timeout_and_then_closed() {
    let options = options();
    let stats = options.stats.clone();
    let server = Server::start(options);
    let mut client = server.connect().await;
    assert_eq!(client.get("/").await.status, 200);
    sleep(Duration::from_millis(600)).await;
    assert_eq!(client.get("/").await.status, 200, "twice the head's time-out later");
    let began = Instant::now();
    assert!(client.is_closed_within(LATE).await);
    assert!(began.elapsed() > Duration::from_millis(1_200), "{:?}", began.elapsed());
    assert_eq!(stats.timed_out(), 0, "idle is not slow");
}

/// RFC 9110 section 15.5.9.
#[tokio::test]
async fn a_body_that_stands_still_is_answered_with_408() {
    let server = Server::start(patient());
    let mut client = server.connect().await;
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc").await;
    let began = Instant::now();
    let answer = client.answer().await;
    assert_eq!(answer.status, 408);
    assert!(began.elapsed() < LATE, "{:?}", began.elapsed());
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert!(client.is_closed_within(LATE).await);
}

#[tokio::test]
async fn a_body_that_trickles_is_cut_by_the_request_timeout() {
    let server = Server::start(options());
    let mut client = server.connect().await;
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n").await;
    let began = Instant::now();
    let (mut reader, mut writer) = client.stream.split();
    let trickle = async {
        use tokio::io::AsyncWriteExt as _;
        while writer.write_all(b"x").await.is_ok() {
            sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        answer = crate::read_answer(&mut reader) => assert_eq!(answer.status, 408),
        () = trickle => panic!("closed without an answer"),
    }
    let took = began.elapsed();
    assert!(took > Duration::from_secs(1) && took < LATE, "{took:?}");
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_answered_with_503() {
    let server = Server::start(options());
    let mut client = server.connect().await;
    let answer = client.get("/never").await;
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("took too long"), "{}", answer.body);
}

#[tokio::test]
async fn a_client_that_does_not_take_its_answer_is_cut_off() {
    let options = options();
    let stats = options.stats.clone();
    let server = Server::start(options);
    let mut client = server.connect().await;
    client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.stream.read_u8().await.expect("the answer begins");
    for _ in 0..40 {
        if stats.open() == 0 {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("the connection is still held");
}
