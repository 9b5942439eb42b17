//! What `bench sign-in` saw, for whoever calls it.

use crate::kind::Step;
use crate::percentiles::Percentiles;
use crate::stage::Surroundings;
use crate::tally::{SAMPLES, Tally};
use std::time::Duration;

/// What a run saw.
#[derive(Debug)]
pub struct SignInMeasurement {
    /// How many virtual users ran.
    pub users: usize,
    /// The length of the measured window.
    pub duration: Duration,
    /// The warm-up before it.
    pub warm_up: Duration,
    /// Requests per second asked of the bystanders.
    pub bystander_rate: u32,
    /// What went on beside the load.
    pub surroundings: Surroundings,
    pub(crate) sign_ins: Tally,
    pub(crate) bystanders: Tally,
}

impl SignInMeasurement {
    /// Iterations completed inside the window.
    #[must_use]
    pub fn iterations(&self) -> u64 {
        self.sign_ins.wholes
    }

    /// The same, per second.
    #[must_use]
    pub fn iterations_per_second(&self) -> f64 {
        self.iterations() as f64 / self.duration.as_secs_f64()
    }

    /// Everything that was not expected.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.sign_ins.errors + self.bystanders.errors
    }

    /// The texts of the first few errors; no token, code or password is in them.
    #[must_use]
    pub fn error_samples(&self) -> Vec<&str> {
        self.sign_ins
            .samples
            .iter()
            .chain(&self.bystanders.samples)
            .take(SAMPLES)
            .map(String::as_str)
            .collect()
    }

    /// Answers 429.
    #[must_use]
    pub fn refused_429(&self) -> u64 {
        self.sign_ins.refused_429 + self.bystanders.refused_429
    }

    /// Answers 503.
    #[must_use]
    pub fn refused_503(&self) -> u64 {
        self.sign_ins.refused_503 + self.bystanders.refused_503
    }

    /// Answers 429 and 503 to bystanders; they are in the two numbers above too.
    #[must_use]
    pub fn bystander_refused(&self) -> u64 {
        self.bystanders.refused()
    }

    /// The latencies of `step`, all zero where none was recorded.
    #[must_use]
    pub fn step(&self, step: Step) -> Percentiles {
        let tally = match step {
            Step::BystanderIntrospect | Step::BystanderRefresh => &self.bystanders,
            _ => &self.sign_ins,
        };
        tally.latency_of(step as usize)
    }
}
