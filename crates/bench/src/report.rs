//! Sign-ins beside the pure hash capacity of the machine. It owns which facts there are, and measures nothing: the hash capacity is handed
//! in.

use crate::chart::Chart;
use crate::findings::{Findings, of, ratio, virtual_users};
use crate::kind::{Kind, Step};
use crate::percentiles::Percentiles;
use crate::sign_in_measurement::SignInMeasurement;
use serde_json::{Value, json};
use std::fmt;

/// A measurement beside the pure hash capacity of the machine it was made on.
#[derive(Debug)]
pub struct Report {
    measurement: SignInMeasurement,
    hash_capacity: Option<f64>,
}

impl Report {
    /// `hash_capacity` is in password hashes per second, measured by the caller in the same run with nothing else
    /// running; `None` where the target runs on another machine.
    #[must_use]
    pub fn new(measurement: SignInMeasurement, hash_capacity: Option<f64>) -> Self {
        Self { measurement, hash_capacity: hash_capacity.filter(|capacity| *capacity > 0.0) }
    }

    /// What was measured.
    #[must_use]
    pub fn measurement(&self) -> &SignInMeasurement {
        &self.measurement
    }

    /// Iterations per second as a part of the hash capacity: one iteration needs one hash.
    #[must_use]
    pub fn ratio_to_hash_capacity(&self) -> Option<f64> {
        ratio(self.measurement.iterations_per_second(), self.hash_capacity)
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
        let title = format!("Sign-in: {} for {seconds} s", virtual_users(seen.users));
        let mut findings = Findings::new("sign-in", title);
        findings.put("users", json!(seen.users));
        findings.put("duration_seconds", json!(seconds));
        findings.put("warm_up_seconds", json!(seen.warm_up.as_secs_f64()));
        findings.put("iterations", json!(seen.iterations()));
        let rate = seen.iterations_per_second();
        let whole = format!("whole sign-ins per second, {} in all", seen.iterations());
        findings.say("iterations_per_second", json!(rate), ("iterations/s", format!("{rate:.1}"), &whole));
        self.tell_capacity(&mut findings);
        findings.troubles(&[&seen.sign_ins, &seen.bystanders]);
        findings.put("bystander_rate", json!(seen.bystander_rate));
        findings.put("bystander_refused", json!(seen.bystander_refused()));
        findings.latencies("", "step", &self.steps());
        findings.surroundings(&seen.surroundings);
        let names = Step::ALL.map(Step::name);
        findings.charts.extend(
            [
                Chart::latency_over_time(
                    "Latency over time: every request of a sign-in",
                    &seen.sign_ins.intervals,
                ),
                Chart::latency_over_time(
                    "Latency over time: people already signed in",
                    &seen.bystanders.intervals,
                ),
                Chart::rate_over_time("Requests over time", &seen.sign_ins.intervals),
                Chart::distributions("How latencies are distributed", &seen.sign_ins, &names),
                Chart::server_cores(&seen.surroundings.server),
                Chart::server_memory(&seen.surroundings.server),
            ]
            .into_iter()
            .flatten(),
        );
        findings
    }

    fn tell_capacity(&self, findings: &mut Findings) {
        let Some(capacity) = self.hash_capacity else {
            findings.put("hash_capacity_per_second", Value::Null);
            return findings.put("ratio_to_hash_capacity", Value::Null);
        };
        let meaning = "password hashes per second, nothing else running";
        let shown = ("hash capacity/s", format!("{capacity:.1}"), meaning);
        findings.say("hash_capacity_per_second", json!(capacity), shown);
        let ratio = self.ratio_to_hash_capacity();
        let shown = ("of hash capacity", of(ratio), "the ratio of the two");
        findings.say("ratio_to_hash_capacity", json!(ratio), shown);
    }

