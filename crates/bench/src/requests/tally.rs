//! What a workload that was run by itself saw, for whoever calls it.

use super::plan::LoadPlan;
use super::{Kind, Workload};
use crate::percentiles::Percentiles;
use crate::stage::Surroundings;
use crate::tally::Tally;
use std::time::Duration;

/// What a run saw.
#[derive(Debug)]
pub struct LoadMeasurement {
    pub(crate) name: &'static str,
    pub(crate) kinds: &'static [Kind],
    pub(crate) users: usize,
    pub(crate) duration: Duration,
    pub(crate) tally: Tally,
    pub(crate) surroundings: Surroundings,
}

impl LoadMeasurement {
    pub(crate) fn new<W: Workload>(plan: &LoadPlan, tally: Tally, surroundings: Surroundings) -> Self {
        Self {
            name: W::NAME,
            kinds: W::KINDS,
            users: plan.users,
            duration: plan.duration.min(surroundings.lasted),
            tally,
            surroundings,
        }
    }

    /// This, and what the same workload did later, as one.
    #[must_use]
    pub fn and(mut self, later: Self) -> Self {
        self.duration += later.duration;
        self.tally.add(later.tally);
        self
    }

    /// Requests answered as expected inside the window.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.tally.requests
    }

    /// The same, per second.
    #[must_use]
    pub fn requests_per_second(&self) -> f64 {
        self.requests() as f64 / self.duration.as_secs_f64()
    }

    /// Answers 429 and 503 inside the window.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.tally.refused()
    }

    /// Everything that was not expected, the warm-up included.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.tally.errors
    }

    /// The texts of the first few errors; no token, code or password is in them.
    #[must_use]
    pub fn error_samples(&self) -> &[String] {
        &self.tally.samples
    }

    /// The latencies of all requests.
    #[must_use]
    pub fn latency(&self) -> Percentiles {
        Percentiles::of(self.tally.all())
    }

    /// What went on beside the load.
    #[must_use]
    pub fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    /// Each kind of request, with its latencies.
    pub(crate) fn kinds(&self) -> Vec<(Kind, Percentiles)> {
        let of_each = (0..self.kinds.len()).map(|kind| self.tally.latency_of(kind));
        self.kinds.iter().copied().zip(of_each).collect()
    }
}
