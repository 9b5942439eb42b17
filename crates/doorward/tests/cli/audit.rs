//! The audit chain from the command line: the same while a server runs and while none does; what somebody does to the file is named, and the
//! exit code says so.

use crate::process::{Installation, PATIENCE, now};
use serde_json::Value;
use storage::{Applied, Command, Options, Steps, Store, params};

fn export(installation: &Installation, more: &[&str]) -> Vec<Value> {
    let lines = installation.run(&[&["audit", "export"], more].concat());
    lines.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["event"].as_str()).collect()
}

#[test]
fn what_happened_is_exported_and_verified_with_and_without_a_server() {
    for with_server in [false, true] {
        let installation = Installation::new();
        let server = with_server.then(|| installation.serve(&[]));
        installation.add_user("alice", &[]);
        installation.add_user("bob", &[]);
        installation.run(&["client", "add", "app", "--redirect-uri", "https://app.example.org/cb"]);
        installation.run(&["user", "remove", "bob", "--yes"]);
        installation.fails(1, &["user", "remove", "bob", "--yes"]);

        let all = export(&installation, &[]);
        let by_operator = ["UserCreated", "UserCreated", "ClientCreated", "UserRemoved"];
        let told: Vec<_> = names(&all).into_iter().filter(|name| by_operator.contains(name)).collect();
        assert_eq!(told, by_operator, "server: {with_server}");
        assert!(all.iter().all(|event| event["id"].is_string() && event["request"].is_string()));
        assert!(all.windows(2).all(|two| two[0]["time"].as_str() <= two[1]["time"].as_str()));

        let alice = export(&installation, &["--user", "alice"]);
        assert_eq!(names(&alice), ["UserCreated"]);
        let id = export(&installation, &["--event", "UserRemoved"])[0]["user"].as_str().map(str::to_owned);
        let gone = export(&installation, &["--user", &id.expect("an id")]);
        assert_eq!(names(&gone), ["UserCreated", "UserRemoved"], "by id also who is gone");
        assert_eq!(names(&export(&installation, &["--client", "app"])), ["ClientCreated"]);
        let time = alice[0]["time"].as_str().expect("a time");
        assert!(export(&installation, &["--to", time]).len() < all.len());
        assert_eq!(export(&installation, &["--from", "2020-01-01T00:00:00Z"]).len(), all.len());
        assert_eq!(export(&installation, &["--from", "2100-01-01T00:00:00Z"]).len(), 0);
        assert!(installation.fails(2, &["audit", "export", "--event", "Nonsense"]).contains("Nonsense"));
        assert!(installation.fails(1, &["audit", "export", "--user", "nobody"]).contains("nobody"));

        let sound = installation.run(&["audit", "verify"]);
        assert!(
            sound.contains("are as they were sealed") && sound.contains("only a head kept elsewhere"),
            "{sound}"
        );
        let heads = installation.path("heads");
        std::fs::write(&heads, installation.run(&["audit", "head"])).expect("written");
        installation.add_user("carol", &[]);
        let sound = installation.run(&["audit", "verify", "--head", "heads"]);
        assert!(sound.contains("1 in the chain, 0 forgotten since"), "{sound}");
        assert_eq!(installation.json(&["audit", "head", "--key"])["crv"], "Ed25519");
        drop(server);
    }
}

#[test]
fn a_server_seals_by_itself_and_when_it_stops() {
    let installation = Installation::new();
    let server = installation.serve(&[]);
    installation.add_user("alice", &[]);
    let began = now();
    // Read as another program would: asking the server would seal. What a head begins with:
    let head = b"eyJhbGciOiJFZERTQSIsInR5cCI6ImRvb3J3YXJkLWF1ZGl0LWhlYW";
    let is_sealed = || {
        let log = std::fs::read(installation.path("doorward-data/doorward.db-wal")).unwrap_or_default();
        log.windows(head.len()).any(|bytes| bytes == head)
    };
    while !is_sealed() {
        assert!(began.elapsed() < PATIENCE);
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    installation.add_user("bob", &[]);
    server.stop();
    let store = Opened::of(&installation);
    assert!(store.unsealed().is_empty());
}

/// The database, while no server has it.
struct Opened {
    runtime: tokio::runtime::Runtime,
    store: Store,
}

impl Opened {
    fn of(installation: &Installation) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let options = Options::at(installation.path("doorward-data/doorward.db"));
        let store = runtime.block_on(Store::open(&options)).expect("a database").store;
        Self { runtime, store }
    }

    fn unsealed(&self) -> Vec<storage::audit::NewAuditEvent> {
        let before = protocol::AuditEventId::from_bytes([255; 16]);
        let query = storage::audit::UnsealedAuditEvents { before, limit: 10 };
        self.runtime.block_on(self.store.read(query)).expect("events")
    }

    fn change(self, sql: &'static str) {
        self.runtime.block_on(async {
            assert!(self.store.write(Change(sql)).await.expect("a change"));
            self.store.close().await;
        });
    }
}

/// What somebody does to the database who can write to it.
struct Change(&'static str);

impl Command for Change {
    type Outcome = bool;
    fn steps(&self, steps: &mut Steps) {
        steps.one(self.0, params![]);
    }
    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

#[test]
fn what_was_done_to_the_file_is_named() {
    for (change, head, expected) in [
        (
            "UPDATE audit_blocks SET events = replace(events, 'UserRemoved', 'UserEnabled') WHERE number = 3",
            false,
            "block 3: its events are not those that were sealed",
        ),
        ("DELETE FROM audit_blocks WHERE number = 2", false, "block 2 is missing"),
        ("DELETE FROM audit_blocks WHERE number = 1", false, "the blocks before block 2 are missing"),
        ("DELETE FROM audit_blocks WHERE number = 3", true, "the chain ends with block 2"),
        (
            "UPDATE audit_blocks SET head = (SELECT head FROM audit_blocks WHERE number = 1) WHERE number = 2",
            false,
            "block 2: its head is the one of block 1",
        ),
        (
            "DELETE FROM server_secrets WHERE name = 'audit-signing'",
            false,
            "block 1: its head is not signed with this installation's audit key",
        ),
    ] {
        let installation = Installation::new();
        installation.add_user("alice", &[]);
        installation.run(&["audit", "head"]);
        installation.add_user("bob", &[]);
        installation.run(&["audit", "head"]);
        installation.run(&["user", "remove", "bob", "--yes"]);
        let kept = installation.run(&["audit", "head"]);
        std::fs::write(installation.path("heads"), kept).expect("written");
        assert!(installation.run(&["audit", "verify"]).contains("Blocks 1 to 3 are"));
        Opened::of(&installation).change(change);
        let arguments = if head { &["audit", "verify", "--head", "heads"][..] } else { &["audit", "verify"] };
        let told = installation.fails(1, arguments);
        assert!(told.contains(expected), "{change}: {told}");
        if head {
            assert!(
                installation.run(&["audit", "verify"]).contains("are as they were sealed"),
                "without a head"
            );
        }
    }
}
