//! Moving, comparing and looking at databases, and upgrades, as an operator does it: real processes, some of them killed.

use crate::process::{Installation, get, text};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use storage::{Options, Schema, Store};

fn url(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

/// An installation that has run, with a user; its database.
fn used(installation: &Installation) -> PathBuf {
    let server = installation.serve(&[]);
    installation.add_user("alice", &[]);
    server.stop();
    installation.path("doorward-data/doorward.db")
}

/// Many rows, as a large installation has.
fn grow(database: &Path, rows: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let store = Store::open(&Options::at(database)).await.expect("a database").store;
        for slice in 0..rows / 1_000 {
            store.write(Links(slice * 1_000)).await.expect("written");
        }
        store.close().await;
    });
}

struct Links(usize);

impl storage::Command for Links {
    type Outcome = ();
    fn steps(&self, steps: &mut storage::Steps) {
        for number in self.0..self.0 + 1_000 {
            let id = (number as u128 + 1).to_be_bytes();
            steps.one(
                "INSERT INTO one_time_links (id, secret_hash, purpose, created_at, expires_at) VALUES (?, ?, 'test', ?, ?)",
                storage::params![id.as_slice(), [7_u8; 32].as_slice(), number as i64, i64::MAX],
            );
        }
    }
    fn outcome(&self, applied: storage::Applied) {
        assert!(applied.is_done());
    }
}

#[test]
fn an_installation_moves_and_is_served_from_its_new_database() {
    let installation = Installation::new();
    let old = used(&installation);
    let (from, to) = (url(&old), url(&installation.path("new/doorward.db")));
    let server = installation.serve(&[]);
    let (_, jwks) = get(&server.address, "/oauth2/jwks");
    let refusal = installation.fails(1, &["store", "copy", "--from", &from, "--to", &to]);
    assert!(refusal.contains("the source") && refusal.contains("is in use by another process"), "{refusal}");
    server.stop();

    let said = installation.run(&["store", "copy", "--from", &from, "--to", &to]);
    for told in ["more tables are empty.", "Both sides hold the same.", "rows/s", "same master key", &to] {
        assert!(said.contains(told), "{told} is missing: {said}");
    }
    // A checksum of nothing tells nobody anything; who wants them all says so.
    assert!(said.contains("users") && !said.contains("SHA-256"), "{said}");
    let another = url(&installation.path("another/doorward.db"));
    let said = installation.run(&["store", "copy", "--from", &from, "--to", &another, "--verbose"]);
    assert!(said.contains("SHA-256 OF ALL ROWS") && said.contains("memberships"), "{said}");
    let said = installation.run(&["store", "verify", "--from", &from, "--to", &to]);
    assert!(said.contains("users") && said.contains("Both sides hold the same."), "{said}");
    // With the same key, tokens that were signed before still verify.
    let moved = installation.serve(&["--database", &to]);
    assert_eq!(get(&moved.address, "/oauth2/jwks").1, jwks);
    installation.add_user("bob", &[]);
    moved.stop();

    let output =
        installation.command(&["store", "verify", "--from", &from, "--to", &to]).output().expect("it runs");
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("is in the destination only") && said.contains("The two differ."), "{said}");
    let refusal = installation.fails(1, &["store", "copy", "--from", &from, "--to", &to]);
    assert!(refusal.contains("is not empty"), "{refusal}");
    let refusal = installation.fails(1, &["store", "copy", "--from", &from, "--to", &from]);
    assert!(refusal.contains("the same database"), "{refusal}");
    let refusal = installation.fails(1, &["store", "copy", "--from", "sqlite:none.db", "--to", &to]);
    assert!(refusal.contains("holds no installation"), "{refusal}");
}

#[test]
fn killed_at_any_moment_a_copy_goes_on_and_is_not_served_before_its_end() {
    let installation = Installation::new();
    let old = used(&installation);
    grow(&old, 60_000);
    let (from, to) = (url(&old), url(&installation.path("new.db")));
    let arguments = ["store", "copy", "--from", &from, "--to", &to];
    let (mut unfinished, mut wait) = (0, 5);
    let said = loop {
        let mut process = installation
            .command(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        std::thread::sleep(Duration::from_millis(wait));
        // SIGKILL: nothing of it can tidy up.
        process.kill().expect("it can be killed");
        let output = process.wait_with_output().expect("it ended");
        if output.status.success() {
            break text(&output.stdout);
        }
        assert_eq!(output.status.code(), None, "{}", text(&output.stderr));
        if is_unfinished(&installation.path("new.db")) {
            unfinished += 1;
            let refusal = installation.fails(1, &["user", "list", "--database", &to]);
            assert!(
                refusal.contains("is an unfinished copy") && refusal.contains("--start-over"),
                "{refusal}"
            );
            // Whether what has arrived is equal says nothing yet.
            let output = installation.command(&["store", "verify", "--from", &from, "--to", &to]).output();
            let output = output.expect("it runs");
            let said = text(&output.stdout);
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(
                said.contains("The destination is an unfinished copy") && !said.contains("sides"),
                "{said}"
            );
        }
        wait = wait * 3 / 2;
    };
    assert!(unfinished >= 3, "killed too early or too late: {unfinished}, {wait} ms");
    assert!(said.contains("rows had arrived before") || said.contains("Both sides hold the same."), "{said}");
    let said = installation.run(&["store", "verify", "--from", &from, "--to", &to]);
    assert!(said.contains(" 6000") && said.contains("Both sides hold the same."), "{said}");
    assert!(installation.run(&["user", "list", "--database", &to]).contains("alice"));
}

/// Whether it bears the mark; killed early enough, there is nothing yet.
fn is_unfinished(database: &Path) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let options = Options { schema: Schema::AsItIs, ..Options::at(database) };
        let Ok(opened) = Store::open(&options).await else { return false };
        let mark = storage::copy::unfinished(&opened.store).await.expect("readable");
        opened.store.close().await;
        mark.is_some()
    })
}

