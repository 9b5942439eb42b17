//! Fetching from a real server: what it may answer, where it may be, who must vouch for it.

#[path = "../../tests/cli/self_signed.rs"]
mod self_signed;

use super::{Allowed, LARGEST, agent, fetched, max_age};
use protocol::JwksUri;
use rustls::{ServerConnection, StreamOwned};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use ureq::http::HeaderMap;
use ureq::http::header::CACHE_CONTROL;

/// A server on loopback for `localhost` and `127.0.0.1`, whose certificate nobody trusts unless told to.
struct Site {
    port: u16,
    folder: tempfile::TempDir,
}

impl Site {
    /// Answers every request with these bytes, and then goes on with `b'x'` for ever if they end so.
    fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        let (certificate, config, listener) = self_signed::site(&["localhost", "127.0.0.1"]);
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("ca.pem"), certificate).expect("written");
        let port = listener.local_addr().expect("an address").port();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
                let mut stream = StreamOwned::new(connection, stream);
                // A client that does not trust us goes away in the middle.
                if stream.read(&mut [0; 4096]).is_ok() && stream.write_all(&answer).is_ok() {
                    stream.conn.send_close_notify();
                    stream.flush().ok();
                }
            }
        });
        Self { port, folder }
    }

    fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn uri(&self, host: &str) -> JwksUri {
        format!("https://{host}:{}/jwks", self.port).parse().expect("a URL")
    }

    /// What comes of asking it, by whoever allows these and trusts it or not.
    fn asked(&self, host: &str, allowed: &str, trusted: bool) -> Result<(String, Option<u64>), String> {
        let allowed: Allowed = allowed.parse().expect("a list");
        let agent = agent(allowed, trusted.then(|| self.ca()).as_deref()).expect("an agent");
        let fetched = fetched(&agent, &self.uri(host)).map_err(|error| format!("{error:#}"))?;
        let body = String::from_utf8(fetched.body).expect("text");
        Ok((body, fetched.max_age.map(|age| age.as_secs())))
    }
}

fn answer(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[test]
fn what_is_not_everybodys_is_reached_only_if_the_operator_allows_it() {
    let site = Site::answering(answer("{}"));
    for (host, allowed) in
        [("localhost", "localhost"), ("localhost", "127.0.0.0/8, ::1"), ("127.0.0.1", "127.0.0.1")]
    {
        assert_eq!(site.asked(host, allowed, true), Ok(("{}".to_owned(), Some(60))), "{host} {allowed}");
    }
    for (host, allowed) in [("localhost", ""), ("127.0.0.1", ""), ("localhost", "keys.internal, 10.0.0.0/8")]
    {
        let refused = site.asked(host, allowed, true).expect_err("a private address");
        assert!(refused.contains("outgoing.allow"), "{host} {allowed}: {refused}");
    }
}

#[test]
fn whoever_nobody_vouches_for_is_not_believed() {
    let refused =
        Site::answering(answer("{}")).asked("localhost", "localhost", false).expect_err("unknown issuer");
    assert!(refused.contains("certificate"), "{refused}");
}

#[test]
fn redirects_errors_and_more_than_is_sensible_are_no_answers() {
    let too_large = "x".repeat(usize::try_from(LARGEST).expect("a size") + 1);
    for (answer, expected) in [
        ("HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/\r\nContent-Length: 0\r\n\r\n".to_owned(), "302"),
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(), "404"),
        (answer(&too_large), "answer"),
        ("nonsense\r\n\r\n".to_owned(), ""),
    ] {
        let refused = Site::answering(answer).asked("localhost", "localhost", true).expect_err("no answer");
        assert!(refused.contains(expected), "{expected}: {refused}");
    }
}

#[test]
fn a_server_that_keeps_us_waiting_is_left() {
    // A head that promises more than ever comes: the connection stays open until the listener's thread ends.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        let held: Vec<_> = listener.incoming().flatten().collect();
        drop(held);
    });
    let agent = agent("localhost".parse().expect("a list"), None).expect("an agent");
    let asked = std::thread::spawn(move || {
        fetched(&agent, &format!("https://localhost:{port}/").parse().expect("a URL")).is_err()
    });
    for _ in 0..80 {
        if asked.is_finished() {
            assert!(asked.join().expect("no panic"));
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("still waiting after 8 seconds");
}

#[test]
fn rfc9111_5_2_2_1_how_long_an_answer_is_good() {
    for (line, expected) in [
        ("max-age=60", Some(60)),
        ("public, Max-Age=\"60\"", Some(60)),
        ("no-store", None),
        ("max-age=soon", None),
        ("s-maxage=5", None),
    ] {
        let headers = HeaderMap::from_iter([(CACHE_CONTROL, line.parse().expect("a header"))]);
        assert_eq!(max_age(&headers), expected.map(Duration::from_secs), "{line}");
    }
}
