//! `doorward bench` and `doorward passwords`: that they measure, not how much.

use crate::process::Installation;

#[test]
fn a_bench_brings_its_own_server_and_counts_whole_sign_ins() {
    let installation = Installation::new();
    let report = installation.json(&["bench", "sign-in", "--users", "2", "--duration", "1", "--json"]);
    assert_eq!(report["errors"], 0, "{report}");
    for number in
        ["iterations_per_second", "ratio_to_hash_capacity", "sign_in_p99_ms", "bystander_refresh_p99_ms"]
    {
        assert!(report[number].as_f64().is_some_and(|number| number > 0.0), "{number}: {report}");
    }
    let refusal = installation.fails(2, &["bench", "sign-in", "--target", "http://localhost:1"]);
    assert!(refusal.contains("--env-file"), "{refusal}");
}

#[test]
fn a_bench_starts_workers_and_says_whose_cores_they_use() {
    let installation = Installation::new();
    let arguments = ["bench", "sign-in", "--users", "4", "--duration", "1", "--passwords-threads", "1"];
    let workers = ["--workers", "1", "--worker-threads", "1", "--json"];
    let report = installation.json(&[&arguments[..], &workers[..]].concat());
    assert_eq!((&report["errors"], &report["refused"]), (&0.into(), &0.into()), "{report}");
    assert!(report["workers"].as_str().is_some_and(|told| told.contains("all share its")), "{report}");
    assert!(report["iterations_per_second"].as_f64().is_some_and(|number| number > 0.0), "{report}");
    let refusal = installation.fails(2, &["bench", "sign-in", "--workers", "1", "--worker-url", "http://a"]);
    assert!(refusal.contains("cannot be used with"), "{refusal}");
}

#[test]
fn the_floor_is_a_server_of_its_own_that_answers_nothing() {
    let installation = Installation::new();
    let report = installation.json(&["bench", "empty", "--users", "2", "--duration", "1", "--json"]);
    assert_eq!((&report["errors"], &report["refused"]), (&0.into(), &0.into()), "{report}");
    assert!(report["requests_per_second"].as_f64().is_some_and(|rate| rate > 0.0), "{report}");
    assert_eq!(report["ratio_to_empty_handler"], 1.0, "{report}");
}

#[test]
fn subscriptions_are_asked_for_beside_the_floor() {
    let installation = Installation::new();
    let report = installation.json(&["bench", "subscriptions", "--users", "2", "--duration", "1", "--json"]);
    assert_eq!((&report["errors"], &report["refused"]), (&0.into(), &0.into()), "{report}");
    for number in
        ["requests_per_second", "ratio_to_empty_handler", "subscription_p99_ms", "poll_count", "user_count"]
    {
        assert!(report[number].as_f64().is_some_and(|number| number > 0.0), "{number}: {report}");
    }
}

#[test]
fn devices_that_wait_are_measured_beside_an_empty_handler() {
    let installation = Installation::new();
    let report = installation.json(&["bench", "devices", "--users", "2", "--duration", "1", "--json"]);
    assert_eq!((&report["errors"], &report["refused"]), (&0.into(), &0.into()), "{report}");
    for number in [
        "requests_per_second",
        "empty_handler_requests_per_second",
        "ratio_to_empty_handler",
        "p99_ms",
        "device_authorization_p50_ms",
        "poll_p50_ms",
    ] {
        assert!(report[number].as_f64().is_some_and(|number| number > 0.0), "{number}: {report}");
    }
}

#[test]
fn machines_get_introspect_and_revoke_beside_an_empty_and_a_signing_handler() {
    let installation = Installation::new();
    let arguments = ["bench", "machines", "--clients", "7", "--users", "2", "--duration", "1", "--json"];
    let report = installation.json(&arguments);
    let of = |name: &str| report[name].as_f64().unwrap_or_else(|| panic!("{name}: {report}"));
    assert_eq!((of("errors"), of("refused"), of("clients")), (0.0, 0.0, 7.0), "{report}");
    for step in ["client_credentials", "introspection", "revocation"] {
        assert!(of(&format!("{step}_requests_per_second")) > 0.0);
        assert!(of(&format!("{step}_ratio_to_empty_handler")) > 0.0);
    }
    assert!(of("requests_per_second") > 0.0 && of("ratio_to_empty_handler") > 0.0);
    // Whoever makes a token cannot be cheaper than its signature.
    assert!(of("ratio_to_signing_handler") > 0.0);
}

#[test]
fn calibration_suggests_parameters_that_the_settings_take() {
    let installation = Installation::new();
    let found = installation.json(&[
        "passwords",
        "calibrate",
        "--target",
        "1ms",
        "--memory",
        "20",
        "--threads",
        "1",
        "--json",
    ]);
    assert_eq!(found["meets_target"], false, "no acceptable setting takes a millisecond: {found}");
    let said =
        installation.run(&["passwords", "calibrate", "--target", "1ms", "--memory", "20", "--threads", "1"]);
    let (_, settings) = said.split_once("[passwords]").expect("settings");
    std::fs::write(installation.path("doorward.toml"), format!("[passwords]{settings}")).expect("written");
    installation.run(&["config", "check"]);
}

#[test]
fn a_store_is_measured_beside_its_driver_and_leaves_nothing_behind() {
    let installation = Installation::new();
    let folder = installation.path("measured");
    std::fs::create_dir(&folder).expect("a folder");
    let beside = format!("sqlite:{}", folder.join("never-opened.db").display());
    let lines = installation.json(&[
        "bench",
        "store",
        "--database",
        &beside,
        "--seconds",
        "1",
        "--callers",
        "1,4",
        "--json",
    ]);
    let lines = lines.as_array().expect("lines");
    assert_eq!(lines.len(), 6, "{lines:?}");
    for line in lines {
        for side in ["store", "driver"] {
            let side = &line[side];
            assert!(side["per_second"].as_f64().is_some_and(|rate| rate > 0.0), "{line}");
            assert!(side["p99_ms"].as_f64() >= side["p50_ms"].as_f64(), "{line}");
        }
    }
    assert_eq!(std::fs::read_dir(&folder).expect("listed").count(), 0);
    let refusal = installation.fails(2, &["bench", "store", "--callers", "0"]);
    assert!(refusal.contains("--callers"), "{refusal}");
}
