//! `doorward bench` and `doorward passwords`: that they measure, not how much.

use crate::process::Installation;

/// Passwords that cost next to nothing. What is offered at a rate, or has to be done within a second, must be little for a machine that does other
/// things too: at the usual cost a handful of sign-ins is as much as such a machine can hash, and the server refuses some, as it should.
const CHEAP: [&str; 4] = ["--passwords-memory", "1MiB", "--passwords-iterations", "1"];

#[test]
fn a_bench_brings_its_own_server_and_counts_whole_sign_ins() {
    let installation = Installation::new();
    let arguments = ["bench", "sign-in", "--users", "2", "--duration", "1", "--json"];
    let report = installation.json(&[&arguments[..], &CHEAP].concat());
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
    let report = installation.json(&[&arguments[..], &workers[..], &CHEAP].concat());
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
        "durable_writes_per_second",
        "engine_writes_per_second",
        "ratio_to_engine_writes",
    ] {
        assert!(report[number].as_f64().is_some_and(|number| number > 0.0), "{number}: {report}");
    }
}

#[test]
fn devices_come_at_a_rate_and_are_timed_from_when_they_were_due() {
    let installation = Installation::new();
    let arguments = ["bench", "devices", "--rate", "60", "--polls", "1", "--users", "20", "--duration", "1"];
    let report = installation.json(&[&arguments[..], &["--json"]].concat());
    let of = |name: &str| report[name].as_f64().unwrap_or_else(|| panic!("{name}: {report}"));
    assert_eq!((of("errors"), of("refused"), of("devices_offered")), (0.0, 0.0, 60.0), "{report}");
    // Whatever was due is followed to its end.
    assert_eq!(
        (of("devices_device_authorization_count"), of("devices_poll_count")),
        (60.0, 60.0),
        "{report}"
    );
    assert!(of("devices_device_authorization_p999_ms") > 0.0 && of("p99_ms") > 0.0, "{report}");
    assert!(of("empty_handler_p99_ms") > 0.0 && of("devices_p50_ratio_to_empty_handler") > 0.0, "{report}");
    assert!(report.get("ratio_to_empty_handler").is_none(), "a rate that is asked for is no result");
}

