//! What came of a run, as every workload tells it: facts under flat names for programs, the same with words and tables for people, and
//! charts. It owns the layout and the rounding; which facts there are is each workload's, and it measures nothing.

use crate::chart::Chart;
use crate::cost::ServerSample;
use crate::kind::Kind;
use crate::percentiles::Percentiles;
use crate::stage::Surroundings;
use crate::tally::Tally;
use serde_json::{Map, Value, json};
use std::fmt;

/// A report: numbers for programs ([`Findings::to_json`]), text for people (`Display`), and a page ([`Findings::to_html`]).
#[derive(Clone, Debug)]
pub struct Findings {
    pub(crate) workload: &'static str,
    pub(crate) title: String,
    pub(crate) facts: Vec<Fact>,
    pub(crate) tables: Vec<Table>,
    pub(crate) charts: Vec<Chart>,
    pub(crate) remarks: Vec<String>,
}

/// One number or text, and how it is shown if it is.
#[derive(Clone, Debug)]
pub(crate) struct Fact {
    pub(crate) key: String,
    pub(crate) value: Value,
    pub(crate) shown: Option<Shown>,
}

/// How a fact is told to people.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) label: String,
    pub(crate) text: String,
    pub(crate) meaning: String,
}

/// Rows of numbers, each with a name before them and its meaning behind them.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: Vec<&'static str>,
    pub(crate) meaning: &'static str,
    pub(crate) rows: Vec<(String, Vec<String>, String)>,
}

impl Findings {
    pub(crate) fn new(workload: &'static str, title: String) -> Self {
        let mut findings = Self {
            workload,
            title,
            facts: Vec::new(),
            tables: Vec::new(),
            charts: Vec::new(),
            remarks: Vec::new(),
        };
        findings.put("workload", json!(workload));
        findings
    }

    /// A fact for programs alone. Numbers are rounded: what is finer than a thousandth is noise.
    pub fn put(&mut self, key: &str, value: Value) {
        self.facts.push(Fact { key: key.to_owned(), value: rounded(value), shown: None });
    }

    /// A fact for programs and people.
    pub(crate) fn say(&mut self, key: &str, value: Value, (label, text, meaning): (&str, String, &str)) {
        let shown = Shown { label: label.to_owned(), text, meaning: meaning.to_owned() };
        self.facts.push(Fact { key: key.to_owned(), value: rounded(value), shown: Some(shown) });
    }

    /// A sentence for people, after everything else.
    pub fn remark(&mut self, text: String) {
        self.remarks.push(text);
    }

    /// What was refused and what went wrong.
    pub(crate) fn troubles(&mut self, tallies: &[&Tally]) {
        let sum = |count: fn(&Tally) -> u64| tallies.iter().map(|tally| count(tally)).sum::<u64>();
        let (refused, by_429, by_503) =
            (sum(Tally::refused), sum(|tally| tally.refused_429), sum(|tally| tally.refused_503));
        let silent = sum(|tally| tally.refused_without_retry_after);
        let mut meaning = format!("told to come back later: {by_429} by 429, {by_503} by 503");
        if silent > 0 {
            meaning.push_str(&format!("; {silent} without Retry-After"));
        }
        self.say("refused", json!(refused), ("refused", refused.to_string(), &meaning));
        self.put("refused_429", json!(by_429));
        self.put("refused_503", json!(by_503));
        self.put("refused_without_retry_after", json!(silent));
        let errors = sum(|tally| tally.errors);
        let meaning = "anything else that should not have happened";
        self.say("errors", json!(errors), ("errors", errors.to_string(), meaning));
        let samples: Vec<_> = tallies.iter().flat_map(|tally| &tally.samples).collect();
        self.put("error_samples", json!(samples));
    }

