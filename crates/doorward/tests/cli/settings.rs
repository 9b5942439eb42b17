//! Configuration and health as exit codes.

use crate::process::{Installation, PATIENCE, now, text};
use rustix::process::{Pid, Signal, kill_process};
use std::process::Stdio;
use std::time::Duration;

#[test]
fn wrong_settings_are_exit_code_2_and_all_told_at_once() {
    let installation = Installation::empty();
    assert!(installation.run(&["config", "check"]).contains("no settings file was found"));
    std::fs::write(
        installation.path("doorward.toml"),
        "isuer = \"https://id.example.org\"\n[session]\nidle = \"soon\"\n",
    )
    .expect("written");
    for command in [&["config", "check"][..], &["serve"], &["user", "list"], &["healthcheck"]] {
        let said = installation.fails(2, command);
        assert!(
            said.contains("did you mean issuer?") && said.contains("session.idle"),
            "{command:?}: {said}"
        );
    }
    assert!(!installation.path("doorward-data").exists());

    std::fs::write(installation.path("doorward.toml"), "[session]\nidle = \"30m\"\n").expect("written");
    assert!(installation.run(&["config", "check"]).contains("doorward.toml"));
    let shown =
        installation.command(&["config", "show"]).env("DOORWARD_ISSUER", "https://id.example.org").output();
    let shown = text(&shown.expect("the program runs").stdout);
    assert!(shown.contains("30m") && shown.contains("DOORWARD_ISSUER"), "{shown}");
    installation.fails(2, &["serve", "--no-such-flag"]);
}

#[test]
fn health_is_an_exit_code() {
    let installation = Installation::new();
    let server = installation.serve(&[]);
    let url = format!("http://{}/health/ready", server.address);
    assert_eq!(installation.run(&["healthcheck", "--url", &url]), "ready\n");
    // Its port is in no setting: it is found by its data directory.
    assert_eq!(installation.run(&["healthcheck"]), "ready\n");
    let other = installation.command(&["healthcheck", "--data", "other"]).output().expect("it runs");
    let said = text(&other.stdout);
    assert!(
        other.status.code() == Some(1) && said.contains("no server runs with the data directory"),
        "{said}"
    );
    installation.fails(1, &["healthcheck", "--url", &format!("http://{}/no-such-page", server.address)]);
    server.stop();
    installation.fails(1, &["healthcheck", "--url", &url]);
}

#[test]
fn a_server_that_speaks_tls_is_asked_over_its_socket_and_loads_its_certificate_again() {
    let installation = Installation::new();
    let write_certificate = || {
        let made = rcgen::generate_simple_self_signed(["id.example.org".to_owned()]).expect("a certificate");
        std::fs::write(installation.path("chain.pem"), made.cert.pem()).expect("written");
        std::fs::write(installation.path("key.pem"), made.signing_key.serialize_pem()).expect("written");
    };
    write_certificate();
    let settings = "listen = \"127.0.0.1:0\"\n[tls]\ncertificate = \"chain.pem\"\nkey = \"key.pem\"\n";
    std::fs::write(installation.path("doorward.toml"), settings).expect("written");
    installation.fails(1, &["healthcheck"]);

    let mut command = installation.command(&["serve", "--log", "info", "--log-format", "text"]);
    let mut server = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let began = now();
    while !installation.command(&["healthcheck"]).output().expect("the program runs").status.success() {
        assert!(began.elapsed() < PATIENCE && server.try_wait().expect("a process").is_none(), "not ready");
        std::thread::sleep(Duration::from_millis(50));
    }
    let id = Pid::from_child(&server);
    write_certificate();
    kill_process(id, Signal::HUP).expect("it runs");
    // A signal that comes while one of its kind is pending is merged with it: each gets its time.
    std::thread::sleep(Duration::from_millis(300));
    std::fs::write(installation.path("key.pem"), "broken").expect("written");
    kill_process(id, Signal::HUP).expect("it runs");
    std::thread::sleep(Duration::from_millis(300));
    kill_process(id, Signal::TERM).expect("it runs");
    let output = server.wait_with_output().expect("it ends");
    let log = text(&output.stderr);
    assert!(output.status.success(), "{log}");
    assert!(log.contains("certificate loaded again") && log.contains("the old one stays in use"), "{log}");
}

#[test]
fn a_master_key_that_is_handed_in_turns_too() {
    let installation = Installation::new();
    let key = |name: &str| {
        installation.run(&["init", "--data", name]);
        std::fs::read_to_string(installation.path(name).join("master.key")).expect("a key").trim().to_owned()
    };
    let (old, new) = (key("old"), key("new"));
    let rotate = |keys: &str| {
        let mut command = installation.command(&["keys", "rotate-master", "--data", "old"]);
        command.env("DOORWARD_MASTER_KEY", keys).output().expect("the program runs")
    };
    let alone = rotate(&old);
    assert!(
        !alone.status.success() && text(&alone.stderr).contains("put a new one before it"),
        "{}",
        text(&alone.stderr)
    );
    let turned = rotate(&format!("{new},{old}"));
    assert!(
        text(&turned.stdout).contains("secrets are sealed under the new master key"),
        "{}",
        text(&turned.stderr)
    );
    let list = |key: &str| {
        let mut command = installation.command(&["user", "list", "--data", "old"]);
        command.env("DOORWARD_MASTER_KEY", key).output().expect("the program runs").status.success()
    };
    assert!(list(&new) && !list(&old));
}
