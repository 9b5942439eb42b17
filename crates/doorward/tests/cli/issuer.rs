//! The issuer is remembered, is not changed by mistake, and a forgotten one behind a proxy is said in the log and by the doctor.

use crate::process::{Installation, get_with, text};
use rustix::process::Signal;

const HERE: &str = "https://id.example.org";
const THERE: &str = "https://login.example.org";

#[test]
fn an_issuer_that_was_changed_by_mistake_is_refused_with_the_way_out() {
    let installation = Installation::new();
    // What is made up from the port is not remembered.
    installation.serve(&[]).stop();
    installation.serve(&[]).stop();
    assert!(installation.run(&["issuer", "show"]).contains("none yet"));
    installation.serve(&["--issuer", HERE]).stop();
    assert_eq!(installation.run(&["issuer", "show"]).trim(), HERE);

    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let refused = installation.fails(2, &[&serve[..], &["--issuer", THERE]].concat());
    for said in [HERE, THERE, "doorward issuer change https://login.example.org"] {
        assert!(refused.contains(said), "{refused}");
    }
    let forgotten = installation.fails(2, &serve);
    assert!(forgotten.contains(HERE) && forgotten.contains("is not set"), "{forgotten}");

    // On purpose, also while a server runs.
    let server = installation.serve(&["--issuer", HERE]);
    installation.run(&["issuer", "change", THERE]);
    server.stop();
    installation.fails(2, &[&serve[..], &["--issuer", HERE]].concat());
    installation.serve(&["--issuer", THERE]).stop();
    installation.fails(2, &["issuer", "change", "http://login.example.org"]);
}

#[test]
fn a_forgotten_issuer_and_a_proxy_that_is_not_trusted_are_said_once_with_their_settings() {
    let installation = Installation::new();
    let server = installation.serve(&[]);
    let forwarded = [("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-Proto", "https")];
    for _ in 0..3 {
        assert_eq!(get_with(&server.address, "/health/live", &forwarded).0, 200);
    }
    let doctor = installation.command(&["store", "doctor"]).output().expect("it runs");
    let told = text(&doctor.stdout);
    for said in ["set `issuer` to the https URL", "--trusted-proxies 127.0.0.1", "none is set: it is made up"]
    {
        assert!(told.contains(said), "{told}");
    }
    server.signal(Signal::TERM);
    let (_, log) = server.end();
    for said in ["set `issuer` to the https URL", "--trusted-proxies 127.0.0.1"] {
        assert_eq!(log.matches(said).count(), 1, "{log}");
    }

    let installation = Installation::new();
    let server = installation.serve(&["--issuer", HERE, "--trusted-proxies", "127.0.0.1"]);
    get_with(&server.address, "/health/live", &forwarded);
    let doctor = installation.command(&["store", "doctor"]).output().expect("it runs");
    assert!(text(&doctor.stdout).contains(HERE), "{}", text(&doctor.stdout));
    server.signal(Signal::TERM);
    let (_, log) = server.end();
    assert!(!log.contains("forwarding headers") && !log.contains("reach a proxy"), "{log}");
}
