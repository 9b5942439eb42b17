//! A measurement as numbers for programs and as a table for people. It owns names, units and wording, and measures
//! nothing: the hash capacity is handed in.

use crate::tally::{SignInMeasurement, Step};
use serde_json::{Map, Value, json};
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
        self.hash_capacity.map(|capacity| self.measurement.iterations_per_second() / capacity)
    }

    /// One flat object; latencies are in milliseconds, and what was not measured is null.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let seen = &self.measurement;
        let mut json = Map::new();
        let mut put = |name: &str, value: Value| json.insert(name.to_owned(), value);
        put("users", json!(seen.users));
        put("duration_seconds", json!(seen.duration.as_secs_f64()));
        put("warm_up_seconds", json!(seen.warm_up.as_secs_f64()));
        put("iterations", json!(seen.iterations()));
        put("iterations_per_second", json!(rounded(seen.iterations_per_second())));
        put("hash_capacity_per_second", json!(self.hash_capacity.map(rounded)));
        put("ratio_to_hash_capacity", json!(self.ratio_to_hash_capacity().map(rounded)));
        put("errors", json!(seen.errors()));
        put("error_samples", json!(seen.error_samples()));
        put("refused", json!(seen.refused_429() + seen.refused_503()));
        put("refused_429", json!(seen.refused_429()));
        put("refused_503", json!(seen.refused_503()));
        put("bystander_rate", json!(seen.bystander_rate));
        put("bystander_refused", json!(seen.bystander_refused()));
        for step in self.steps() {
            let (name, latency) = (step.name(), seen.step(step));
            put(&format!("{name}_count"), json!(latency.count));
            put(&format!("{name}_p50_ms"), json!(latency.p50_ms));
            put(&format!("{name}_p95_ms"), json!(latency.p95_ms));
            put(&format!("{name}_p99_ms"), json!(latency.p99_ms));
            put(&format!("{name}_max_ms"), json!(latency.max_ms));
        }
        Value::Object(json)
    }

    /// The steps that this run could have: consent only where the server asked for it, bystanders where there were any.
    fn steps(&self) -> impl Iterator<Item = Step> {
        Step::ALL.into_iter().filter(|step| match step {
            Step::Consent => self.measurement.step(Step::Consent).count > 0,
            Step::BystanderIntrospect | Step::BystanderRefresh => self.measurement.bystander_rate > 0,
            _ => true,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = &self.measurement;
        let seconds = seen.duration.as_secs_f64();
        let users = if seen.users == 1 { "virtual user" } else { "virtual users" };
        writeln!(f, "Sign-in: {} {users} for {seconds} s\n", seen.users)?;
        let whole = format!("whole sign-ins per second, {} in all", seen.iterations());
        line(f, "iterations/s", &format!("{:.1}", seen.iterations_per_second()), &whole)?;
        if let Some(capacity) = self.hash_capacity {
            let meaning = "password hashes per second, nothing else running";
            line(f, "hash capacity/s", &format!("{capacity:.1}"), meaning)?;
        }
        let refused = format!(
            "told to come back later: {} by 429, {} by 503; {} of them bystanders",
            seen.refused_429(),
            seen.refused_503(),
            seen.bystander_refused()
        );
        line(f, "refused", &(seen.refused_429() + seen.refused_503()).to_string(), &refused)?;
        line(f, "errors", &seen.errors().to_string(), "anything else that should not have happened")?;
        for sample in seen.error_samples() {
            writeln!(f, "    {sample}")?;
        }
        write!(f, "\n  {:<22}{:>9}", "step", "count")?;
        for column in ["p50 ms", "p95 ms", "p99 ms", "max ms"] {
            write!(f, "{column:>10}")?;
        }
        writeln!(f, "   what is timed")?;
        for step in self.steps() {
            let latency = seen.step(step);
            write!(f, "  {:<22}{:>9}", step.name(), latency.count)?;
            for value in [latency.p50_ms, latency.p95_ms, latency.p99_ms, latency.max_ms] {
                write!(f, "{value:>10.1}")?;
            }
            writeln!(f, "   {}", step.meaning())?;
        }
        match self.ratio_to_hash_capacity() {
            Some(ratio) => writeln!(f, "\n{ratio:.2} of the pure hash capacity of this machine"),
            None => Ok(()),
        }
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, value: &str, meaning: &str) -> fmt::Result {
    writeln!(f, "  {name:<22}{value:>9}   {meaning}")
}

/// Three decimals: what is finer is noise.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::Tally;
    use std::time::Duration;

    fn report(bystander_rate: u32, hash_capacity: Option<f64>) -> Report {
        let mut tally = Tally::new();
        let steps =
            [Step::Authorize, Step::SignIn, Step::Token, Step::Introspect, Step::Refresh, Step::Iteration];
        for step in steps {
            for n in 1..=100 {
                tally.record(step, Duration::from_micros(n * if step == Step::SignIn { 1000 } else { 20 }));
            }
        }
        tally.error("token: status 500".to_owned());
        (tally.refused_429, tally.refused_503, tally.bystander_refused) = (6, 1, 2);
        let (duration, warm_up) = (Duration::from_secs(2), Duration::from_secs(1));
        Report::new(SignInMeasurement { users: 10, duration, warm_up, bystander_rate, tally }, hash_capacity)
    }

    #[test]
    fn the_json_is_flat_and_has_every_number() {
        let json = report(0, Some(55.0)).to_json();
        let mut expected = json!({
            "users": 10, "duration_seconds": 2.0, "warm_up_seconds": 1.0,
            "iterations": 100, "iterations_per_second": 50.0,
            "hash_capacity_per_second": 55.0, "ratio_to_hash_capacity": 0.909,
            "errors": 1, "error_samples": ["token: status 500"],
            "refused": 7, "refused_429": 6, "refused_503": 1,
            "bystander_rate": 0, "bystander_refused": 2,
            "sign_in_count": 100, "sign_in_p50_ms": 50.015, "sign_in_p95_ms": 95.039,
            "sign_in_p99_ms": 99.007, "sign_in_max_ms": 100.031,
        });
        for step in ["authorize", "token", "introspect", "refresh", "iteration"] {
            expected[format!("{step}_count")] = json!(100);
            let latencies = [("p50", 1.0), ("p95", 1.9), ("p99", 1.98), ("max", 2.0)];
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
            with_bystanders.contains("\n  bystander_refresh             0       0.0"),
            "\n{with_bystanders}"
        );
    }

    const TABLE: &str = "\
Sign-in: 10 virtual users for 2 s

  iterations/s               50.0   whole sign-ins per second, 100 in all
  hash capacity/s            55.0   password hashes per second, nothing else running
  refused                       7   told to come back later: 6 by 429, 1 by 503; 2 of them bystanders
  errors                        1   anything else that should not have happened
    token: status 500

  step                      count    p50 ms    p95 ms    p99 ms    max ms   what is timed
  authorize                   100       1.0       1.9       2.0       2.0   GET the sign-in page
  sign_in                     100      50.0      95.0      99.0     100.0   POST the sign-in form: waits for a password hash
  token                       100       1.0       1.9       2.0       2.0   authorization code for tokens
  introspect                  100       1.0       1.9       2.0       2.0   introspection of the access token
  refresh                     100       1.0       1.9       2.0       2.0   refresh token for new tokens
  iteration                   100       1.0       1.9       2.0       2.0   all of the above, one after another

0.91 of the pure hash capacity of this machine
";
}
