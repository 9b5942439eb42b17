//! A backup made while the server runs, put back elsewhere and over what was there; what a server ships by itself, brought back from a
//! folder and from an object store.

use crate::object_store::{self, ACCESS_KEY, BUCKET, SECRET_KEY};
use crate::process::{Installation, PATIENCE, Server, get, now};
use rustix::process::Signal;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

#[test]
fn a_backup_of_a_running_server_is_restored_elsewhere() {
    let installation = Installation::new();
    let server = installation.serve(&[]);
    installation.add_user("alice", &[]);
    let (_, jwks) = get(&server.address, "/oauth2/jwks");
    let said = installation.run(&["backup", "copy.db"]);
    assert!(said.contains("verified and sealed") && said.contains("The master key is not in it"), "{said}");
    let refusal = installation.fails(1, &["backup", "copy.db"]);
    assert!(refusal.contains("exists already"), "{refusal}");
    installation.add_user("bob", &[]);
    let refusal = installation.fails(1, &["restore", "copy.db", "--force"]);
    assert!(refusal.contains("is in use by another process"), "{refusal}");
    server.stop();

    let refusal = installation.fails(1, &["restore", "copy.db", "--data", "elsewhere"]);
    assert!(refusal.contains("sealed under the master key, which must be at hand"), "{refusal}");
    let with_key =
        ["restore", "copy.db", "--data", "elsewhere", "--master-key-file", "doorward-data/master.key"];
    let said = installation.run(&with_key);
    assert!(said.contains("will not start without the master key of that time"), "{said}");
    std::fs::copy(installation.path("doorward-data/master.key"), installation.path("elsewhere/master.key"))
        .expect("copied");
    let restored = installation.serve(&["--data", "elsewhere"]);
    assert_eq!(get(&restored.address, "/oauth2/jwks").1, jwks);
    let users = installation.json(&["user", "list", "--json", "--data", "elsewhere"]);
    assert_eq!(users.as_array().expect("a list").len(), 1, "alice, who was there when the backup was made");
    restored.stop();

    let refusal = installation.fails(1, &["restore", "copy.db"]);
    assert!(refusal.contains("exists already"), "{refusal}");
    let said = installation.run(&["restore", "copy.db", "--force"]);
    assert!(said.contains("is kept as"), "{said}");
    assert!(!installation.run(&["user", "list"]).contains("bob"));
    let key = ["--master-key-file", "doorward-data/master.key"];
    let refusal = installation.fails(1, &[&["restore", "nothing.db", "--data", "third"][..], &key].concat());
    assert!(refusal.contains("does not exist"), "{refusal}");
}

