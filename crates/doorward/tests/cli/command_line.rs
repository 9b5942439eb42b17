//! What the command line takes at its word, and what it does not: changes that change nothing, lifetimes, names of what there is not.

use crate::process::{Installation, text};
use serde_json::Value;

fn set_up() -> Installation {
    let installation = Installation::new();
    for line in [
        "client add app --name App --redirect-uri https://app.example.org/cb",
        "organization add acme --name Acme",
        "service add acme/notes --name Notes",
        "plan add acme/notes/pro --name Professional --feature read",
        "resource-server add https://api.example.org --name Orders",
    ] {
        installation.run(&line.split(' ').collect::<Vec<_>>());
    }
    installation
}

#[test]
fn a_set_without_anything_to_set_says_so_and_changes_nothing() {
    let installation = set_up();
    for (what, name) in [
        ("client", "app"),
        ("organization", "acme"),
        ("service", "acme/notes"),
        ("plan", "acme/notes/pro"),
        ("resource-server", "https://api.example.org"),
    ] {
        let shown = |installation: &Installation| -> Value {
            match what {
                "plan" => installation.json(&["plan", "list", "acme/notes", "--json"]),
                _ => installation.json(&[what, "show", name, "--json"]),
            }
        };
        let before = shown(&installation);
        for more in [&[][..], &["--data", "doorward-data"]] {
            let refusal = installation.fails(2, &[&[what, "set", name], more].concat());
            assert!(refusal.contains("nothing to change: give --"), "{refusal}");
        }
        assert_eq!(shown(&installation), before);
    }
    installation.run(&["service", "set", "acme/notes", "--name", "Notebooks"]);
    assert_eq!(installation.json(&["service", "show", "acme/notes", "--json"])["name"], "Notebooks");
}

#[test]
fn lifetimes_are_written_as_everywhere_and_one_that_is_too_long_is_refused() {
    let installation = set_up();
    installation.run(&[
        "client",
        "set",
        "app",
        "--access-token-lifetime",
        "10m",
        "--id-token-lifetime",
        "1h",
    ]);
    installation.run(&["client", "set", "app", "--refresh-token-lifetime", "30d", "--default-max-age", "90"]);
    let before = installation.json(&["client", "show", "app", "--json"]);
    assert_eq!(
        ["access_token_lifetime", "id_token_lifetime", "refresh_token_lifetime", "default_max_age"]
            .map(|name| before[name].as_u64()),
        [600, 3_600, 2_592_000, 90].map(Some)
    );
    for (flag, value) in [
        ("--access-token-lifetime", "99999999"),
        ("--access-token-lifetime", "0"),
        ("--id-token-lifetime", "25h"),
        ("--refresh-token-lifetime", "181d"),
    ] {
        let refusal = installation.fails(1, &["client", "set", "app", flag, value]);
        assert!(refusal.contains("lifetime: from 1 to"), "{refusal}");
    }
    for value in ["10 minutes", "1.5h", "250ms"] {
        installation.fails(2, &["client", "set", "app", "--access-token-lifetime", value]);
    }
    assert_eq!(installation.json(&["client", "show", "app", "--json"]), before);
}

#[test]
fn whoever_is_named_in_a_registration_is_there() {
    let installation = set_up();
    for flag in ["--exchange-client", "--may-act"] {
        let refusal = installation.fails(1, &["client", "set", "app", flag, "nobody"]);
        assert!(refusal.contains("there is no client nobody"), "{refusal}");
        let uri = "https://other.example.org/cb";
        installation.fails(1, &["client", "add", "other", "--redirect-uri", uri, flag, "nobody"]);
        installation.run(&["client", "set", "app", flag, "app"]);
    }
    let refusal = installation
        .fails(1, &["resource-server", "set", "https://api.example.org", "--introspected-by", "nobody"]);
    assert!(refusal.contains("there is no client nobody"), "{refusal}");
}

#[test]
fn oidc_core_5_1_claims_that_make_no_sense_are_refused() {
    let installation = Installation::new();
    for claim in
        ["birthdate=yesterday", "zoneinfo=half past two", "picture=a.png", "address={\"planet\":\"Earth\"}"]
    {
        let refusal = installation.fails(1, &["user", "add", "alice", "--no-password", "--claim", claim]);
        assert!(refusal.contains("is expected (OpenID Connect Core section 5.1)"), "{refusal}");
    }
    let sensible = ["--claim", "birthdate=1990-02-28", "--claim", "zoneinfo=Europe/Paris"];
    installation.run(&[&["user", "add", "alice", "--no-password"][..], &sensible].concat());
}

#[test]
fn backups_inside_the_data_folder_are_warned_of() {
    let installation = Installation::new();
    std::os::unix::fs::symlink("doorward-data", installation.path("elsewhere")).expect("a link");
    for inside in ["doorward-data", "doorward-data/backups", "elsewhere/backups"] {
        let said = installation.run(&["config", "check", "--backup-to", inside]);
        assert!(said.contains("backup.to is inside the data folder"), "{inside}: {said}");
    }
    for outside in ["backups", "doorward-data-backups", "s3://doorward-data/x"] {
        let said =
            installation.command(&["config", "check", "--backup-to", outside]).output().expect("it runs");
        assert!(!text(&said.stdout).contains("backup.to is inside"), "{outside}");
    }
}
