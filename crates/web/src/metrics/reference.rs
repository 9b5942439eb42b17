//! Writes `docs/reference/metrics.md` from the list. Part of the tests only: they see to it that the page is up to date.

use super::list::METRICS;
use super::metric::{Kind, Metric, Only};
use std::fmt::Write as _;

fn page() -> String {
    let mut page = HEAD.to_owned();
    for metric in METRICS {
        write_metric(&mut page, metric);
    }
    page
}

fn write_metric(page: &mut String, metric: &Metric) {
    let kind = match metric.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
    let only = match metric.only {
        Only::Always => "",
        Only::Sqlite => " (with SQLite)",
        Only::DatabaseServer => " (with a database on a server)",
        Only::Backup => " (with `backup.to`)",
        Only::Workers => " (with `passwords.workers`)",
        Only::Linux => " (on Linux)",
    };
    let unit = metric.unit().unwrap_or("");
    writeln!(page, "| `{}` | {kind} | {unit} | {} | {}{only} |", metric.name, labels.join(", "), metric.help)
        .expect("writing to a string");
}

const HEAD: &str = "\
<!-- Generated from crates/web/src/metrics/list.rs. Do not edit: run the tests with DOORWARD_BLESS=1. -->
# Metrics

With `metrics_listen` the server answers `/metrics` on a listener of its own, in the OpenMetrics text format. Names and labels are an interface: what is
listed here is only changed with a word in the changelog. [Observing](../guide/observing.md) says what to watch, `deploy/prometheus` and `deploy/grafana` watch it.

A histogram is queried by `_bucket`, `_count` and `_sum` after its name. Durations have the bounds 50, 100, 200 and 500 microseconds, 1, 2, 5, 10, 20, 50, 100, 200 and
500 milliseconds, 1, 2 and 5 seconds; amounts the powers of two up to 4096. Labels are bounded: `route` is a route's template or `(none)`, `status` an HTTP
status. A route has values once it was asked for.

| metric | type | unit | labels | meaning |
|---|---|---|---|---|
";

/// Rewrite it with DOORWARD_BLESS=1.
#[test]
#[expect(clippy::disallowed_methods, reason = "a switch of the tests, not a setting")]
fn the_reference_page_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/metrics.md");
    let page = page();
    if std::env::var_os("DOORWARD_BLESS").is_some() {
        std::fs::write(path, &page).expect("the page is written");
    }
    assert!(std::fs::read_to_string(path).is_ok_and(|stored| stored == page), "{path}: see DOORWARD_BLESS");
}

#[test]
fn names_and_labels_follow_the_conventions() {
    let mut names: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), METRICS.len(), "no name twice");
    for metric in METRICS {
        let name = metric.name;
        assert!(name.starts_with("doorward_") || name.starts_with("process_"), "{name}");
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
        assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}");
        assert!(["_count", "_sum", "_bucket"].iter().all(|suffix| !name.ends_with(suffix)), "{name}");
        assert!(!metric.help.ends_with('.') && metric.help.is_ascii(), "{name}: {}", metric.help);
    }
}

/// Alerts, dashboard and guide speak of metrics that exist, and select by labels that they have.
#[test]
fn whatever_is_written_about_metrics_is_in_the_list() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
    let of_prometheus = ["job", "instance", "le"];
    let mut seen = 0;
    for file in [
        "deploy/prometheus/doorward.rules.yml",
        "deploy/grafana/doorward.json",
        "docs/guide/observing.md",
        "docs/guide/operating.md",
        "docs/guide/backups.md",
    ] {
        let text = std::fs::read_to_string(format!("{root}{file}")).expect(file).replace("\\\"", "\"");
        let starts = text.match_indices("doorward_").chain(text.match_indices("process_"));
        for (start, _) in starts.filter(|(start, _)| !is_part_of_a_word(&text[..*start])) {
            let rest = &text[start..];
            let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(rest.len());
            let name = &rest[..end];
            let metric =
                METRICS.iter().find(|metric| metric.queried_names().iter().any(|queried| queried == name));
            let metric = metric.or_else(|| METRICS.iter().find(|metric| metric.name == name));
            let metric = metric.unwrap_or_else(|| panic!("{file}: {name} is no metric"));
            let selected = rest[end..].strip_prefix('{').and_then(|rest| rest.split_once('}'));
            for label in selected.into_iter().flat_map(|(selectors, _)| selectors.split("\",")) {
                let label = label.split(['=', '!']).next().unwrap_or_default().trim();
                let known = of_prometheus.contains(&label) || metric.labels.contains(&label) || label == "$F";
                assert!(known, "{file}: {name} has no label {label}");
            }
            seen += 1;
        }
    }
    assert!(seen > 80, "{seen}");
}

fn is_part_of_a_word(before: &str) -> bool {
    before.ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '/' | '.'))
}
