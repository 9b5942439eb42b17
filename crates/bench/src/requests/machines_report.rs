//! What machines did, step by step, beside an empty handler and one that only signs. It owns which facts there are, and measures nothing.

use super::machines::MachineStep;
use super::tally::LoadMeasurement;
use crate::chart::Chart;
use crate::findings::{Findings, Table, milliseconds, of, ratio, virtual_users};
use serde_json::{Value, json};
use std::fmt;

/// The handlers that were measured in the same run, in requests per second.
#[derive(Clone, Copy, Debug)]
pub struct Floors {
    /// Does nothing.
    pub empty: f64,
    /// Signs an Ed25519 JWT.
    pub signing: f64,
}

/// A run of machines.
#[derive(Debug)]
pub struct MachinesReport {
    /// How many clients there are.
    pub clients: usize,
    /// What was measured of each step.
    pub steps: Vec<(MachineStep, LoadMeasurement)>,
    /// What it stands beside; `None` where the target is no server of our own.
    pub floors: Option<Floors>,
}

impl MachinesReport {
    /// One flat object. Names without a step are client_credentials', errors and refusals those of all steps; what was not measured is null.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.findings().to_json()
    }

    /// Everything there is to tell.
    #[must_use]
    pub fn findings(&self) -> Findings {
        let (users, seconds) =
            self.steps.first().map_or((0, 0.0), |(_, seen)| (seen.users, seen.duration.as_secs_f64()));
        let title = format!(
            "machines: {} clients, {}, {seconds} s for each step",
            self.clients,
            virtual_users(users)
        );
        let mut findings = Findings::new("machines", title);
        findings.put("clients", json!(self.clients));
        findings.put("users", json!(users));
        findings.put("duration_seconds", json!(seconds));
        self.tell_floors(&mut findings);
        let tallies: Vec<_> = self.steps.iter().map(|(_, seen)| &seen.tally).collect();
        findings.troubles(&tallies);
        let rows = self.steps.iter().map(|(step, seen)| self.tell_step(&mut findings, *step, seen)).collect();
        findings.tables.push(Table {
            name: "step",
            columns: vec!["requests/s", "of empty", "of signing", "p50 ms", "p99 ms", "refused", "errors"],
            meaning: "",
            rows,
        });
        if let Some((_, seen)) = self.steps.first() {
            findings.surroundings(&seen.surroundings);
        }
        findings.remark("A revocation's token is asked for in its step, and counts there too.".to_owned());
        self.draw(&mut findings);
        findings
    }

    fn tell_floors(&self, findings: &mut Findings) {
        let told = [
            ("empty_handler_requests_per_second", "empty handler/s", "a handler that does nothing"),
            (
                "signing_handler_requests_per_second",
                "signing handler/s",
                "a handler that signs an Ed25519 JWT",
            ),
        ];
        let floors = self.floors.map_or([None; 2], |floors| [Some(floors.empty), Some(floors.signing)]);
        for ((key, label, meaning), floor) in told.into_iter().zip(floors) {
            match floor {
                Some(floor) => findings.say(key, json!(floor), (label, format!("{floor:.0}"), meaning)),
                None => findings.put(key, Value::Null),
            }
        }
    }

    fn tell_step(
        &self,
        findings: &mut Findings,
        step: MachineStep,
        seen: &LoadMeasurement,
    ) -> (String, Vec<String>, String) {
        let rate = seen.requests_per_second();
        let empty = ratio(rate, self.floors.map(|floors| floors.empty));
        let signing = ratio(rate, self.floors.map(|floors| floors.signing));
        if step == MachineStep::ClientCredentials {
            findings.put("requests_per_second", json!(rate));
            findings.put("ratio_to_empty_handler", json!(empty));
            findings.put("ratio_to_signing_handler", json!(signing));
        }
        let (name, latency) = (step.name(), seen.latency());
        findings.put(&format!("{name}_requests_per_second"), json!(rate));
        findings.put(&format!("{name}_ratio_to_empty_handler"), json!(empty));
        findings.put(&format!("{name}_requests"), json!(seen.requests()));
        findings.percentiles(&format!("{name}_"), &latency);
        let mut cells = vec![format!("{rate:.0}"), of(empty), of(signing)];
        cells.extend([latency.p50_ms, latency.p99_ms].map(milliseconds));
        cells.extend([seen.refused(), seen.errors()].map(|count| count.to_string()));
        (name.to_owned(), cells, String::new())
    }

    fn draw(&self, findings: &mut Findings) {
        let of_each: Vec<_> = self.steps.iter().map(|(step, seen)| (step.name(), seen.tally.all())).collect();
        findings.charts.extend(Chart::distribution("How latencies are distributed", &of_each));
        for (step, seen) in &self.steps {
            let title = match step {
                MachineStep::ClientCredentials => "Latency over time: client_credentials",
                MachineStep::Introspection => "Latency over time: introspection",
                MachineStep::Revocation => "Latency over time: revocation",
            };
            findings.charts.extend(Chart::latency_over_time(title, &seen.tally.intervals));
        }
    }
}

impl fmt::Display for MachinesReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.findings().fmt(f)
    }
}
