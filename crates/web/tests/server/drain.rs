//! Stopping: what is in flight or under way is answered, what is new is refused, what never ends is cut.

use std::time::Duration;

use std::io::Write as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use web::server::{Listener, ServerOptions, Sharing, serve};

use crate::{Client, PATIENCE, Server, options, router};

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
    assert!(!idle.is_closed_within(Duration::from_millis(100)).await, "a request may be under way");
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
async fn a_request_under_way_to_an_idle_connection_is_answered_and_is_its_last() {
    let server = Server::start(options());
    let (mut idle, mut silent, mut slow) =
        (server.connect().await, server.connect().await, server.connect().await);
    assert_eq!(idle.get("/").await.header("connection"), None);
    slow.send("GET / HTTP/1.1\r\nHo").await;
    sleep(Duration::from_millis(100)).await;

    server.shutdown.cancel();
    sleep(Duration::from_millis(100)).await;
    for client in [&mut idle, &mut silent] {
        let answer = client.get("/").await;
        assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
        assert!(client.is_closed_within(Duration::from_millis(100)).await);
    }
    // Longer than the grace, and it had begun.
    sleep(Duration::from_millis(50)).await;
    slow.send("st: a\r\n\r\n").await;
    let answer = slow.answer().await;
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert_eq!(server.done.await.expect("no panic").cut, 0);
}

#[tokio::test]
async fn during_the_delay_everything_goes_on_but_every_answer_is_a_last_one() {
    let options = ServerOptions { drain_delay: Duration::from_millis(400), ..options() };
    let server = Server::start(options);
    let mut idle = server.connect().await;
    assert_eq!(idle.get("/").await.status, 200);
    server.shutdown.cancel();
    sleep(Duration::from_millis(250)).await;
    let answer = server.connect().await.get("/").await;
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert_eq!(idle.get("/").await.header("connection"), Some("close"));
    assert_eq!(server.done.await.expect("no panic").cut, 0);
}

/// One thread serves, so that connections can be made to wait: it does nothing while this test does not let it.
#[tokio::test(flavor = "current_thread")]
async fn what_waits_in_the_accept_queue_is_answered_unless_another_process_will() {
    for inherited in [false, true] {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = socket.local_addr().expect("an address");
        let of_the_manager = socket.try_clone().expect("another handle");
        let listener = if inherited {
            Listener::inherited(socket).expect("a listener")
        } else {
            drop((socket, of_the_manager));
            Listener::bind(address, Sharing::Alone).expect("the same port")
        };
        let shutdown = CancellationToken::new();
        let done = tokio::spawn(serve(listener, router(), options(), None, shutdown.clone()));
        sleep(Duration::from_millis(50)).await;
        let waiting: Vec<_> = (0..20)
            .map(|_| {
                let mut stream = std::net::TcpStream::connect(address).expect("the kernel completes it");
                stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("the kernel takes it");
                stream.set_nonblocking(true).expect("a socket");
                Client { stream: TcpStream::from_std(stream).expect("a stream") }
            })
            .collect();
        shutdown.cancel();
        if inherited {
            // Nothing is lost: the next process finds them.
            assert_eq!(done.await.expect("no panic").accepted, 0);
            continue;
        }
        for mut client in waiting {
            assert_eq!(client.answer().await.status, 200);
        }
        assert_eq!(done.await.expect("no panic").accepted, 20);
    }
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
    assert!(took >= drain_timeout && took < PATIENCE, "{took:?}");
    assert_eq!((report.drained, report.cut), (0, 1));
    assert!(client.is_closed_within(Duration::from_millis(300)).await);
}
