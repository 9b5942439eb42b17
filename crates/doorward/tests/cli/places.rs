//! Where installations are, who makes them, and whom their files belong to.

use crate::process::{Installation, text};
use rustix::process::geteuid;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(below(&path));
        }
        found.push(path);
    }
    found
}

#[test]
fn no_command_makes_an_installation_but_those_that_are_meant_to() {
    let installation = Installation::empty();
    for command in [
        &["user", "list"][..],
        &["user", "remove", "alice", "--yes"],
        &["client", "show", "x"],
        &["organization", "list"],
        &["keys", "list"],
        &["keys", "rotate-master"],
        &["audit", "verify"],
        &["upgrade"],
        &["backup", "copy.db"],
    ] {
        let output = installation.command(command).output().expect("it runs");
        let said = text(&output.stderr);
        assert!(!output.status.success(), "{command:?}");
        assert!(
            output.status.code() == Some(2)
                || said.contains("doorward-data/doorward.db does not exist")
                || said.contains("doorward-data/doorward.db holds no installation"),
            "{command:?}: {said}"
        );
    }
    let said = installation.fails(1, &["user", "list"]);
    assert!(said.contains("--data") && said.contains("doorward init"), "{said}");
    installation.fails(1, &["backup", "drill", "--from", "nowhere"]);
    installation.fails(1, &["store", "verify", "--from", "sqlite:a/a.db", "--to", "sqlite:b/b.db"]);
    installation.fails(1, &["store", "copy", "--from", "sqlite:a/a.db", "--to", "sqlite:b/b.db"]);
    for command in [&["store", "doctor"][..], &["healthcheck"]] {
        assert!(!installation.command(command).output().expect("it runs").status.success());
    }
    assert_eq!(below(installation.directory.path()), Vec::<PathBuf>::new());

    let said = installation.run(&["init"]);
    assert!(said.contains("is ready") && said.contains("master.key"), "{said}");
    installation.add_user("alice", &[]);
    assert!(installation.run(&["init"]).contains("already"));
    assert!(installation.run(&["user", "list"]).contains("alice"));
}

#[test]
fn an_empty_file_beside_a_master_key_is_a_loss_and_not_a_beginning() {
    let installation = Installation::new();
    let database = installation.path("doorward-data/doorward.db");
    for suffix in ["", "-wal", "-shm"] {
        let mut path = database.clone().into_os_string();
        path.push(suffix);
        let _absent = std::fs::remove_file(path);
    }
    std::fs::write(&database, "").expect("written");
    for command in
        [&["user", "list"][..], &["serve", "--listen", "127.0.0.1:0"], &["init"], &["keys", "list"]]
    {
        let said = installation.fails(1, command);
        assert!(said.contains("is empty (0 bytes)"), "{command:?}: {said}");
    }
    assert_eq!(std::fs::metadata(&database).expect("a file").len(), 0);
}

/// Whether this runs as root, which every run in CI does.
fn is_root() -> bool {
    let root = geteuid().is_root();
    if !root {
        assert!(throwaway::variable("CI").is_none(), "CI must run this as root");
        println!("SKIPPED: only root can act for another system user");
    }
    root
}

#[test]
fn what_root_writes_belongs_to_whom_the_installation_belongs() {
    const SERVICE: u32 = 65_533;
    if !is_root() {
        return;
    }
    let installation = Installation::new();
    let data = installation.path("doorward-data");
    installation.run(&["backup", "copy.db"]);
    let give = |path: &Path| chown(path, Some(SERVICE), Some(SERVICE)).expect("root may");
    let strangers = |folder: &Path| -> Vec<PathBuf> {
        let is_other = |path: &PathBuf| {
            let found = std::fs::metadata(path).expect("it is there");
            (found.uid(), found.gid()) != (SERVICE, SERVICE)
        };
        below(folder).into_iter().filter(is_other).collect()
    };
    below(&data).iter().for_each(|path| give(path));
    give(&data);
    // As if the server had never run: what is made anew is the service's too.
    std::fs::remove_file(data.join("doorward.db.lock")).expect("removed");
    installation.add_user("alice", &[]);
    assert_eq!(strangers(&data), Vec::<PathBuf>::new(), "after `user add`");
    installation.run(&["keys", "rotate-master"]);
    assert_eq!(strangers(&data), Vec::<PathBuf>::new(), "after `keys rotate-master`");
    let mode = |name: &str| std::fs::metadata(data.join(name)).expect("a file").permissions().mode() & 0o777;
    assert_eq!((mode("master.key"), mode("doorward.db")), (0o600, 0o600));

    std::fs::set_permissions(data.join("doorward.db"), Permissions::from_mode(0o640)).expect("a mode");
    std::fs::remove_file(data.join("doorward.db.lock")).expect("removed");
    installation.run(&["restore", "copy.db", "--force", "--unverified"]);
    assert_eq!(strangers(&data), Vec::<PathBuf>::new(), "after `restore`");
    assert_eq!(mode("doorward.db"), 0o640, "as it was");
    std::fs::remove_file(data.join("doorward.db")).expect("removed");
    installation.run(&["restore", "copy.db", "--unverified"]);
    assert_eq!((strangers(&data), mode("doorward.db")), (Vec::new(), 0o600), "as the folder is owned");

    // A whole installation in a folder that root makes for a service.
    let home = installation.path("home");
    std::fs::create_dir(&home).expect("a folder");
    give(&home);
    installation.run(&["init", "--data", "home/deep/data"]);
    assert_eq!(strangers(&home), Vec::<PathBuf>::new(), "after `init`");
    installation.run(&["restore", "copy.db", "--unverified", "--data", "home/other"]);
    let moved = ["store", "copy", "--from", "sqlite:copy.db", "--to", "sqlite:home/third/doorward.db"];
    installation.run(&moved);
    assert_eq!(strangers(&home), Vec::<PathBuf>::new(), "after `restore` and `store copy`");
}

