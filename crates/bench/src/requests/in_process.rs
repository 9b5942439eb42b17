//! Tokens that are issued and verified inside one process, without HTTP: what whoever did that has counted, as a report. It owns which facts there are;
//! the work itself needs the server's own code and is done where that may be used.

use crate::chart::Chart;
use crate::findings::{Findings, of, ratio};
use crate::kind::Kind;
use crate::percentiles::{Percentiles, histogram, record};
use hdrhistogram::Histogram;
use serde_json::json;
use std::time::Duration;

/// How long something took, many times.
#[derive(Clone, Debug)]
pub struct Latencies(Histogram<u64>);

impl Latencies {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self(histogram())
    }

    /// Once more.
    pub fn record(&mut self, latency: Duration) {
        record(&mut self.0, latency);
    }

    /// Adds those of another thread.
    pub fn add(&mut self, other: &Self) {
        // Both have the same bounds: there is nothing that does not fit.
        self.0.add(&other.0).ok();
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Self::new()
    }
}

/// What was counted.
#[derive(Clone, Debug)]
pub struct InProcessReport {
    /// Tokens that were issued, and verified as good.
    pub cycles: u64,
    /// On so many threads at once.
    pub threads: usize,
    /// In this time.
    pub lasted: Duration,
    /// How long issuing took.
    pub issue: Latencies,
    /// How long verifying took.
    pub verify: Latencies,
    /// Bare signatures made and verified per second by as many threads, measured in the same run.
    pub signatures: f64,
}

impl InProcessReport {
    /// Everything there is to tell.
    #[must_use]
    pub fn findings(&self) -> Findings {
        let title = format!(
            "machines: {} tokens issued and verified in process, {} threads",
            self.cycles, self.threads
        );
        let mut findings = Findings::new("machines-in-process", title);
        let rate = self.cycles as f64 / self.lasted.as_secs_f64();
        findings.put("cycles", json!(self.cycles));
        findings.put("threads", json!(self.threads));
        findings.put("duration_seconds", json!(self.lasted.as_secs_f64()));
        findings.put("errors", json!(0));
        let shown = ("cycles/s", format!("{rate:.0}"), "client_credentials, then the token's verification");
        findings.say("cycles_per_second", json!(rate), shown);
        let meaning = "an Ed25519 JWT signed and verified, and nothing else";
        let shown = ("bare signatures/s", format!("{:.0}", self.signatures), meaning);
        findings.say("signatures_per_second", json!(self.signatures), shown);
        let share = ratio(rate, Some(self.signatures));
        findings.say(
            "ratio_to_signatures",
            json!(share),
            ("of bare signatures", of(share), "the ratio of the two"),
        );
        let seen = [
            ("issue", "client authentication, the token and its signature", &self.issue),
            ("verify", "its signature, its claims, revocations: nothing is known of it yet", &self.verify),
        ];
        let kinds =
            seen.map(|(name, meaning, latencies)| (Kind { name, meaning }, Percentiles::of(&latencies.0)));
        findings.latencies("", "part", &kinds);
        let drawn = seen.map(|(name, _, latencies)| (name, &latencies.0));
        findings.charts.extend(Chart::distribution("How latencies are distributed", &drawn));
        findings
    }
}
