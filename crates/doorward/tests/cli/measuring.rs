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