#[test]
fn config_check_looks_at_what_the_settings_name() {
    let installation = Installation::empty();
    let check = |more: &[&str]| installation.fails(2, &[&["config", "check"], more].concat());
    let tls = ["--tls-certificate", "chain.pem", "--tls-key", "key.pem"];
    let said = check(&tls);
    assert!(said.contains("chain.pem"), "{said}");
    for name in ["chain.pem", "key.pem"] {
        std::fs::write(installation.path(name), "no certificate").expect("written");
    }
    assert!(check(&tls).contains("chain.pem"));
    let made = rcgen::generate_simple_self_signed(["id.example.org".to_owned()]).expect("a certificate");
    std::fs::write(installation.path("chain.pem"), made.cert.pem()).expect("written");
    let said = check(&tls);
    assert!(said.contains("key.pem"), "{said}");
    std::fs::write(installation.path("key.pem"), made.signing_key.serialize_pem()).expect("written");
    installation.run(&[&["config", "check"][..], &tls].concat());

    let said = check(&["--backup-to", "chain.pem/backups"]);
    assert!(said.contains("backup.to") && said.contains("chain.pem is no folder"), "{said}");
    let said = check(&["--backup-to", "s3://bucket/prefix"]);
    assert!(said.contains("backup.to") && said.contains("AWS_ACCESS_KEY_ID"), "{said}");
    let said = check(&["--outgoing-ca-file", "none.pem", "--tls-client-ca", "none.pem"]);
    assert!(said.contains("outgoing.ca_file") && said.contains("tls.client_ca"), "{said}");
    // All told at once, and nothing was made.
    let said = check(&["--backup-to", "chain.pem/backups", "--outgoing-ca-file", "none.pem"]);
    assert!(said.contains("2 settings are wrong"), "{said}");
    installation.run(&["config", "check", "--backup-to", "not/there/yet"]);
    assert_eq!(below(installation.directory.path()).len(), 2);
}

#[test]
fn a_log_filter_that_would_silence_the_log_is_refused() {
    let installation = Installation::empty();
    for filter in ["chatty", "info,web", "debgu", "info,web=chatty", ","] {
        for command in [&["config", "check"][..], &["serve", "--listen", "127.0.0.1:0"]] {
            let said = installation.fails(2, &[command, &["--log", filter]].concat());
            assert!(said.contains("expected a level"), "{filter}: {said}");
        }
    }
    for filter in ["info", "WARN", "off", "info,web=debug", "web=trace"] {
        installation.run(&["config", "check", "--log", filter]);
    }
}

#[test]
fn the_shipped_unit_keeps_its_data_where_every_command_looks() {
    let shipped = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(name);
        (std::fs::read_to_string(&path).expect("it is shipped"), path)
    };
    let (unit, _) = shipped("doorward.service");
    let start = unit.lines().find(|line| line.starts_with("ExecStart=")).expect("a command");
    assert_eq!(start, "ExecStart=/usr/local/bin/doorward serve --config /etc/doorward/doorward.toml");
    let (_, settings) = shipped("doorward.toml");
    let installation = Installation::empty();
    let settings = settings.to_str().expect("text");
    installation.run(&["config", "check", "--config", settings]);
    let shown = installation.run(&["config", "show", "--config", settings]);
    let data = shown.lines().find(|line| line.starts_with("data")).expect("a line");
    assert!(data.contains("/var/lib/doorward"), "{data}");
}