#[test]
fn what_only_reads_is_measured_turn_by_turn_with_an_empty_handler() {
    let installation = Installation::new();
    let report = installation.json(&["bench", "reads", "--users", "2", "--duration", "1", "--json"]);
    let of = |name: &str| report[name].as_f64().unwrap_or_else(|| panic!("{name}: {report}"));
    assert_eq!((of("errors"), of("refused")), (0.0, 0.0), "{report}");
    for request in ["userinfo", "subscription", "introspection", "discovery", "jwks"] {
        for figure in ["requests_per_second", "ratio_to_empty_handler", "p50_ms", "p99_ms"] {
            assert!(of(&format!("{request}_{figure}")) > 0.0, "{request} {figure}: {report}");
        }
    }
    assert_eq!(report["ratio_to_empty_handler"], report["userinfo_ratio_to_empty_handler"]);
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
fn far_too_many_sign_ins_are_refused_with_a_time_and_the_others_go_on() {
    let installation = Installation::new();
    let (json, html) = (installation.path("overload.json"), installation.path("overload.html"));
    let of_file = |path: &std::path::Path| path.to_str().expect("UTF-8").to_owned();
    // A busy machine finds a capacity that is a part of what it has: forty times as many are too many there, too.
    let text = installation.run(&[
        "bench",
        "overload",
        "--times",
        "0.5,40",
        "--duration",
        "1",
        "--other-rate",
        "40",
        "--json",
        &of_file(&json),
        "--html",
        &of_file(&html),
    ]);
    let report = std::fs::read(json).expect("a file");
    let report: serde_json::Value = serde_json::from_slice(&report).expect("JSON");
    let of = |name: &str| report[name].as_f64().unwrap_or_else(|| panic!("{name}: {report}"));
    for zero in ["errors", "other_errors", "other_refused", "refused_without_retry_after", "at_0.5x_errors"] {
        assert_eq!(of(zero), 0.0, "{zero}: {report}");
    }
    // How many get in is not for a test on a machine that does other things too.
    for number in [
        "at_0.5x_goodput_ratio",
        "at_0.5x_admitted_p99_ms",
        "other_p99_ms",
        "ratio_to_hash_capacity",
        "other_p99_ratio_to_empty_handler",
        "refused",
    ] {
        assert!(of(number) > 0.0, "{number}: {report}");
    }
    // An open loop keeps its rates, whatever comes back.
    assert!((of("offered") - of("offered_per_second")).abs() <= 1.0, "{report}");
    assert_eq!((of("other_offered"), of("other_p99_ms") > 0.0), (40.0, true), "{report}");
    assert!(text.contains("goodput ratio") && text.contains("others' p99"), "{text}");
    assert!(std::fs::read_to_string(html).expect("a file").contains("<svg"));
}

#[test]
fn constant_rates_are_kept_and_accounts_are_made() {
    let installation = Installation::new();
    let arguments = [
        "bench",
        "constant-rate",
        "--duration",
        "1",
        "--sign-up-rate",
        "3",
        "--sign-in-rate",
        "4",
        "--userinfo-rate",
        "50",
        "--json",
    ];
    let report = installation.json(&[&arguments[..], &CHEAP].concat());
    let of = |name: &str| report[name].as_f64().unwrap_or_else(|| panic!("{name}: {report}"));
    assert_eq!((of("errors"), of("refused")), (0.0, 0.0), "{report}");
    assert_eq!((of("sign_up_offered"), of("sign_in_offered"), of("userinfo_offered")), (3.0, 4.0, 50.0));
    // Whatever was due is followed to its end.
    assert_eq!((of("sign_up_whole_count"), of("sign_in_whole_count")), (3.0, 4.0), "{report}");
    assert!(of("ratio_to_hash_capacity") > 0.0 && of("userinfo_request_p99_ms") > 0.0, "{report}");
    assert!(of("userinfo_p99_ratio_to_empty_handler") > 0.0 && of("empty_handler_rate") == 50.0, "{report}");
    assert!(report["command"].as_str().is_some_and(|command| command.contains("--userinfo-rate 50")));
}

#[test]
fn journeys_go_through_everything_at_a_steady_rate_and_at_saturation() {
    let installation = Installation::new();
    let arguments = ["bench", "platform", "--steady-rate", "28", "--users", "2", "--duration", "1", "--json"];
    let report = installation.json(&[&arguments[..], &CHEAP].concat());
    let of = |name: &str| report[name].as_f64().unwrap_or_else(|| panic!("{name}: {report}"));
    assert_eq!((of("errors"), of("refused")), (0.0, 0.0), "{report}");
    // Two journeys per second of fourteen requests: each was due in the window and came to its end.
    assert_eq!((of("steady_whole_count"), of("steady_authorize_count")), (2.0, 2.0), "{report}");
    for request in ["consent", "refresh", "userinfo", "subscription", "device_token", "administration"] {
        assert_eq!(of(&format!("steady_{request}_count")), 2.0, "{request}: {report}");
    }
    assert!(of("authorize_count") > 0.0 && of("requests_per_second") > 0.0, "{report}");
    assert!(of("ratio_to_empty_handler") > 0.0 && of("ratio_to_hash_capacity") > 0.0, "{report}");
}

#[test]
fn a_soak_looks_at_what_may_grow() {
    let installation = Installation::new();
    let arguments =
        ["bench", "soak", "--duration", "1", "--sign-in-rate", "3", "--other-rate", "40", "--json"];
    let report = installation.json(&[&arguments[..], &CHEAP].concat());
    let of = |name: &str| report[name].as_f64().unwrap_or_else(|| panic!("{name}: {report}"));
    assert_eq!((of("errors"), of("refused"), of("others_offered")), (0.0, 0.0, 40.0), "{report}");
    assert_eq!((&report["judged"], &report["growing"]), (&false.into(), &serde_json::json!([])), "{report}");
    assert!(of("log_last_mib") > 0.0 && of("files_last_mib") > of("log_last_mib"), "{report}");
    assert!(of("server_last_mib") > 0.0 && of("server_cores") > 0.0, "{report}");
}

#[test]
fn every_machine_makes_its_requests_and_no_more() {
    let installation = Installation::new();
    let report = installation.json(&[
        "bench",
        "machines",
        "--clients",
        "7",
        "--requests",
        "5",
        "--users",
        "3",
        "--duration",
        "1",
        "--json",
    ]);
    let of = |name: &str| report[name].as_f64().unwrap_or_else(|| panic!("{name}: {report}"));
    assert_eq!(of("client_credentials_requests"), 35.0, "{report}");
    // Beside them, what is introspected or revoked was asked for: once, or each time.
    assert_eq!((of("introspection_requests"), of("revocation_requests")), (35.0 + 7.0, 70.0), "{report}");
    assert_eq!((of("errors"), of("refused")), (0.0, 0.0), "{report}");
}

#[test]
fn tokens_are_issued_and_verified_in_process_beside_bare_signatures() {
    let installation = Installation::new();
    let report = installation.json(&["bench", "machines", "--in-process", "200", "--json"]);
    assert_eq!((&report["issue_count"], &report["verify_count"]), (&200.into(), &200.into()), "{report}");
    assert!(report["ratio_to_signatures"].as_f64().is_some_and(|ratio| ratio > 0.0), "{report}");
    let refusal = installation.fails(2, &["bench", "machines", "--in-process", "5", "--requests", "1"]);
    assert!(refusal.contains("--requests"), "{refusal}");
}

#[test]
fn server_and_load_are_kept_apart_where_that_is_asked_for() {
    let installation = Installation::new();
    let placed =
        ["bench", "empty", "--users", "2", "--duration", "1", "--server-cpus", "0", "--client-cpus", "0"];
    assert!(installation.run(&placed).contains("load tool:"));
    let refusal = installation.fails(1, &["bench", "empty", "--server-cpus", "1000"]);
    assert!(refusal.contains("cores"), "{refusal}");
    let refusal = installation.fails(1, &["bench", "subscriptions", "--users", "10000000"]);
    assert!(refusal.contains("ulimit -n"), "{refusal}");
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