    /// The steps that this run could have: consent only where the server asked for it, bystanders where there were any.
    fn steps(&self) -> Vec<(Kind, Percentiles)> {
        let seen = &self.measurement;
        let steps = Step::ALL.into_iter().filter(|step| match step {
            Step::Consent => seen.step(Step::Consent).count > 0,
            Step::BystanderIntrospect | Step::BystanderRefresh => seen.bystander_rate > 0,
            _ => true,
        });
        steps.map(|step| (step.kind(), seen.step(step))).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.findings().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::Surroundings;
    use crate::tally::Tally;
    use std::time::Duration;

    fn report(bystander_rate: u32, hash_capacity: Option<f64>) -> Report {
        let mut tally = Tally::new(&Step::KINDS);
        let steps =
            [Step::Authorize, Step::SignIn, Step::Token, Step::Introspect, Step::Refresh, Step::Iteration];
        for step in steps {
            for n in 1..=100 {
                let micros = n * if step == Step::SignIn { 1000 } else { 20 };
                tally.record(step as usize, Duration::from_micros(micros));
            }
        }
        tally.error("token: status 500".to_owned());
        (tally.wholes, tally.refused_429) = (100, 5);
        let mut bystanders = Tally::new(&Step::KINDS);
        (bystanders.refused_429, bystanders.refused_503) = (1, 1);
        let measurement = SignInMeasurement {
            users: 10,
            duration: Duration::from_secs(2),
            warm_up: Duration::from_secs(1),
            bystander_rate,
            surroundings: Surroundings::default(),
            sign_ins: tally,
            bystanders,
        };
        Report::new(measurement, hash_capacity)
    }

    #[test]
    fn the_json_is_flat_and_has_every_number() {
        let json = report(0, Some(55.0)).to_json();
        let mut expected = json!({
            "workload": "sign-in",
            "users": 10, "duration_seconds": 2.0, "warm_up_seconds": 1.0,
            "iterations": 100, "iterations_per_second": 50.0,
            "hash_capacity_per_second": 55.0, "ratio_to_hash_capacity": 0.909,
            "errors": 1, "error_samples": ["token: status 500"],
            "refused": 7, "refused_429": 6, "refused_503": 1, "refused_without_retry_after": 0,
            "bystander_rate": 0, "bystander_refused": 2,
            "sign_in_count": 100, "sign_in_p50_ms": 50.015, "sign_in_p95_ms": 95.039,
            "sign_in_p99_ms": 99.007, "sign_in_p999_ms": 100.031, "sign_in_max_ms": 100.031,
            "client_cpu": null, "client_waiting_for_cpu": null, "client_lag_p99_ms": null,
            "client_is_bottleneck": false, "server_cores": null, "server_peak_mib_in_window": null,
        });
        for step in ["authorize", "token", "introspect", "refresh", "iteration"] {
            expected[format!("{step}_count")] = json!(100);
            let latencies = [("p50", 1.0), ("p95", 1.9), ("p99", 1.98), ("p999", 2.0), ("max", 2.0)];
            for (name, milliseconds) in latencies {
                expected[format!("{step}_{name}_ms")] = json!(milliseconds);
            }
        }
        assert_eq!(json, expected);
    }

    #[test]
    fn without_a_capacity_the_ratio_is_null_and_the_sentence_is_missing() {
        for capacity in [None, Some(0.0)] {
            let report = report(50, capacity);
            let json = report.to_json();
            assert_eq!(json["ratio_to_hash_capacity"], Value::Null);
            assert_eq!(json["bystander_refresh_count"], 0);
            assert!(!report.to_string().contains("hash capacity"));
        }
    }

    #[test]
    fn people_get_a_table() {
        let table = report(0, Some(55.0)).to_string();
        assert_eq!(table, TABLE, "\n{table}");
        let with_bystanders = report(50, None).to_string();
        assert!(
            with_bystanders.contains("\n  bystander_refresh                0         -"),
            "\n{with_bystanders}"
        );
    }

    const TABLE: &str = "\
Sign-in: 10 virtual users for 2 s

  iterations/s                  50.0   whole sign-ins per second, 100 in all
  hash capacity/s               55.0   password hashes per second, nothing else running
  of hash capacity             0.909   the ratio of the two
  refused                          7   told to come back later: 6 by 429, 1 by 503
  errors                           1   anything else that should not have happened
    token: status 500

  step                         count    p50 ms    p95 ms    p99 ms  p99.9 ms    max ms   what is timed
  authorize                      100      1.00      1.90      1.98      2.00      2.00   GET the sign-in page
  sign_in                        100      50.0      95.0      99.0     100.0     100.0   POST the sign-in form: waits for a password hash
  token                          100      1.00      1.90      1.98      2.00      2.00   authorization code for tokens
  introspect                     100      1.00      1.90      1.98      2.00      2.00   introspection of the access token
  refresh                        100      1.00      1.90      1.98      2.00      2.00   refresh token for new tokens
  iteration                      100      1.00      1.90      1.98      2.00      2.00   all of the above, one after another
";
}
