//! Writes `docs/reference/audit-events.md` from the list. Part of the tests only: they see to it that the page is up to date.

use super::{AUDIT_EVENTS, AuditClass, AuditEventKind};
use std::fmt::Write as _;

const HEAD: &str = "\
<!-- Generated from crates/protocol/src/audit_event.rs. Do not edit: run the tests with DOORWARD_BLESS=1. -->
# Audit events

Every event is a line of JSON. Beside the members below each has `id` (its own, a UUID that begins with the time), `time` (RFC 3339, UTC), `event` (its
name), `request` (the request that did it, as in the log), and `address` (where that came from) unless an operator's command or a job did it.
No event holds a secret, a token, a password, an e-mail address, or anything that somebody typed. How events are kept and checked:
[../guide/audit.md](../guide/audit.md).
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    for (class, title, text) in [
        (
            AuditClass::Change,
            "Changes",
            "Written in the transaction of the change: the one is there exactly when the other is. Kept from `audit.events = \"changes\"` on.",
        ),
        (
            AuditClass::Failure,
            "Failures",
            "Gathered, and written within about a second. Kept from `audit.events = \"failures\"` on, which is the default.",
        ),
        (
            AuditClass::Use,
            "Uses",
            "As many as there are requests; gathered, and written within about a second. Kept with `audit.events = \"all\"`.",
        ),
    ] {
        write!(page, "\n## {title}\n\n{text}\n\n| event | what it tells | members |\n|---|---|---|\n")
            .unwrap();
        AUDIT_EVENTS.iter().filter(|kind| kind.class == class).for_each(|kind| row(&mut page, kind));
    }
    page
}

fn row(page: &mut String, kind: &AuditEventKind) {
    let meaning: Vec<&str> = kind.meaning.iter().map(|line| line.trim()).collect();
    let member = |(name, kind): &(&str, &str)| {
        if kind.starts_with("Option") { format!("`{name}` (if any)") } else { format!("`{name}`") }
    };
    let members: Vec<String> = kind.members.iter().map(member).collect();
    writeln!(page, "| `{}` | {} | {} |", kind.name, meaning.join(" "), members.join(", ")).unwrap();
}

/// Rewrite it with DOORWARD_BLESS=1.
#[test]
#[expect(clippy::disallowed_methods, reason = "a switch of the tests, not a setting")]
fn the_reference_page_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/audit-events.md");
    let page = page();
    if std::env::var_os("DOORWARD_BLESS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    assert!(std::fs::read_to_string(path).is_ok_and(|stored| stored == page), "{path}: see DOORWARD_BLESS");
}