    /// The latencies of each kind, under `prefix` and the kind's name, and a table of them.
    pub(crate) fn latencies(&mut self, prefix: &str, name: &'static str, seen: &[(Kind, Percentiles)]) {
        let rows = seen.iter().map(|(kind, latency)| {
            let key = |what: &str| format!("{prefix}{}_{what}", kind.name);
            self.put(&key("count"), json!(latency.count));
            self.percentiles(&key(""), latency);
            let numbers = shown_percentiles(latency);
            (kind.name.to_owned(), numbers, kind.meaning.to_owned())
        });
        let rows = rows.collect();
        let columns = vec!["count", "p50 ms", "p95 ms", "p99 ms", "p99.9 ms", "max ms"];
        self.tables.push(Table { name, columns, meaning: "what is timed", rows });
    }

    /// Percentiles for programs, under names that begin with `prefix`; null where nothing was timed.
    pub(crate) fn percentiles(&mut self, prefix: &str, latency: &Percentiles) {
        for (name, value) in [
            ("p50_ms", latency.p50_ms),
            ("p95_ms", latency.p95_ms),
            ("p99_ms", latency.p99_ms),
            ("p999_ms", latency.p999_ms),
            ("max_ms", latency.max_ms),
        ] {
            self.put(&format!("{prefix}{name}"), json!(timed(latency, value)));
        }
    }

    /// What client and server cost, and whether the client was the bottleneck.
    pub(crate) fn surroundings(&mut self, seen: &Surroundings) {
        let client = &seen.client;
        let bottleneck = client.bottleneck();
        self.put("client_cpu", json!(client.cpu));
        self.put("client_waiting_for_cpu", json!(client.waiting));
        self.put("client_lag_p99_ms", json!(client.lag_p99_ms));
        self.put("client_is_bottleneck", json!(bottleneck.is_some()));
        let most = |of: fn(&ServerSample) -> f64| seen.server.iter().map(of).reduce(f64::max);
        let cores = mean(&seen.server);
        self.put("server_cores", json!(cores));
        self.put("server_peak_mib_in_window", json!(most(|sample| sample.memory_mib)));
        if let (Some(cpu), Some(waiting)) = (client.cpu, client.waiting) {
            let mut text = format!(
                "load tool: {:.0}% of a core, and {:.0}% of the time waiting for one",
                cpu * 100.0,
                waiting * 100.0
            );
            if let Some(lag) = client.lag_p99_ms {
                text.push_str(&format!("; 99% of its requests sent within {lag:.2} ms of their time"));
            }
            self.remark(text);
        }
        if let (Some(cores), Some(memory)) = (cores, most(|sample| sample.memory_mib)) {
            self.remark(format!("server: {cores:.2} cores on average, at most {memory:.1} MiB"));
        }
        if let Some(why) = bottleneck {
            self.remark(format!("THE LOAD TOOL WAS A BOTTLENECK ITSELF: {why}"));
        }
    }

    /// One flat object. Latencies are in milliseconds, and what was not measured is null.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let facts = self.facts.iter().map(|fact| (fact.key.clone(), fact.value.clone()));
        Value::Object(facts.collect::<Map<_, _>>())
    }
}

/// Cores in use on average over the whole window.
fn mean(samples: &[ServerSample]) -> Option<f64> {
    let mut before = 0.0;
    let used: f64 = samples
        .iter()
        .map(|sample| {
            let passed = sample.at - before;
            before = sample.at;
            sample.cores * passed
        })
        .sum();
    (before > 0.0).then(|| used / before)
}

fn shown_percentiles(latency: &Percentiles) -> Vec<String> {
    let all = [latency.p50_ms, latency.p95_ms, latency.p99_ms, latency.p999_ms, latency.max_ms];
    let numbers = all.map(|value| shown_or_dash(timed(latency, value)));
    std::iter::once(latency.count.to_string()).chain(numbers).collect()
}

/// `value`, unless nothing was timed.
pub(crate) fn timed(latency: &Percentiles, value: f64) -> Option<f64> {
    (latency.count > 0).then_some(value)
}

/// Milliseconds, or that there are none.
pub(crate) fn shown_or_dash(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), milliseconds)
}

/// As many digits as can be believed.
pub(crate) fn milliseconds(value: f64) -> String {
    if value < 10.0 { format!("{value:.2}") } else { format!("{value:.1}") }
}

