//! A measurement of requests as numbers for programs and as a table for people, beside an empty handler. It owns names and wording, and
//! measures nothing.

use super::tally::LoadMeasurement;
use crate::tally::Percentiles;
use serde_json::{Map, Value, json};
use std::fmt;

/// A workload beside the empty handler that was measured in the same run.
#[derive(Debug)]
pub struct LoadReport {
    measurement: LoadMeasurement,
    empty_handler: Option<f64>,
}

impl LoadReport {
    /// `empty_handler` is in requests per second; `None` where the target is no server of our own.
    #[must_use]
    pub fn new(measurement: LoadMeasurement, empty_handler: Option<f64>) -> Self {
        Self { measurement, empty_handler: empty_handler.filter(|rate| *rate > 0.0) }
    }

    /// Requests per second as a part of the empty handler's.
    #[must_use]
    pub fn ratio_to_empty_handler(&self) -> Option<f64> {
        self.empty_handler.map(|empty| self.measurement.requests_per_second() / empty)
    }

    /// One flat object; latencies are in milliseconds, and what was not measured is null.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let seen = &self.measurement;
        let mut json = Map::new();
        let mut put = |name: &str, value: Value| json.insert(name.to_owned(), value);
        put("workload", json!(seen.name));
        put("users", json!(seen.users));
        put("duration_seconds", json!(seen.duration.as_secs_f64()));
        put("requests", json!(seen.requests()));
        put("requests_per_second", json!(rounded(seen.requests_per_second())));
        put("empty_handler_requests_per_second", json!(self.empty_handler.map(rounded)));
        put("ratio_to_empty_handler", json!(self.ratio_to_empty_handler().map(rounded)));
        put("errors", json!(seen.errors()));
        put("error_samples", json!(seen.error_samples()));
        put("refused", json!(seen.refused()));
        for (name, value) in percentiles(seen.latency()) {
            put(name, json!(value));
        }
        for (kind, latency) in seen.kinds() {
            put(&format!("{}_count", kind.name), json!(latency.count));
            for (name, value) in percentiles(latency) {
                put(&format!("{}_{name}", kind.name), json!(value));
            }
        }
        Value::Object(json)
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = &self.measurement;
        let users = if seen.users == 1 { "virtual user" } else { "virtual users" };
        writeln!(f, "{}: {} {users} for {} s\n", seen.name, seen.users, seen.duration.as_secs_f64())?;
        let mut line =
            |name: &str, value: String, meaning: &str| writeln!(f, "  {name:<22}{value:>9}   {meaning}");
        line("requests/s", format!("{:.0}", seen.requests_per_second()), "answered as expected")?;
        if let Some(empty) = self.empty_handler {
            let meaning = "a handler that does nothing, by the same server and the same client";
            line("empty handler/s", format!("{empty:.0}"), meaning)?;
        }
        line("refused", seen.refused().to_string(), "told to come back later, by 429 or 503")?;
        line("errors", seen.errors().to_string(), "anything else that should not have happened")?;
        for sample in seen.error_samples() {
            writeln!(f, "    {sample}")?;
        }
        write!(f, "\n  {:<22}{:>9}", "request", "count")?;
        for column in ["p50 ms", "p95 ms", "p99 ms", "max ms"] {
            write!(f, "{column:>10}")?;
        }
        writeln!(f, "   what is asked")?;
        for (kind, latency) in seen.kinds() {
            write!(f, "  {:<22}{:>9}", kind.name, latency.count)?;
            for (_, value) in percentiles(latency) {
                write!(f, "{value:>10.2}")?;
            }
            writeln!(f, "   {}", kind.meaning)?;
        }
        match self.ratio_to_empty_handler() {
            Some(ratio) => writeln!(f, "\n{ratio:.3} of an empty handler"),
            None => Ok(()),
        }
    }
}

fn percentiles(latency: Percentiles) -> [(&'static str, f64); 4] {
    [
        ("p50_ms", latency.p50_ms),
        ("p95_ms", latency.p95_ms),
        ("p99_ms", latency.p99_ms),
        ("max_ms", latency.max_ms),
    ]
}

fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
