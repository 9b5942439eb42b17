//! Stopping: what is in flight is answered, what is new is refused, what never ends is cut.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::{PATIENCE, Server, options};

#[tokio::test]
async fn requests_in_flight_are_answered_and_new_connections_are_refused() {
    let server = Server::start(options());
    let mut busy = server.connect().await;
    let mut idle = server.connect().await;
    let mut silent = server.connect().await;
    assert_eq!(idle.get("/").await.status, 200);
    busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
    sleep(Duration::from_millis(100)).await;

    server.shutdown.cancel();
    assert!(idle.is_closed_within(Duration::from_millis(300)).await);
    assert!(silent.is_closed_within(Duration::from_millis(300)).await);
    assert!(TcpStream::connect(server.address).await.is_err());
    let answer = busy.answer().await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "slept"));
    assert_eq!(answer.header("connection"), Some("close"));

    let report = timeout(PATIENCE, server.done).await.expect("it ends").expect("no panic");
    assert_eq!((report.accepted, report.drained, report.cut), (3, 3, 0));
}

#[tokio::test]
async fn what_does_not_end_is_cut_at_the_drain_timeout() {
    let options = web::server::ServerOptions { request_timeout: PATIENCE, ..options() };
    let drain_timeout = options.drain_timeout;
    let server = Server::start(options);
    let mut client = server.connect().await;
    client.send("GET /never HTTP/1.1\r\nHost: a\r\n\r\n").await;
    sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    server.shutdown.cancel();
    let report = timeout(PATIENCE, server.done).await.expect("it ends").expect("no panic");
    let took = began.elapsed();
    assert!(took >= drain_timeout && took < drain_timeout * 2, "{took:?}");
    assert_eq!((report.drained, report.cut), (0, 1));
    assert!(client.is_closed_within(Duration::from_millis(300)).await);
}
