//! The measures of an installation that grows: that they measure, leave nothing behind, and refuse what does not fit.

use crate::process::Installation;
use serde_json::Value;

fn positive(report: &Value, names: &[&str]) {
    for name in names {
        assert!(report[name].as_f64().is_some_and(|number| number > 0.0), "{name}: {report}");
    }
}

/// A folder that is empty, and is so again when `measured` has run.
fn in_a_folder(name: &str, measured: impl FnOnce(&Installation, &str)) {
    let installation = Installation::new();
    let folder = installation.path(name);
    std::fs::create_dir(&folder).expect("a folder");
    measured(&installation, folder.to_str().expect("text"));
    assert_eq!(std::fs::read_dir(&folder).expect("listed").count(), 0);
}

#[test]
fn growth_measures_every_operation_at_every_size_and_a_sweep() {
    in_a_folder("growth", |installation, folder| {
        let sizes = ["bench", "growth", "--users", "50,200", "--tokens", "2k", "--seconds", "0.02"];
        let report =
            installation.json(&[&sizes[..], &["--folder", folder, "--sweep", "1k", "--json"]].concat());
        for operation in [
            "user_by_id",
            "user_by_email",
            "session",
            "grant",
            "consent",
            "client",
            "device_code",
            "refresh_rotation",
            "code_spend",
            "device_code_issue",
            "one_time_token",
            "sign_up",
        ] {
            for size in [50, 200] {
                let of = |what: &str| format!("{operation}_{size}_{what}");
                positive(&report, &[&of("p50_us"), &of("p99_us"), &format!("closed_{}", of("per_second"))]);
                assert_eq!(report[of("refused")], 0, "{report}");
            }
            positive(&report, &[&format!("{operation}_p99_ratio")]);
        }
        positive(&report, &["p99_ratio_worst", "sweep_seconds", "database_bytes_200"]);
        // A sweep of a thousand rows can be over before a write falls into it.
        assert!(report["sweep_write_p99_ratio"].is_number(), "{report}");
        // What is live is never swept.
        assert_eq!((&report["swept_rows"], &report["refresh_tokens_200"]), (&1_000.into(), &2_000.into()));
        assert_eq!((&report["files"], &report["drawn_from"]), (&"warm".into(), &"all".into()));
    });
}

#[test]
fn growth_is_filled_once_where_it_is_kept_and_measured_again_and_again() {
    let installation = Installation::new();
    let folder = installation.path("kept");
    let folder = folder.to_str().expect("text");
    let sizes = ["bench", "growth", "--users", "30,100", "--tokens", "1k", "--keep", folder, "--json"];
    let filled = installation.json(&[&sizes[..], &["--fill"]].concat());
    positive(&filled, &["filled_30_seconds", "filled_100_seconds", "database_bytes_100"]);
    assert!(filled.get("p99_ratio_worst").is_none(), "{filled}");
    // What another was interrupted at is worth nothing, and one size is missing.
    let larger = format!("{folder}/100-users-1000-tokens.db");
    std::fs::rename(&larger, format!("{larger}.unfinished")).expect("renamed");
    let short = ["--seconds", "0.02", "--sweep", "600"];
    let first = installation.json(&[&sizes[..], &short].concat());
    assert!(first.get("filled_30_seconds").is_none() && first["filled_100_seconds"].is_number(), "{first}");
    assert_eq!(first["swept_rows"], 600);
    // All ids, chains of refresh tokens and expired rows that the first used up are the first's.
    let second = installation.json(&[&sizes[..], &short].concat());
    assert!(second.get("filled_100_seconds").is_none(), "{second}");
    assert_eq!((&second["swept_rows"], &second["refresh_rotation_30_refused"]), (&300.into(), &0.into()));
    assert!(!std::path::Path::new(&format!("{larger}.unfinished")).exists());
}

#[test]
fn growth_refuses_what_the_disk_has_no_room_for_before_it_writes() {
    in_a_folder("full", |installation, folder| {
        let refusal = installation
            .fails(1, &["bench", "growth", "--users", "1000M", "--tokens", "1000M", "--folder", folder]);
        assert!(
            refusal.contains("1 database files take about 11") && refusal.contains("--folder"),
            "{refusal}"
        );
        let refusal = installation.fails(1, &["bench", "growth", "--users", "20,10", "--folder", folder]);
        assert!(refusal.contains("smallest to the largest"), "{refusal}");
    });
}

#[test]
fn the_engine_is_measured_in_the_parts_that_are_asked_for() {
    in_a_folder("engine", |installation, folder| {
        let shape =
            ["bench", "engine", "--seconds", "0.2", "--rate", "500", "--rows", "1000", "--submitters", "4"];
        let report = installation.json(&[&shape[..], &["--folder", folder, "--json"]].concat());
        positive(
            &report,
            &[
                "group_commit_ratio_4",
                "commands_per_second",
                "p999_ms",
                "wal_ratio_to_soft_limit",
                "read_cpu_us",
                "rows_in_order_ratio",
            ],
        );
        assert_eq!((&report["commands"], &report["refused"]), (&100.into(), &0.into()), "{report}");
        assert!(report.get("shipper_cpu_us_4").is_none(), "it takes long, and is asked for by name");
        let only =
            ["bench", "engine", "--seconds", "0.1", "--only", "shipping", "--submitters", "1", "--json"];
        let report = installation.json(&[&only[..], &["--folder", folder]].concat());
        positive(&report, &["shipped_per_second_1", "shipper_cpu_us_1"]);
        assert!(report.get("p99_ms").is_none(), "{report}");
    });
}

#[test]
fn capacity_is_an_answer_with_its_reasons() {
    in_a_folder("capacity", |installation, folder| {
        // Cheap hashes: this is about the answer.
        let cheap = ["--passwords-memory", "64KiB", "--passwords-iterations", "1"];
        let ask = ["bench", "capacity", "--seconds", "1", "--data", folder];
        let report = installation.json(&[&ask[..], &cheap, &["--json"]].concat());
        positive(
            &report,
            &[
                "safe_sign_ins_per_second",
                "safe_tokens_per_second",
                "safe_checks_per_second",
                "monthly_users",
                "hashes_per_second_m19456_t2",
                "signatures_per_second_eddsa",
                "commands_per_second_shared",
                "sync_p50_ms",
                "empty_handler_requests_per_second",
            ],
        );
        assert_eq!(report["argon2"], "m=64,t=1,p=1");
        assert!(report["sign_in_bottleneck"].is_string() && report["moves"][0].is_string(), "{report}");
    });
}

#[test]
fn connections_that_stay_are_counted_with_the_memory_they_take() {
    let installation = Installation::new();
    let few = ["bench", "connections", "--count", "300", "--per-second", "400", "--seconds", "1", "--json"];
    let report = installation.json(&few);
    assert_eq!(
        (&report["open"], &report["failed"], &report["lost"]),
        (&300.into(), &0.into(), &0.into()),
        "{report}"
    );
    assert_eq!(report["answered"], 400, "some were asked twice: {report}");
    positive(&report, &["server_mib_before", "server_mib_idle", "server_mib_used", "p99_ms"]);
}

#[test]
fn starting_is_measured_for_the_first_time_and_again() {
    in_a_folder("starting", |installation, folder| {
        let report = installation
            .json(&["bench", "start", "--runs", "2", "--idle", "0", "--folder", folder, "--json"]);
        positive(&report, &["first_start_ms_median", "start_ms_median", "idle_mib", "idle_anonymous_mib"]);
        assert!(report["start_ms_worst"].as_f64() >= report["start_ms_median"].as_f64(), "{report}");
    });
}
