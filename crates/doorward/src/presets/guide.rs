//! The guide "Connect an application" is the list of presets, written out. `DOORWARD_BLESS=1` rewrites it.

use super::{Preset, Seen, Values, all, named};
use protocol::{ClientAuthentication, ClientId};
use std::collections::BTreeSet;
use std::fmt::Write as _;

const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/applications.md");

const HEAD: &str = "\
# Connect an application

<!-- Made from the list in crates/doorward/src/presets; a test compares it. -->

`doorward client add NAME --for APPLICATION --url URL` registers what an application needs (redirect and sign-out addresses, how it proves who it is, PKCE, algorithms, scopes) and prints what to write into
it, with its secret, this once. Whatever else you say on the command line counts more than the list. `doorward client presets` shows the list, `doorward client presets APPLICATION` an entry.

The issuer is written without a slash at its end: programs compare it to the letter.

An application that is not here needs its redirect URI and nothing else: see [Getting started](getting-started.md#connect-an-application). \"Not tried\" was read, with the version and where; the others were connected in that version.

";

fn guide() -> String {
    let mut text = HEAD.to_owned();
    text.push_str("| application | `--for` | connected |\n|---|---|---|\n");
    for preset in all() {
        let Preset { title, name, .. } = preset;
        writeln!(text, "| [{title}](#{name}) | `{name}` | {} |", preset.seen.shown()).unwrap();
    }
    for preset in all() {
        entry(&mut text, preset);
    }
    text
}

fn entry(text: &mut String, preset: &Preset) {
    let Preset { title, name, into, .. } = preset;
    let url =
        if preset.needs_url() { format!(" \\\n  --url https://{name}.example.org") } else { String::new() };
    write!(text, "\n<a id=\"{name}\"></a>\n\n## {title}\n\n").unwrap();
    writeln!(text, "```sh\ndoorward client add {name} --for {name}{url}\n```\n").unwrap();
    let values = Values {
        issuer: "https://id.example.org",
        client_id: name,
        client_secret: "CLIENT_SECRET",
        url: &format!("https://{name}.example.org"),
    };
    writeln!(text, "Into {into}:\n\n```text\n{}\n```\n", preset.settings(&values)).unwrap();
    for note in preset.notes(&values) {
        writeln!(text, "- {note}").unwrap();
    }
    match preset.seen {
        Seen::Tried(version) => writeln!(text, "- Connected: {version}.").unwrap(),
        Seen::Read(version, source) => writeln!(text, "- Not tried. {version}: {source}.").unwrap(),
    }
}

#[test]
fn the_guide_is_what_the_list_says() {
    let guide = guide();
    if crate::environment::variable("DOORWARD_BLESS").is_some() {
        std::fs::write(GUIDE, &guide).unwrap();
    }
    let written = std::fs::read_to_string(GUIDE).unwrap_or_default();
    assert!(
        written == guide,
        "docs/guide/applications.md is not what the list says: run with DOORWARD_BLESS=1"
    );
}

#[test]
fn every_preset_is_whole_and_found_by_its_name() {
    let all = all();
    assert!(all.len() >= 40, "{}", all.len());
    let names: BTreeSet<_> = all.iter().map(|preset| preset.name).collect();
    assert_eq!(names.len(), all.len(), "a name is there twice");
    for preset in all {
        let name = preset.name;
        assert!(named(name).is_some() && name.parse::<ClientId>().is_ok(), "{name}");
        assert!(
            name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
            "{name}"
        );
        assert!(!preset.title.is_empty() && !preset.into.is_empty(), "{name}");
        match preset.seen {
            Seen::Tried(version) => assert!(!version.is_empty(), "{name}"),
            Seen::Read(version, source) => assert!(!version.is_empty() && !source.is_empty(), "{name}"),
        }
        let values = Values {
            issuer: "https://id.example.org",
            client_id: "THE-CLIENT",
            client_secret: "THE-SECRET",
            url: "https://app.example.org",
        };
        let settings = preset.settings(&values);
        assert!(
            settings.contains("https://id.example.org") && settings.contains("THE-CLIENT"),
            "{name}: {settings}"
        );
        let confidential = preset.authentication != ClientAuthentication::None;
        assert_eq!(settings.matches("THE-SECRET").count(), usize::from(confidential), "{name}: {settings}");
        for left in
            ["<issuer>", "<client_id>", "<client_secret>", "<url>", "<host>", "https://id.example.org/ "]
        {
            assert!(!settings.contains(left), "{name}: {left} in {settings}");
        }
        let client =
            preset.client("app".parse().unwrap(), name.to_owned(), "https://app.example.org").unwrap();
        assert_eq!(client.redirect_uris.is_empty(), preset.redirect.is_empty(), "{name}");
    }
}
