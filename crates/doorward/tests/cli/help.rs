//! What `--help` teaches, word for word: a change to it is looked at.

use crate::process::{doorward, text};

const COMMANDS: &[&[&str]] = &[
    &[],
    &["serve"],
    &["demo"],
    &["user"],
    &["user", "add"],
    &["user", "list"],
    &["user", "show"],
    &["user", "password"],
    &["user", "disable"],
    &["user", "enable"],
    &["user", "set"],
    &["user", "import"],
    &["user", "unlock"],
    &["user", "remove"],
    &["client"],
    &["client", "add"],
    &["client", "presets"],
    &["client", "list"],
    &["client", "show"],
    &["client", "set"],
    &["client", "secret"],
    &["client", "disable"],
    &["client", "enable"],
    &["client", "remove"],
    &["assertion-issuer"],
    &["assertion-issuer", "add"],
    &["assertion-issuer", "list"],
    &["assertion-issuer", "remove"],
    &["organization"],
    &["organization", "add"],
    &["organization", "list"],
    &["organization", "show"],
    &["organization", "set"],
    &["organization", "remove"],
    &["member"],
    &["member", "add"],
    &["member", "list"],
    &["member", "remove"],
    &["service"],
    &["service", "add"],
    &["service", "list"],
    &["service", "show"],
    &["service", "set"],
    &["service", "remove"],
    &["plan"],
    &["plan", "add"],
    &["plan", "list"],
    &["plan", "show"],
    &["plan", "set"],
    &["plan", "remove"],
    &["subscription"],
    &["subscription", "set"],
    &["subscription", "show"],
    &["subscription", "list"],
    &["subscription", "remove"],
    &["resource-server"],
    &["resource-server", "add"],
    &["resource-server", "list"],
    &["grant"],
    &["grant", "list"],
    &["grant", "end"],
    &["resource-server", "show"],
    &["resource-server", "set"],
    &["resource-server", "remove"],
    &["resource-server", "check"],
    &["service-account"],
    &["service-account", "add"],
    &["service-account", "list"],
    &["api-key"],
    &["api-key", "add"],
    &["api-key", "list"],
    &["api-key", "revoke"],
    &["issuer"],
    &["issuer", "show"],
    &["issuer", "change"],
    &["keys"],
    &["keys", "list"],
    &["keys", "show"],
    &["keys", "rotate"],
    &["keys", "rotate-master"],
    &["backup"],
    &["backup", "list"],
    &["backup", "drill"],
    &["restore"],
    &["store"],
    &["store", "copy"],
    &["store", "verify"],
    &["store", "doctor"],
    &["upgrade"],
    &["config"],
    &["config", "check"],
    &["config", "show"],
    &["init"],
    &["healthcheck"],
    &["passwords"],
    &["passwords", "calibrate"],
    &["worker"],
    &["worker", "test"],
    &["bench"],
    &["bench", "sign-in"],
    &["bench", "store"],
    &["bench", "engine"],
    &["bench", "growth"],
    &["bench", "capacity"],
    &["bench", "connections"],
    &["bench", "start"],
    &["bench", "empty"],
    &["bench", "devices"],
    &["bench", "reads"],
    &["bench", "subscriptions"],
    &["bench", "machines"],
    &["bench", "constant-rate"],
    &["bench", "platform"],
    &["bench", "soak"],
    &["bench", "overload"],
    &["audit"],
    &["audit", "export"],
    &["audit", "verify"],
    &["audit", "head"],
    &["login"],
    &["completions"],
];

fn help(command: &[&str]) -> String {
    let output = doorward().args(command).arg("--help").output().expect("the program runs");
    assert!(output.status.success());
    text(&output.stdout)
}

/// Settings have a reference page and a test of their own; here their names would only make every other change hard to see.
fn without_settings(help: &str) -> String {
    let Some((before, settings)) = help.split_once("\nSettings:\n") else { return help.to_owned() };
    let ends = settings.match_indices("\n\n").find(|(at, _)| !settings[at + 2..].starts_with(' '));
    let after = ends.map_or("", |(at, _)| &settings[at + 2..]);
    format!("{before}\nSettings: see docs/reference/settings.md\n\n{after}")
}

#[test]
fn help_is_as_it_was() {
    for command in COMMANDS {
        let name = if command.is_empty() { "doorward".to_owned() } else { command.join("_") };
        insta::assert_snapshot!(format!("help_{name}"), without_settings(&help(command)));
    }
}

#[test]
fn every_command_is_in_the_list_and_has_an_example() {
    let known: Vec<_> = COMMANDS.iter().map(|command| command.join(" ")).collect();
    for command in COMMANDS {
        let help = help(command);
        // As the help of the program promises; it is the one page that has none of its own.
        assert!(command.is_empty() || help.contains("Example"), "{command:?} has no example");
        let Some((_, subcommands)) = help.split_once("\nCommands:\n") else { continue };
        // A line that begins two in is a command's; what is further in goes on about it.
        let names =
            subcommands.lines().take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
        for name in names.filter_map(|line| line.split_whitespace().next()) {
            let full = [*command, &[name]].concat().join(" ");
            assert!(known.contains(&full), "{full} is missing in this test's list");
        }
    }
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = doorward().args(["completions", shell]).output().expect("the program runs");
        let script = text(&output.stdout);
        assert!(output.status.success() && script.contains("DOORWARD_COMPLETE"), "{shell}: {script}");
        assert!(script.len() < 4096, "{shell}: {} bytes", script.len());
    }
    // As the script of bash asks.
    let asked = |words: &[&str]| {
        let mut command = doorward();
        command.env("DOORWARD_COMPLETE", "bash").env("_CLAP_IFS", "\n");
        command.env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string()).arg("--").args(words);
        let output = command.output().expect("the program runs");
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout).lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(asked(&["doorward", "keys", "rotate"]), ["rotate", "rotate-master"]);
    assert_eq!(asked(&["doorward", "client", "set", "my-app", "--consent", "im"]), ["implicit"]);
    assert!(asked(&["doorward", "serve", "--issu"]).contains(&"--issuer".to_owned()));
}

#[test]
fn bash_completes_by_the_script() {
    let script = text(&doorward().args(["completions", "bash"]).output().expect("the program runs").stdout);
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_doorward")).parent().expect("a folder");
    let ask = "COMP_WORDS=(doorward user pass); COMP_CWORD=2; COMP_TYPE=9; \
               _clap_complete_doorward doorward pass user; printf '%s' \"${COMPREPLY[*]}\"";
    let output = std::process::Command::new("bash")
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", folder.display()))
        .args(["--norc", "-c", &format!("{script}\n{ask}")])
        .output()
        .expect("bash");
    assert_eq!(text(&output.stdout).trim(), "password", "{}", text(&output.stderr));
}
