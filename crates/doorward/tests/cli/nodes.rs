//! Two servers on one PostgreSQL: one acts on what the other changed, neither trusts its memory when it cannot ask, and what one that was
//! killed leaves behind is cleared away.

use crate::process::{Installation, PATIENCE, Server, get, now, post};
use rustix::process::Signal;
use std::thread::sleep;
use std::time::Duration;
use throwaway::Engine;

/// What is promised (docs/guide/many-nodes.md), and what a busy machine may add.
const BOUND: Duration = Duration::from_secs(1);
const OUTDATED_AFTER: Duration = Duration::from_secs(5);
const SLACK: Duration = Duration::from_secs(3);

#[test]
fn two_servers_on_one_database_agree_doubt_and_clear_up() {
    if Engine::Postgres.is_missing() {
        return;
    }
    let database = throwaway::Server::postgres().expect("PostgreSQL");
    let url = database.database().expect("a database");
    let count = |query: &str| Engine::Postgres.sql(&url, query).expect("an answer").trim().to_owned();
    let (one, other) = (Installation::empty(), Installation::empty());
    let serve = |installation: &Installation| {
        installation.serve(&[
            "--database",
            &url,
            "--issuer",
            "https://id.example.org",
            "--limits-enabled",
            "off",
        ])
    };
    let first = serve(&one);
    // The master key is carried from the first to the others.
    std::fs::create_dir(other.path("doorward-data")).expect("a directory");
    std::fs::copy(one.path("doorward-data/master.key"), other.path("doorward-data/master.key"))
        .expect("a key");
    let second = serve(&other);

    let added = one.json(&["client", "add", "api", "--redirect-uri", "https://api.example.org/cb", "--json"]);
    let secret = added["client_secret"].as_str().expect("a secret").to_owned();
    let asked =
        |server: &Server| post(&server.address, "/oauth2/introspect", ("api", &secret), "token=any").0;
    assert_eq!((asked(&first), asked(&second)), (200, 200));
    one.run(&["client", "disable", "api"]);
    assert!(until(|| asked(&second) == 401) < BOUND + SLACK);
    one.run(&["client", "enable", "api"]);
    assert!(until(|| asked(&second) == 200) < BOUND + SLACK);

    // Nobody answers: what is in memory is good for a few seconds, and not longer.
    database.pause().expect("a process");
    let doubted = until(|| asked(&second) == 503);
    assert!(doubted > OUTDATED_AFTER - SLACK && doubted < OUTDATED_AFTER + SLACK, "{doubted:?}");
    let (status, why) = get(&second.address, "/health/ready");
    assert_eq!(status, 503, "{why}");
    database.go_on().expect("a process");
    until(|| asked(&second) == 200);
    until(|| get(&second.address, "/health/ready").0 == 200);

    assert_eq!(count("SELECT count(*) FROM nodes"), "2");
    first.signal(Signal::KILL);
    until(|| count("SELECT count(*) FROM nodes") == "1");
    assert_eq!(count("SELECT count(*) FROM leases WHERE holder NOT IN (SELECT id FROM nodes)"), "0");
    second.stop();
}

/// How long until it holds.
fn until(mut holds: impl FnMut() -> bool) -> Duration {
    let began = now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "never");
        sleep(Duration::from_millis(20));
    }
    began.elapsed()
}