/// A reading of the metrics, once there is one that `holds`.
fn reading(server: &Server, name: &str, holds: impl Fn(f64) -> bool) -> f64 {
    let (_, after) = server.printed.split_once("Metrics    http://").expect("the address of the metrics");
    let address = after.split('/').next().expect("an address");
    let began = now();
    loop {
        let (_, body) = get(address, "/metrics");
        let found = body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        if let Some(found) = found.filter(|found| holds(*found)) {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{name} never was: {body}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn all_shipped(server: &Server) -> f64 {
    reading(server, "doorward_backup_lag_seconds", |lag| lag == 0.0);
    reading(server, "doorward_backup_last_shipped_timestamp_seconds", |_| true)
}

/// Its commands have the object store's credentials in their environment.
fn with_credentials(installation: &mut Installation, secret: &str) {
    installation.environment = vec![
        ("AWS_ACCESS_KEY_ID".to_owned(), ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY".to_owned(), secret.to_owned()),
    ];
}

fn ships_and_comes_back(installation: &Installation, target: &str) {
    let shipping = ["--backup-to", target, "--backup-every", "20ms", "--metrics-listen", "127.0.0.1:0"];
    let server = installation.serve(&shipping);
    installation.add_user("alice", &[]);
    let with_alice = all_shipped(&server);
    std::thread::sleep(Duration::from_millis(20));
    installation.add_user("bob", &[]);
    let with_bob = all_shipped(&server);
    assert!(with_alice < with_bob);
    let drilled = reading(&server, "doorward_backup_last_drill_success_timestamp_seconds", |_| true);
    assert!(drilled > with_alice - 60.0);
    assert_eq!(reading(&server, "doorward_backup_failures_total", |_| true), 0.0);
    let (_, jwks) = get(&server.address, "/oauth2/jwks");
    // Not even asked to stop: what was shipped is what there is.
    server.signal(Signal::KILL);
    drop(server);

    let said = installation.run(&["backup", "list", "--from", target]);
    assert!(said.contains("00000001-") && !said.contains("missing"), "{said}");
    let said = installation.run(&["backup", "drill", "--from", target]);
    assert!(said.contains("is sound") && said.contains("Commands replayed"), "{said}");
    let users = |data: &str| {
        let users = installation.json(&["user", "list", "--json", "--data", data]);
        users.as_array().expect("a list").iter().map(|user| user["username"].to_string()).collect::<Vec<_>>()
    };
    let millis = (with_alice * 1_000.0).round();
    let at = protocol::Timestamp::from_millis(millis as i64);
    let at = storage::archive::moment(at);
    for (data, more, expected) in
        [("newest", &[][..], &["\"alice\"", "\"bob\""][..]), ("earlier", &["--at", &at], &["\"alice\""])]
    {
        let command = [&["restore", "--from", target, "--data", data], more].concat();
        let refusal = installation.fails(1, &command);
        assert!(refusal.contains("sealed under the master key, which must be at hand"), "{refusal}");
        let key = installation.path(&format!("{data}/master.key"));
        std::fs::create_dir(installation.path(data)).expect("a folder");
        std::fs::copy(installation.path("doorward-data/master.key"), key).expect("copied");
        installation.run(&command);
        assert_eq!(users(data), expected);
    }
    let restored = installation.serve(&["--data", "newest"]);
    assert_eq!(get(&restored.address, "/oauth2/jwks").1, jwks);
    restored.stop();

    let refusal = installation.fails(1, &["restore", "--from", target]);
    assert!(refusal.contains("exists already"), "{refusal}");
    let key = ["--master-key-file", "doorward-data/master.key"];
    let refusal = installation.fails(
        1,
        &["restore", "--from", target, "--at", "2001-01-01T00:00:00Z", "--data", "third", key[0], key[1]],
    );
    assert!(refusal.contains("the oldest moment in"), "{refusal}");
    installation.fails(2, &["restore", "--at", "2026-01-01T00:00:00Z", "copy.db"]);
    installation.fails(2, &["restore", "--from", target, "--at", "yesterday"]);
}

#[test]
fn the_doctor_knows_how_old_backups_and_drills_are() {
    let mut installation = Installation::new();
    let target = installation.path("backups").display().to_string();
    installation.environment = vec![("DOORWARD_BACKUP_TO".to_owned(), target)];
    let told = |installation: &Installation, check: &str| {
        let output = installation.command(&["store", "doctor", "--json"]).output().expect("it runs");
        let findings: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let mut findings = findings.as_array().expect("a list").iter();
        let found = findings.find(|finding| finding["check"] == check).expect("it looked").clone();
        [&found["verdict"], &found["found"]].map(|text| text.as_str().expect("text").to_owned())
    };
    installation.serve(&[]).stop();
    std::fs::remove_dir_all(installation.path("backups")).expect("removed");
    let _none_yet = std::fs::remove_file(installation.path("doorward-data/doorward.db.drilled"));
    let [verdict, found] = told(&installation, "backup");
    assert!(verdict == "problem" && found.contains("nothing has been shipped yet"), "{found}");
    assert_eq!(told(&installation, "drill")[0], "note");

    let server = installation.serve(&["--metrics-listen", "127.0.0.1:0"]);
    reading(&server, "doorward_backup_last_drill_success_timestamp_seconds", |_| true);
    server.stop();
    let [verdict, found] = told(&installation, "backup");
    assert!(verdict == "ok" && found.contains("the newest whole copy is 0 min old"), "{found}");
    let [verdict, found] = told(&installation, "drill");
    assert!(verdict == "ok" && found.contains("found sound 0 min ago"), "{found}");
    // Long ago.
    std::fs::write(installation.path("doorward-data/doorward.db.drilled"), "1600000000000").expect("written");
    assert_eq!(told(&installation, "drill")[0], "problem");
}

#[test]
fn what_a_server_ships_to_a_folder_is_restored_to_any_moment() {
    let installation = Installation::new();
    let refusal = installation.fails(1, &["backup", "list"]);
    assert!(refusal.contains("set backup.to"), "{refusal}");
    ships_and_comes_back(&installation, "kept/elsewhere");
    // A segment is lost: everything before it is not.
    let log = std::fs::read_dir(installation.path("kept/elsewhere"))
        .expect("a folder")
        .next()
        .expect("a generation");
    let log = log.expect("an entry").path().join("log");
    let mut segments: Vec<_> =
        std::fs::read_dir(log).expect("a log").map(|entry| entry.expect("an entry").path()).collect();
    segments.sort();
    assert!(segments.len() >= 3, "{segments:?}");
    std::fs::remove_file(&segments[1]).expect("removed");
    let key = ["--master-key-file", "doorward-data/master.key"];
    for command in [&["backup", "drill"][..], &["restore", "--data", "fourth", key[0], key[1]]] {
        let refusal = installation.fails(1, &[command, &["--from", "kept/elsewhere"]].concat());
        assert!(refusal.contains("missing") && refusal.contains("possible with --at"), "{refusal}");
    }
}

#[test]
fn what_a_server_ships_to_an_object_store_is_restored_to_any_moment() {
    let mut installation = Installation::new();
    let address = object_store::start(&installation.path("objects"));
    let target = format!("s3://{BUCKET}/some/prefix?endpoint=http://{address}&region=eu-central-1");
    let refusal = installation.fails(1, &["backup", "list", "--from", &target]);
    assert!(refusal.contains("AWS_ACCESS_KEY_ID"), "{refusal}");
    with_credentials(&mut installation, "another secret");
    let refusal = installation.fails(1, &["backup", "list", "--from", &target]);
    assert!(refusal.contains("SignatureDoesNotMatch") && !refusal.contains("another secret"), "{refusal}");
    with_credentials(&mut installation, SECRET_KEY);
    let said = installation.run(&["backup", "list", "--from", &target]);
    assert!(said.contains("holds no backup"), "{said}");
    ships_and_comes_back(&installation, &target);
    assert!(installation.path("objects/backups/some/prefix").is_dir());
    let nowhere = target.replace(&address.to_string(), "127.0.0.1:9");
    let refusal = installation.fails(1, &["backup", "drill", "--from", &nowhere]);
    assert!(refusal.contains("cannot be asked") && !refusal.contains("X-Amz"), "{refusal}");
    let refusal =
        installation.fails(1, &["backup", "list", "--from", &target.replace(BUCKET, "no-such-bucket")]);
    assert!(refusal.contains("NoSuchBucket"), "{refusal}");
}

#[test]
fn an_object_store_is_asked_over_tls_and_only_if_it_is_trusted() {
    let mut installation = Installation::new();
    let (port, certificate) = object_store::start_tls(&installation.path("objects"));
    with_credentials(&mut installation, SECRET_KEY);
    let target = format!("s3://{BUCKET}?endpoint=https://localhost:{port}");
    let refusal = installation.fails(1, &["backup", "list", "--from", &target]);
    assert!(refusal.contains("cannot be asked") || refusal.contains("ca-certificates"), "{refusal}");
    let path = certificate.to_str().expect("text").to_owned();
    installation.environment.push(("SSL_CERT_FILE".to_owned(), path));
    let said = installation.run(&["backup", "list", "--from", &target]);
    assert!(said.contains("holds no backup"), "{said}");
}

/// Every byte of a file that is this text becomes another.
fn change(path: &std::path::Path, from: &str, to: &str) {
    let mut bytes = std::fs::read(path).expect("a file");
    let places: Vec<_> =
        bytes.windows(from.len()).enumerate().filter(|(_, window)| *window == from.as_bytes()).collect();
    let places: Vec<usize> = places.into_iter().map(|(index, _)| index).collect();
    assert!(!places.is_empty(), "{from} is not in it");
    for place in places {
        bytes[place..place + to.len()].copy_from_slice(to.as_bytes());
    }
    std::fs::write(path, bytes).expect("written");
}

#[test]
fn a_changed_letter_of_a_backup_is_found_by_restore_doctor_and_verify() {
    let installation = Installation::new();
    installation.add_user("alice", &[]);
    installation.run(&["backup", "copy.db"]);
    let doctor = |more: &[&str]| {
        let looked = [&["store", "doctor", "--database", "sqlite:copy.db", "--json"], more].concat();
        let output = installation.command(&looked).output().expect("it runs");
        let findings: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let seal = findings.as_array().expect("a list").iter().find(|finding| finding["check"] == "seal");
        seal.expect("it looked").clone()
    };
    let verify = ["store", "verify", "--from", "sqlite:copy.db", "--to", "sqlite:doorward-data/doorward.db"];
    assert_eq!(doctor(&[])["verdict"], "ok");
    assert!(installation.run(&verify).contains("Both sides hold the same"));
    // Looking at it has not changed it.
    assert_eq!(doctor(&[])["verdict"], "ok");
    assert_eq!(doctor(&["--data", "elsewhere"])["verdict"], "note");

    change(&installation.path("copy.db"), "alice", "alicf");
    let told = "not as it was when it was sealed";
    let found = doctor(&[]);
    assert!(
        found["verdict"] == "problem" && found["found"].as_str().expect("text").contains(told),
        "{found}"
    );
    let moved = ["store", "copy", "--from", "sqlite:copy.db", "--to", "sqlite:moved.db"];
    for command in [&["restore", "copy.db", "--force"][..], &verify, &moved] {
        let refusal = installation.fails(1, command);
        assert!(refusal.contains(told), "{command:?}: {refusal}");
    }
    assert!(!installation.path("moved.db").exists());
    installation.run(&["restore", "copy.db", "--force", "--unverified"]);
}

#[test]
fn what_was_sealed_before_the_master_key_turned_comes_back_with_the_old_key() {
    let installation = Installation::new();
    let target = installation.path("kept").display().to_string();
    let serve = || installation.serve(&["--backup-to", &target, "--metrics-listen", "127.0.0.1:0"]);
    let server = serve();
    installation.add_user("alice", &[]);
    let before = (all_shipped(&server) * 1_000.0).round() as i64;
    server.stop();
    installation.run(&["backup", "copy.db"]);
    let key = |name: &str| installation.path(name);
    std::fs::copy(key("doorward-data/master.key"), key("old.key")).expect("copied");
    installation.run(&["keys", "rotate-master"]);

    // The archive goes on, and the drill with it.
    let server = serve();
    all_shipped(&server);
    reading(&server, "doorward_backup_last_drill_success_timestamp_seconds", |_| true);
    assert_eq!(reading(&server, "doorward_backup_failures_total", |_| true), 0.0);
    server.stop();
    assert!(installation.run(&["backup", "drill", "--from", &target]).contains("is sound"));

    let at = storage::archive::moment(protocol::Timestamp::from_millis(before));
    let from_archive = ["restore", "--from", &target, "--at", &at, "--data", "elsewhere"];
    let from_file = ["restore", "copy.db", "--data", "elsewhere", "--force"];
    let both = std::fs::read_to_string(key("doorward-data/master.key")).expect("a key")
        + &std::fs::read_to_string(key("old.key")).expect("a key");
    std::fs::write(key("both.key"), both).expect("written");
    std::fs::set_permissions(key("both.key"), std::fs::Permissions::from_mode(0o600)).expect("a mode");
    for command in [&from_archive[..], &from_file] {
        let with = |key| [command, &["--master-key-file", key]].concat();
        let refusal = installation.fails(1, &with("doorward-data/master.key"));
        assert!(refusal.contains("sealed under master key") && refusal.contains("--unverified"), "{refusal}");
        installation.run(&with("both.key"));
        let said = installation.run(&[&from_file[..], &["--unverified"]].concat());
        assert!(said.contains("was restored"), "{said}");
        std::fs::remove_dir_all(key("elsewhere")).expect("removed");
    }
    // The drill has no such way.
    installation.fails(2, &["backup", "drill", "--from", &target, "--unverified"]);
    std::fs::remove_file(key("doorward-data/master.key")).expect("removed");
    let refusal = installation.fails(1, &["backup", "drill", "--from", &target]);
    assert!(refusal.contains("sealed under the master key, which must be at hand"), "{refusal}");
}
