//! A measurement of requests beside an empty handler. It owns which facts there are, and measures nothing.

use super::tally::LoadMeasurement;
use crate::chart::Chart;
use crate::findings::{Findings, of, ratio, virtual_users};
use serde_json::{Value, json};
use std::fmt;

/// A workload beside the empty handler that was measured in the same run.
#[derive(Debug)]
pub struct LoadReport {
    measurement: LoadMeasurement,
    empty_handler: Option<f64>,
    /// How many of a kind of request are durable commands, and how many of those per second the engine takes by itself.
    engine_writes: Option<(&'static str, f64)>,
    notes: Vec<String>,
}

impl LoadReport {
    /// `empty_handler` is in requests per second; `None` where the target is no server of our own.
    #[must_use]
    pub fn new(measurement: LoadMeasurement, empty_handler: Option<f64>) -> Self {
        Self {
            measurement,
            empty_handler: empty_handler.filter(|rate| *rate > 0.0),
            engine_writes: None,
            notes: Vec::new(),
        }
    }

    /// Each request of this kind is one durable command, of which the engine by itself took so many per second, by as many submitters.
    #[must_use]
    pub fn with_engine_writes(mut self, kind: &'static str, per_second: Option<f64>) -> Self {
        self.engine_writes = per_second.map(|per_second| (kind, per_second));
        self
    }

    /// Adds a sentence for people.
    #[must_use]
    pub fn with_note(mut self, note: Option<String>) -> Self {
        self.notes.extend(note);
        self
    }

    /// Requests per second as a part of the empty handler's.
    #[must_use]
    pub fn ratio_to_empty_handler(&self) -> Option<f64> {
        ratio(self.measurement.requests_per_second(), self.empty_handler)
    }

    /// One flat object; latencies are in milliseconds, and what was not measured is null.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.findings().to_json()
    }

    /// Everything there is to tell.
    #[must_use]
    pub fn findings(&self) -> Findings {
        let seen = &self.measurement;
        let seconds = seen.duration.as_secs_f64();
        let title = format!("{}: {} for {seconds} s", seen.name, virtual_users(seen.users));
        let mut findings = Findings::new(seen.name, title);
        findings.put("users", json!(seen.users));
        findings.put("duration_seconds", json!(seconds));
        findings.put("requests", json!(seen.requests()));
        let rate = seen.requests_per_second();
        let shown = ("requests/s", format!("{rate:.0}"), "answered as expected");
        findings.say("requests_per_second", json!(rate), shown);
        match self.empty_handler {
            Some(empty) => {
                let meaning = "a handler that does nothing, by the same server and the same client";
                let shown = ("empty handler/s", format!("{empty:.0}"), meaning);
                findings.say("empty_handler_requests_per_second", json!(empty), shown);
                let ratio = self.ratio_to_empty_handler();
                let shown = ("of an empty handler", of(ratio), "the ratio of the two");
                findings.say("ratio_to_empty_handler", json!(ratio), shown);
            }
            None => {
                findings.put("empty_handler_requests_per_second", Value::Null);
                findings.put("ratio_to_empty_handler", Value::Null);
            }
        }
        if let Some((kind, engine)) = self.engine_writes {
            self.tell_engine_writes(&mut findings, kind, engine);
        }
        findings.troubles(&[&seen.tally]);
        let troubles = seen.refused() + seen.errors();
        findings
            .put("failure_rate", json!(ratio(troubles as f64, Some((seen.requests() + troubles) as f64))));
        findings.percentiles("", &seen.latency());
        findings.latencies("", "request", &seen.kinds());
        findings.surroundings(&seen.surroundings);
        self.notes.iter().for_each(|note| findings.remark(note.clone()));
        let names: Vec<_> = seen.kinds.iter().map(|kind| kind.name).collect();
        findings.charts.extend(
            [
                Chart::latency_over_time("Latency over time", &seen.tally.intervals),
                Chart::rate_over_time("Requests over time", &seen.tally.intervals),
                Chart::distributions("How latencies are distributed", &seen.tally, &names),
                Chart::server_cores(&seen.surroundings.server),
                Chart::server_memory(&seen.surroundings.server),
            ]
            .into_iter()
            .flatten(),
        );
        findings
    }
}

impl LoadReport {
    fn tell_engine_writes(&self, findings: &mut Findings, kind: &str, engine: f64) {
        let seen = &self.measurement;
        let writes = seen.kinds().into_iter().find(|(named, _)| named.name == kind);
        let writes = writes.map_or(0, |(_, latency)| latency.count) as f64 / seen.duration.as_secs_f64();
        findings.put("durable_writes_per_second", json!(writes));
        let meaning = "the same durable commands by the engine alone, by as many submitters";
        let shown = ("engine writes/s", format!("{engine:.0}"), meaning);
        findings.say("engine_writes_per_second", json!(engine), shown);
        let ratio = ratio(writes, Some(engine));
        let shown = ("of engine writes", of(ratio), "those of this load beside them");
        findings.say("ratio_to_engine_writes", json!(ratio), shown);
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.findings().fmt(f)
    }
}
