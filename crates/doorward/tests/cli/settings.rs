//! Configuration and health as exit codes.

use crate::process::{Installation, text};

#[test]
fn wrong_settings_are_exit_code_2_and_all_told_at_once() {
    let installation = Installation::new();
    assert!(installation.run(&["config", "check"]).contains("no settings file was found"));
    std::fs::write(installation.path("doorward.toml"), "isuer = \"https://id.example.org\"\n[session]\nidle = \"soon\"\n")
        .expect("written");
    for command in [&["config", "check"][..], &["serve"], &["user", "list"], &["healthcheck"]] {
        let said = installation.fails(2, command);
        assert!(said.contains("did you mean issuer?") && said.contains("session.idle"), "{command:?}: {said}");
    }
    assert!(!installation.path("doorward-data").exists());

    std::fs::write(installation.path("doorward.toml"), "[session]\nidle = \"30m\"\n").expect("written");
    assert!(installation.run(&["config", "check"]).contains("doorward.toml"));
    let shown = installation.command(&["config", "show"]).env("DOORWARD_ISSUER", "https://id.example.org").output();
    let shown = text(&shown.expect("the program runs").stdout);
    assert!(shown.contains("30m") && shown.contains("DOORWARD_ISSUER"), "{shown}");
    installation.fails(2, &["serve", "--no-such-flag"]);
}

#[test]
fn health_is_an_exit_code() {
    let installation = Installation::new();
    let server = installation.serve(&[]);
    let url = format!("http://{}/health/ready", server.address);
    assert_eq!(installation.run(&["healthcheck", "--url", &url]), "ready\n");
    installation.fails(1, &["healthcheck", "--url", &format!("http://{}/no-such-page", server.address)]);
    server.stop();
    installation.fails(1, &["healthcheck", "--url", &url]);
}