/// What the doctor says, and his exit code.
fn doctor(installation: &Installation, more: &[&str]) -> (Vec<Value>, Option<i32>) {
    let output =
        installation.command(&[&["store", "doctor", "--json"], more].concat()).output().expect("it runs");
    (serde_json::from_slice(&output.stdout).expect("JSON"), output.status.code())
}

#[test]
fn the_doctor_tells_what_is_wrong_and_what_to_do() {
    let installation = Installation::new();
    used(&installation);
    // Told by a flag, it is remembered.
    let server = installation.serve(&["--issuer", "http://id.localhost:8090"]);
    let (findings, code) = doctor(&installation, &["--deep"]);
    // What the machine is to blame for is not this test's matter.
    let problems: Vec<_> = findings
        .iter()
        .filter(|finding| {
            finding["verdict"] == "problem"
                && finding["check"] != "file system"
                && finding["check"] != "free disk"
        })
        .collect();
    assert!(problems.is_empty(), "{problems:?}");
    assert!(
        findings.len() > 8 && findings.iter().any(|finding| finding["check"] == "master key"),
        "{findings:?}"
    );
    // Applications compare it to the letter, and people type a slash.
    let issuer = findings.iter().find(|finding| finding["check"] == "issuer").expect("looked at");
    assert_eq!(issuer["verdict"], "ok");
    let found = issuer["found"].as_str().expect("text");
    assert!(
        found.starts_with("http://id.localhost:8090,") && found.contains("8090/, with a slash"),
        "{found}"
    );
    server.stop();

    std::fs::remove_file(installation.path("doorward-data/master.key")).expect("removed");
    let (findings, failed) = doctor(&installation, &[]);
    let key = findings.iter().find(|finding| finding["check"] == "master key").expect("looked at");
    assert!(key["verdict"] == "problem" && key["remedy"].is_string(), "{key}");
    assert_eq!(failed, Some(1));
    let said = text(&installation.command(&["store", "doctor"]).output().expect("it runs").stdout);
    assert!(said.contains("problem  master key") && said.contains("  -> without it nothing"), "{said}");
    assert!(code.is_some());
}

#[test]
fn an_upgrade_is_rehearsed_and_then_made() {
    let installation = Installation::new();
    let database = used(&installation);
    // As the first version left it: its schema, and this installation's secrets.
    let (old, key) = (installation.path("old/doorward.db"), installation.path("old/master.key"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let options = Options { schema: Schema::UpTo(1), ..Options::at(&old) };
        Store::open(&options).await.expect("a database").store.close().await;
    });
    std::fs::copy(installation.path("doorward-data/master.key"), &key).expect("copied");
    carry_secrets(&database, &old);

    let before = std::fs::read(&old).expect("a file");
    let said = installation.run(&["upgrade", "--rehearse", "--data", "old"]);
    for told in [
        "version 1 becomes",
        "V5__devices",
        "needed",
        "rows are kept",
        "open with the master key",
        "This was a clone",
    ] {
        assert!(said.contains(told), "{told} is missing: {said}");
    }
    assert!(std::fs::read(&old).expect("a file") == before, "a rehearsal only reads");
    // Another installation's key: the rehearsal says so before anything is touched.
    let stranger = Installation::new();
    used(&stranger);
    std::fs::copy(stranger.path("doorward-data/master.key"), &key).expect("copied");
    let output = installation.command(&["upgrade", "--rehearse", "--data", "old"]).output().expect("it runs");
    assert!(
        output.status.code() == Some(1) && text(&output.stdout).contains("problem  keys"),
        "{}",
        text(&output.stdout)
    );
    std::fs::copy(installation.path("doorward-data/master.key"), &key).expect("copied");

    let refusal = installation.fails(1, &["store", "copy", "--from", &url(&old), "--to", "sqlite:x.db"]);
    assert!(refusal.contains("run `doorward upgrade` on it first"), "{refusal}");
    let said = installation.run(&["upgrade", "--data", "old"]);
    assert!(
        said.contains("was migrated from schema version 1") && said.contains("before-upgrade-from-1"),
        "{said}"
    );
    assert!(installation.run(&["upgrade", "--data", "old"]).contains("Nothing was done."));
    installation.serve(&["--data", "old"]).stop();
}

/// Copies the rows that are sealed, byte by byte.
fn carry_secrets(from: &Path, to: &Path) {
    use storage::server_secret::{AddServerSecret, ListServerSecrets};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let source = Store::open(&Options::at(from)).await.expect("a database").store;
        let target = Store::open(&Options { schema: Schema::UpTo(1), ..Options::at(to) })
            .await
            .expect("a database")
            .store;
        for secret in source.read(ListServerSecrets).await.expect("secrets") {
            let at = protocol::Timestamp::from_millis(1);
            assert!(target.write(AddServerSecret { secret, at }).await.expect("written"));
        }
        source.close().await;
        target.close().await;
    });
}
