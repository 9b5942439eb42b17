//! What was seen of requests: a histogram for each kind, one for all, and the counts beside them. It owns the rule of what falls inside
//! the window, the same as for sign-ins.

use super::Kind;
use super::plan::LoadPlan;
use crate::clock;
use crate::tally::{Percentiles, SAMPLES, histogram, record};
use crate::window::Window;
use hdrhistogram::Histogram;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a run saw.
#[derive(Debug)]
pub struct LoadMeasurement {
    pub(super) name: &'static str,
    pub(super) kinds: &'static [Kind],
    pub(super) users: usize,
    pub(super) duration: Duration,
    tally: RequestTally,
}

impl LoadMeasurement {
    pub(super) fn new(
        name: &'static str,
        kinds: &'static [Kind],
        plan: &LoadPlan,
        tally: RequestTally,
    ) -> Self {
        Self { name, kinds, users: plan.users, duration: plan.duration, tally }
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
        self.tally.refused
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
        Percentiles::of(&self.tally.all)
    }

    /// Each kind of request, with its latencies.
    pub(super) fn kinds(&self) -> impl Iterator<Item = (Kind, Percentiles)> {
        let of_each = self.tally.of_each.iter().map(Percentiles::of);
        self.kinds.iter().copied().zip(of_each)
    }
}

/// Histograms and counts of one run.
#[derive(Debug)]
pub(super) struct RequestTally {
    of_each: Vec<Histogram<u64>>,
    all: Histogram<u64>,
    pub(super) requests: u64,
    pub(super) refused: u64,
    pub(super) errors: u64,
    samples: Vec<String>,
}

impl RequestTally {
    fn new(kinds: &[Kind]) -> Self {
        Self {
            of_each: kinds.iter().map(|_| histogram()).collect(),
            all: histogram(),
            requests: 0,
            refused: 0,
            errors: 0,
            samples: Vec::new(),
        }
    }
}

/// Hands what a virtual user sees to the tally of its run. All users share one thread: the lock is never waited for.
#[derive(Clone)]
pub(super) struct RequestRecorder {
    tally: Arc<Mutex<RequestTally>>,
    window: Option<Window>,
}

impl RequestRecorder {
    pub(super) fn new(kinds: &[Kind], window: Window) -> Self {
        Self { tally: Arc::new(Mutex::new(RequestTally::new(kinds))), window: Some(window) }
    }

    /// Counts nothing: for what is done before the load begins.
    pub(super) fn idle(kinds: &[Kind]) -> Self {
        Self { tally: Arc::new(Mutex::new(RequestTally::new(kinds))), window: None }
    }

    /// Whether no further request may begin.
    pub(super) fn is_over(&self, moment: Instant) -> bool {
        self.window.is_some_and(|window| moment >= window.closes)
    }

    /// `moment`, or the end of the run if that comes first.
    pub(super) fn no_later(&self, moment: Instant) -> Instant {
        self.window.map_or(moment, |window| moment.min(window.closes))
    }

    /// It was answered as expected: timed where it began inside the window, counted where it ended there.
    pub(super) fn request(&self, kind: usize, began: Instant, ended: Instant) {
        let Some(window) = self.window else { return };
        let mut tally = self.tally();
        if window.holds(began) {
            let latency = ended.saturating_duration_since(began);
            record(&mut tally.of_each[kind], latency);
            record(&mut tally.all, latency);
        }
        if window.holds(ended) {
            tally.requests += 1;
        }
    }

    /// The server said 429 or 503.
    pub(super) fn refused(&self) {
        if self.window.is_some_and(|window| window.holds(clock::now())) {
            self.tally().refused += 1;
        }
    }

    /// Something unexpected happened. No warm-up excuses that.
    pub(super) fn error(&self, text: String) {
        let mut tally = self.tally();
        tally.errors += 1;
        if tally.samples.len() < SAMPLES && !tally.samples.contains(&text) {
            tally.samples.push(text);
        }
    }

    pub(super) fn tally(&self) -> MutexGuard<'_, RequestTally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the tally out, at the end of a run.
    pub(super) fn into_tally(self) -> RequestTally {
        std::mem::replace(&mut self.tally(), RequestTally::new(&[]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: &[Kind] = &[Kind { name: "a", meaning: "" }, Kind { name: "b", meaning: "" }];

    #[test]
    fn a_request_is_timed_where_it_began_and_counted_where_it_ended() {
        let second = Duration::from_secs(1);
        let opens = clock::now() + second * 100;
        // (began, ended), in seconds after the window opens; timed; counted
        let cases = [(-1, 1, 0, 1), (1, 2, 1, 1), (9, 12, 1, 0), (10, 11, 0, 0)];
        for (began, ended, timed, counted) in cases {
            let recorder = RequestRecorder::new(KINDS, Window { opens, closes: opens + second * 10 });
            let at = |seconds: i32| opens - second * 50 + second * u32::try_from(50 + seconds).unwrap();
            recorder.request(1, at(began), at(ended));
            let tally = recorder.into_tally();
            let timed_of_each: Vec<_> = tally.of_each.iter().map(Histogram::len).collect();
            assert_eq!((timed_of_each, tally.all.len(), tally.requests), (vec![0, timed], timed, counted));
        }
    }
}
