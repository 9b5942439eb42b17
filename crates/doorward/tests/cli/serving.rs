//! `doorward serve`: a fresh start without any configuration, one process for one database, an end that loses nothing.

use crate::process::{Installation, PATIENCE, Server, answer, get, now};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::Write as _;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

#[test]
fn a_fresh_start_works_and_what_it_keeps_survives() {
    let installation = Installation::new();
    let server = installation.serve(&[]);
    println!("first answer {:?} after the process was started", server.first_answer_after);
    assert!(server.first_answer_after < PATIENCE);

    let (status, metadata) = get(&server.address, "/.well-known/openid-configuration");
    let metadata: Value = serde_json::from_str(&metadata).expect("JSON");
    let port = server.address.rsplit(':').next().expect("a port");
    assert_eq!((status, metadata["issuer"].as_str()), (200, Some(&*format!("http://localhost:{port}"))));

    // The link is for whoever started it, and it leads somewhere.
    let file = installation.path("doorward-data/setup-link");
    let read = || std::fs::read_to_string(&file).expect("a file with the link");
    let (_, link) = read()
        .split_once("/setup?token=")
        .map(|(url, link)| (url.to_owned(), link.trim().to_owned()))
        .expect("a link");
    assert_eq!(file.metadata().expect("there").permissions().mode() & 0o777, 0o600);
    assert!(!server.printed.contains("/setup"), "{}", server.printed);
    assert_eq!(get(&server.address, &format!("/setup?token={link}")).0, 200);
    assert_ne!(get(&server.address, "/setup?token=guessed").0, 200);

    installation.add_user("root", &["--platform-owner", "--email", "root@example.org"]);
    let address = server.address.clone();
    server.signal(Signal::TERM);
    let (code, log) = server.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains(&link), "the link is in the log");
    assert!(log.contains("setup-link"), "the log says where it is: {log}");
    let started: Vec<_> = log.lines().filter(|line| line.contains("\"started\"")).collect();
    let [started] = started.as_slice() else { panic!("{started:?} of {log}") };
    let started: Value = serde_json::from_str(started).expect("JSON");
    assert_eq!(started["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(started["issuer"], metadata["issuer"]);
    assert_eq!(started["address"], format!("http://{address}"));
    assert!(!installation.path("doorward-data/doorward.sock").exists());

    let again = installation.serve(&[]);
    assert!(!file.exists(), "it is good for nothing any more");
    assert_eq!(installation.json(&["user", "show", "root", "--json"])["platform_owner"], true);
    again.stop();
}

#[test]
fn what_is_in_the_data_directory_is_its_owners_alone() {
    let installation = Installation::new();
    let server = installation.serve(&[]);
    for (name, mode) in [("", 0o700), ("doorward.db", 0o600), ("master.key", 0o600), ("doorward.sock", 0o600)]
    {
        let metadata = std::fs::metadata(installation.path("doorward-data").join(name)).expect(name);
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "{name}");
    }
    server.stop();
}

#[test]
fn only_the_newest_setup_link_counts() {
    let installation = Installation::new();
    let file = installation.path("doorward-data/setup-link");
    let mut before: Option<String> = None;
    for _ in 0..2 {
        let server = installation.serve(&[]);
        let link = std::fs::read_to_string(&file).expect("a file with the link");
        let path = |link: &str| {
            link.trim().split_once("/setup").map(|(_, token)| format!("/setup{token}")).expect("a path")
        };
        assert_eq!(get(&server.address, &path(&link)).0, 200);
        if let Some(before) = before.replace(link) {
            assert_ne!(get(&server.address, &path(&before)).0, 200);
        }
        server.stop();
    }
}

#[test]
fn a_log_for_programs_holds_nothing_but_json() {
    let installation = Installation::new();
    // One file for both, as a service manager's journal is.
    let log = std::fs::File::create(installation.path("log")).expect("a file");
    let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut process =
        command.stdout(log.try_clone().expect("a file")).stderr(log).spawn().expect("it starts");
    let began = now();
    let read = || std::fs::read_to_string(installation.path("log")).expect("text");
    while !read().contains("started") {
        assert!(began.elapsed() < PATIENCE, "{}", read());
        std::thread::sleep(Duration::from_millis(20));
    }
    kill_process(Pid::from_child(&process), Signal::TERM).expect("it runs");
    process.wait().expect("it ends");
    for line in read().lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
    }
}

#[test]
fn a_second_process_on_one_database_is_refused() {
    let installation = Installation::new();
    let server = installation.serve(&[]);
    let refusal = installation.fails(1, &["serve", "--listen", "127.0.0.1:0"]);
    assert!(refusal.contains("is in use by another process (process id"), "{refusal}");
    let refusal = installation.fails(1, &["serve", "--listen", &server.address, "--data", "elsewhere"]);
    assert!(refusal.contains("cannot listen on"), "{refusal}");
    assert!(
        !installation.path("elsewhere").exists(),
        "nothing is written before the address is known to be free"
    );
    server.stop();
}

#[test]
fn a_request_in_flight_is_answered_before_the_end() {
    let installation = Installation::new();
    let server = installation.serve(&[]);
    let mut stream = half_a_request(&server);
    server.signal(Signal::TERM);
    wait_until_it_stops_listening(&server);
    stream.write_all(b"=something").expect("it still reads");
    let (status, body) = answer(stream);
    assert!((400..402).contains(&status) && body.contains("\"error\""), "{status} {body}");
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let installation = Installation::new();
    let server = installation.serve(&[]);
    let stream = half_a_request(&server);
    server.signal(Signal::INT);
    wait_until_it_stops_listening(&server);
    server.signal(Signal::INT);
    assert_eq!(server.end().0, Some(1));
    drop(stream);
}

/// Begins a request whose body the handler waits for.
fn half_a_request(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(&server.address).expect("it listens");
    let head = "POST /oauth2/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\
                Content-Type: application/x-www-form-urlencoded\r\n\r\ngrant_type";
    stream.write_all(head.as_bytes()).expect("it reads");
    // Until it has arrived there is nothing in flight.
    std::thread::sleep(Duration::from_millis(300));
    stream
}

fn wait_until_it_stops_listening(server: &Server) {
    while TcpStream::connect(&server.address).is_ok() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn metrics_have_a_listener_of_their_own() {
    let installation = Installation::new();
    let server = installation.serve(&["--metrics-listen", "127.0.0.1:0"]);
    let (_, after) = server.printed.split_once("Metrics").expect("it says where");
    let address = after.trim().trim_start_matches("http://").split('/').next().expect("an address");
    let (status, metrics) = get(address, "/metrics");
    assert!(
        status == 200 && metrics.contains("doorward_http_request_duration_seconds_count"),
        "{status} {metrics}"
    );
    assert_eq!(get(&server.address, "/metrics").0, 404);
    server.stop();
}
