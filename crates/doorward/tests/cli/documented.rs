//! What the documents tell people to do: it names what ships, and does what is promised.

use std::fs;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every line of a shell's block in the guide and the read-me, with the file it stands in.
fn recipes() -> Vec<(String, Vec<String>)> {
    let guide = fs::read_dir(repository().join("docs/guide")).expect("a folder");
    let guide = guide.map(|entry| entry.expect("a file").path());
    let files = guide.chain([repository().join("README.md"), repository().join("SECURITY.md")]);
    let mut all = Vec::new();
    for file in files.filter(|file| file.extension().is_some_and(|it| it == "md")) {
        let text = fs::read_to_string(&file).expect("text");
        let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        all.extend(blocks.map(|block| (name.clone(), block.lines().map(str::to_owned).collect())));
    }
    assert!(all.len() > 50, "the recipes are not found");
    all
}

#[test]
fn recipes_of_systemctl_name_units_that_ship_and_stop_what_would_start_them_again() {
    let mut seen = 0;
    for (file, block) in recipes() {
        for line in block.iter().filter(|line| line.starts_with("systemctl ")) {
            seen += 1;
            let (command, comment) = line.split_once('#').unwrap_or((line, ""));
            let words: Vec<_> = command.split_whitespace().skip(1).collect();
            for unit in words[1..].iter().filter(|word| !word.starts_with('-')) {
                let unit = if unit.contains('.') { (*unit).to_owned() } else { format!("{unit}.service") };
                assert!(repository().join("deploy").join(&unit).is_file(), "{file}: {line}: {unit}");
            }
            // A socket that systemd holds starts the server anew, in the middle of a restore.
            if words[0] == "stop" && !comment.contains("every node") {
                assert!(line.contains("doorward.socket"), "{file}: {line}");
            }
        }
        // systemd knows no unit that was put there since it looked.
        let at = |what: &str| block.iter().position(|line| line.contains(what));
        if let Some(installed) = at("/etc/systemd/system") {
            let (reloaded, enabled) = (at("daemon-reload"), at("systemctl enable"));
            assert!(reloaded > Some(installed) && enabled > reloaded, "{file}: {block:?}");
        }
    }
    assert!(seen >= 8, "{seen}");
}

#[test]
fn recipes_install_what_is_there_to_where_the_units_look() {
    let unit = fs::read_to_string(repository().join("deploy/doorward.service")).expect("text");
    let started = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("a line");
    let mut words = started.split_whitespace();
    let program = words.next().expect("a program");
    let settings = words.skip_while(|word| *word != "--config").nth(1).expect("settings");
    let installs: Vec<_> = recipes()
        .into_iter()
        .flat_map(|(_, block)| block)
        .filter(|line| line.starts_with("install "))
        .collect();
    for line in &installs {
        let source = line.split_whitespace().find(|word| word.contains('/')).expect("what");
        assert!(source.starts_with("target/") || repository().join(source).is_file(), "{line}");
    }
    let to = |place: &str| installs.iter().any(|line| line.contains(place));
    let folder = Path::new(program).parent().expect("a folder").display().to_string();
    assert!(to(&format!("target/release/doorward {folder}/")), "{program}: {installs:?}");
    assert!(to(&format!("deploy/doorward.toml {settings}")), "{settings}: {installs:?}");
}

#[test]
fn documents_promise_what_there_is() {
    let read = |path: &str| fs::read_to_string(repository().join(path)).expect("text");
    let security = read("SECURITY.md");
    assert!(security.contains("audit trail") && repository().join("docs/guide/audit.md").is_file());
    assert!(read("docs/guide/backups.md").contains("checks the seal and the backup first"));
    let start = read("docs/guide/getting-started.md");
    for told in ["cargo install --path", "platform owner", "counts as verified"] {
        assert!(start.contains(told), "{told}");
    }
    let operating = read("docs/guide/operating.md");
    for told in ["nginx", "Caddy", "Traefik", "### Below a path"] {
        assert!(operating.contains(told), "{told}");
    }
    // The page on which the first owner is made promises no console.
    let page = read("crates/web/templates/sign_up.html");
    assert!(page.contains("set up with its commands") && !page.contains("they set up clients"));
}
