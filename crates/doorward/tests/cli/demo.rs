//! `doorward demo` as a fixture for other people's tests.

use crate::process::{Installation, PATIENCE, get, now, post};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::HashMap;
use std::process::{Child, Stdio};
use std::time::Duration;

#[test]
fn the_env_file_appears_when_it_answers_and_nothing_is_left_behind() {
    let installation = Installation::new();
    let (mut demo, env) = start(&installation, &["--port", "0"]);
    let mut keys: Vec<_> = env.keys().map(String::as_str).collect();
    keys.sort_unstable();
    let expected = "CLIENT2_ID CLIENT2_SECRET CLIENT_ID CLIENT_SECRET ISSUER ORG PASSWORD PUBLIC_CLIENT_ID SERVICE USERNAME";
    assert_eq!(keys.join(" "), expected);
    let address = env["ISSUER"].strip_prefix("http://").expect("http");
    assert_eq!(get(address, "/health/ready").0, 200);
    assert_eq!(get(address, "/demo/").0, 200);

    assert_eq!(get(address, "/demo/tv").0, 303);

    let introspect = |id: &str, secret: &str| post(address, "/oauth2/introspect", (id, secret), "token=x");
    for client in ["CLIENT", "CLIENT2"] {
        let answer = introspect(&env[&format!("{client}_ID")], &env[&format!("{client}_SECRET")]);
        assert_eq!(answer, (200, r#"{"active":false}"#.to_owned()), "{client}");
    }
    assert_eq!(introspect(&env["CLIENT_ID"], &env["CLIENT2_SECRET"]).0, 401);

    let own = format!("http://{address}/demo/callback");
    for uri in ["http://localhost:3000/cb", "http://127.0.0.1:4711/callback", &own] {
        let client = &env["PUBLIC_CLIENT_ID"];
        let path = format!("/oauth2/authorize?response_type=code&client_id={client}&redirect_uri={uri}");
        // RFC 9700 section 2.1.1: what is wrong (no code challenge) is told to the client, whose redirect URI is known.
        assert_eq!(get(address, &path).0, 303, "{uri}");
    }

    kill_process(Pid::from_child(&demo), Signal::TERM).expect("it runs");
    assert!(demo.wait().expect("it ends").success());
    let left = std::fs::read_dir(installation.path("temporary")).expect("a directory");
    assert_eq!(left.count(), 0, "the database is gone");
    assert!(!installation.path("real").exists(), "what an operator has configured is not touched");
}

#[test]
fn it_listens_where_listen_says_or_where_host_and_port_say_never_both() {
    let installation = Installation::new();
    let (mut demo, env) = start(&installation, &["--listen", "0.0.0.0:0"]);
    let (_, port) = env["ISSUER"].rsplit_once(':').expect("a port");
    assert_ne!(port, "8080");
    // Every address of the machine, not the loopback's first alone.
    assert_eq!(get(&format!("127.0.0.2:{port}"), "/health/ready").0, 200);
    kill_process(Pid::from_child(&demo), Signal::TERM).expect("it runs");
    assert!(demo.wait().expect("it ends").success());

    let both = installation.fails(2, &["demo", "--listen", "127.0.0.2:0", "--port", "0"]);
    assert!(both.contains("cannot be used with"), "{both}");
    let wrong = installation.fails(1, &["demo", "--listen", "localhost"]);
    assert!(wrong.contains("--listen localhost: expected an IP address and a port"), "{wrong}");
}

#[test]
fn in_a_network_it_speaks_https_with_a_certificate_of_its_own() {
    let installation = Installation::new();
    // The file is written once the demo's own client was answered, which trusts that certificate and no other.
    let (mut demo, env) = start(&installation, &["--lan", "--host", "127.0.0.2", "--port", "0"]);
    assert!(env["ISSUER"].starts_with("https://127.0.0.2:"), "{}", env["ISSUER"]);
    kill_process(Pid::from_child(&demo), Signal::TERM).expect("it runs");
    assert!(demo.wait().expect("it ends").success());
    let left = std::fs::read_dir(installation.path("temporary")).expect("a directory");
    assert_eq!(left.count(), 0, "its key is gone");
    let both = installation.fails(2, &["demo", "--lan", "--issuer", "https://id.example.org"]);
    assert!(both.contains("cannot be used with"), "{both}");
}

/// A demo, and what it wrote for tests.
fn start(installation: &Installation, further: &[&str]) -> (Child, HashMap<String, String>) {
    let (temporary, env_file) = (installation.path("temporary"), installation.path("env"));
    std::fs::create_dir(&temporary).expect("made");
    let redirect = ["--redirect-uri", "http://localhost:3000/cb"];
    let mut command =
        installation.command(&[&["demo", "--env-file", "env"][..], &redirect, further].concat());
    command.env("TMPDIR", &temporary);
    command.env("DOORWARD_DATA", installation.path("real")).env("DOORWARD_ISSUER", "https://id.example.org");
    let mut demo = command.stdout(Stdio::null()).spawn().expect("it starts");
    let began = now();
    while !env_file.exists() {
        assert!(began.elapsed() < PATIENCE && demo.try_wait().expect("a process").is_none(), "no file came");
        std::thread::sleep(Duration::from_millis(10));
    }
    let text = std::fs::read_to_string(&env_file).expect("text");
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    (demo, pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
}