fn rounded(value: Value) -> Value {
    match value.as_f64() {
        Some(number) if value.is_f64() => json!((number * 1000.0).round() / 1000.0),
        _ => value,
    }
}

/// A ratio for people.
pub(crate) fn of(ratio: Option<f64>) -> String {
    ratio.map(|ratio| format!("{ratio:.3}")).unwrap_or_default()
}

/// `part` as a part of `whole`, unless that is not known.
pub(crate) fn ratio(part: f64, whole: Option<f64>) -> Option<f64> {
    whole.filter(|whole| *whole > 0.0).map(|whole| part / whole)
}

/// "1 virtual user", "2 virtual users".
pub(crate) fn virtual_users(count: usize) -> String {
    if count == 1 { "1 virtual user".to_owned() } else { format!("{count} virtual users") }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.title)?;
        let mut samples = None;
        for fact in &self.facts {
            if let Some(Shown { label, text, meaning }) = &fact.shown {
                writeln!(f, "  {label:<24}{text:>10}   {meaning}")?;
            }
            if fact.key == "error_samples" {
                samples = fact.value.as_array();
            }
        }
        for sample in samples.into_iter().flatten().filter_map(Value::as_str) {
            writeln!(f, "    {sample}")?;
        }
        for table in &self.tables {
            write!(f, "\n{table}")?;
        }
        if !self.remarks.is_empty() {
            writeln!(f)?;
        }
        self.remarks.iter().try_for_each(|remark| writeln!(f, "{remark}"))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.columns.iter().map(|column| column.len() + 2).max().unwrap_or_default().max(10);
        write!(f, "  {:<24}", self.name)?;
        self.columns.iter().try_for_each(|column| write!(f, "{column:>width$}"))?;
        writeln!(
            f,
            "{}",
            if self.meaning.is_empty() { String::new() } else { format!("   {}", self.meaning) }
        )?;
        for (name, cells, meaning) in &self.rows {
            write!(f, "  {name:<24}")?;
            cells.iter().try_for_each(|cell| write!(f, "{cell:>width$}"))?;
            writeln!(f, "{}", if meaning.is_empty() { String::new() } else { format!("   {meaning}") })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::ClientCost;

    #[test]
    fn what_client_and_server_cost_is_told_and_a_bottleneck_is_named() {
        let sample =
            |at, cores, memory_mib| ServerSample { at, cores, memory_mib, files_mib: None, log_mib: None };
        let seen = |cpu| Surroundings {
            client: ClientCost { cpu: Some(cpu), waiting: Some(0.01), lag_p99_ms: Some(0.25), crowded: 0 },
            server: vec![sample(1.0, 1.0, 30.0), sample(4.0, 2.0, 28.0)],
            ..Surroundings::default()
        };
        for (cpu, is_bottleneck) in [(0.5, false), (0.99, true)] {
            let mut findings = Findings::new("w", "W".to_owned());
            findings.surroundings(&seen(cpu));
            let (json, text) = (findings.to_json(), findings.to_string());
            assert_eq!(json["client_is_bottleneck"], is_bottleneck, "{json}");
            assert_eq!(text.contains("BOTTLENECK"), is_bottleneck, "{text}");
            assert_eq!(
                (&json["server_cores"], &json["server_peak_mib_in_window"]),
                (&json!(1.75), &json!(30.0))
            );
            assert!(text.contains("server: 1.75 cores on average, at most 30.0 MiB"), "{text}");
            assert!(text.contains("sent within 0.25 ms of their time"), "{text}");
        }
    }

    #[test]
    fn what_is_not_known_is_null_and_not_said() {
        let mut findings = Findings::new("w", "W".to_owned());
        findings.surroundings(&Surroundings::default());
        let json = findings.to_json();
        assert_eq!((&json["client_cpu"], &json["server_cores"]), (&Value::Null, &Value::Null), "{json}");
        assert_eq!(findings.to_string(), "W\n\n");
    }
}
