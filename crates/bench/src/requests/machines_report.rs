//! What machines did, step by step, beside an empty handler and one that only signs: numbers for programs, a table for people. It measures
//! nothing.

use super::machines::MachineStep;
use super::tally::LoadMeasurement;
use serde_json::{Map, Value, json};
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
        let mut json = Map::new();
        let mut put = |name: &str, value: Value| json.insert(name.to_owned(), value);
        let sum =
            |count: fn(&LoadMeasurement) -> u64| self.steps.iter().map(|(_, seen)| count(seen)).sum::<u64>();
        let samples: Vec<_> = self.steps.iter().flat_map(|(_, seen)| seen.error_samples()).collect();
        put("workload", json!("machines"));
        put("clients", json!(self.clients));
        put("users", json!(self.steps.first().map(|(_, seen)| seen.users)));
        put("duration_seconds", json!(self.steps.first().map(|(_, seen)| seen.duration.as_secs_f64())));
        put("errors", json!(sum(LoadMeasurement::errors)));
        put("error_samples", json!(samples));
        put("refused", json!(sum(LoadMeasurement::refused)));
        put("empty_handler_requests_per_second", json!(self.floors.map(|floors| rounded(floors.empty))));
        put("signing_handler_requests_per_second", json!(self.floors.map(|floors| rounded(floors.signing))));
        for (step, seen) in &self.steps {
            let rate = seen.requests_per_second();
            let (empty, signing) = self.ratios(rate);
            if *step == MachineStep::ClientCredentials {
                put("requests_per_second", json!(rounded(rate)));
                put("ratio_to_empty_handler", json!(empty.map(rounded)));
                put("ratio_to_signing_handler", json!(signing.map(rounded)));
            }
            let name = step.name();
            put(&format!("{name}_requests_per_second"), json!(rounded(rate)));
            put(&format!("{name}_ratio_to_empty_handler"), json!(empty.map(rounded)));
            let latency = seen.latency();
            put(&format!("{name}_p50_ms"), json!(latency.p50_ms));
            put(&format!("{name}_p99_ms"), json!(latency.p99_ms));
        }
        Value::Object(json)
    }

    fn ratios(&self, rate: f64) -> (Option<f64>, Option<f64>) {
        let to = |floor: f64| Some(rate / floor).filter(|ratio| ratio.is_finite());
        (self.floors.and_then(|floors| to(floors.empty)), self.floors.and_then(|floors| to(floors.signing)))
    }
}

impl fmt::Display for MachinesReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((_, seen)) = self.steps.first() {
            let (clients, users, seconds) = (self.clients, seen.users, seen.duration.as_secs_f64());
            writeln!(f, "machines: {clients} clients, {users} virtual users, {seconds} s for each step\n")?;
        }
        if let Some(floors) = self.floors {
            let meaning = "by the same server and the same client";
            writeln!(
                f,
                "  {:<22}{:>10.0}   a handler that does nothing, {meaning}",
                "empty handler/s", floors.empty
            )?;
            writeln!(
                f,
                "  {:<22}{:>10.0}   a handler that signs an Ed25519 JWT\n",
                "signing handler/s", floors.signing
            )?;
        }
        write!(f, "  {:<22}", "step")?;
        for column in ["requests/s", "of empty", "of signing", "p50 ms", "p99 ms", "refused", "errors"] {
            write!(f, "{column:>12}")?;
        }
        for (step, seen) in &self.steps {
            let (rate, latency) = (seen.requests_per_second(), seen.latency());
            let (empty, signing) = self.ratios(rate);
            let of = |ratio: Option<f64>| ratio.map(|ratio| format!("{ratio:.3}")).unwrap_or_default();
            write!(f, "\n  {:<22}{rate:>12.0}{:>12}{:>12}", step.name(), of(empty), of(signing))?;
            write!(
                f,
                "{:>12.2}{:>12.2}{:>12}{:>12}",
                latency.p50_ms,
                latency.p99_ms,
                seen.refused(),
                seen.errors()
            )?;
            for sample in seen.error_samples() {
                write!(f, "\n    {sample}")?;
            }
        }
        writeln!(f, "\n\nA revocation's token is asked for in its step, and counts there too.")
    }
}

fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
