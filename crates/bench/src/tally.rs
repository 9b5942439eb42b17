//! What was seen: one histogram per step and the counts beside them. It owns the rule of what falls inside the window,
//! and does not know how a step is made.

use crate::clock;
use crate::window::Window;
use hdrhistogram::Histogram;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many texts of errors are kept.
pub(crate) const SAMPLES: usize = 5;
/// The range of the histograms, in microseconds: a longer latency is kept as the longest.
const LONGEST: u64 = 300_000_000;

/// The parts of an iteration, the iteration itself, and the requests made beside the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// GET the authorization endpoint until the sign-in page stands there.
    Authorize,
    /// POST the sign-in form until the answer stands there: this one waits for the password hash.
    SignIn,
    /// POST the consent form, where the server asks.
    Consent,
    /// The authorization code for tokens.
    Token,
    /// Introspection of the access token.
    Introspect,
    /// The refresh token for new tokens.
    Refresh,
    /// All of it, from the first byte sent to the last one received.
    Iteration,
    /// An introspection beside the load, timed from when it was due.
    BystanderIntrospect,
    /// A refresh beside the load, timed from when it was due.
    BystanderRefresh,
}

impl Step {
    /// Every step, in the order of a report.
    pub const ALL: [Self; 9] = [
        Self::Authorize,
        Self::SignIn,
        Self::Consent,
        Self::Token,
        Self::Introspect,
        Self::Refresh,
        Self::Iteration,
        Self::BystanderIntrospect,
        Self::BystanderRefresh,
    ];

    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::SignIn => "sign_in",
            Self::Consent => "consent",
            Self::Token => "token",
            Self::Introspect => "introspect",
            Self::Refresh => "refresh",
            Self::Iteration => "iteration",
            Self::BystanderIntrospect => "bystander_introspect",
            Self::BystanderRefresh => "bystander_refresh",
        }
    }

    /// What it stands for, for people.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Authorize => "GET the sign-in page",
            Self::SignIn => "POST the sign-in form: waits for a password hash",
            Self::Consent => "POST the consent form",
            Self::Token => "authorization code for tokens",
            Self::Introspect => "introspection of the access token",
            Self::Refresh => "refresh token for new tokens",
            Self::Iteration => "all of the above, one after another",
            Self::BystanderIntrospect => "introspection beside the load, from when it was due",
            Self::BystanderRefresh => "refresh beside the load, from when it was due",
        }
    }
}

/// The latencies of one step, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percentiles {
    /// How many were recorded.
    pub count: u64,
    /// Half were faster.
    pub p50_ms: f64,
    /// 95 of 100 were faster.
    pub p95_ms: f64,
    /// 99 of 100 were faster.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

impl Percentiles {
    pub(crate) fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
        Self {
            count: histogram.len(),
            p50_ms: at(0.50),
            p95_ms: at(0.95),
            p99_ms: at(0.99),
            max_ms: histogram.max() as f64 / 1000.0,
        }
    }
}

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
    pub(crate) tally: Tally,
}

impl SignInMeasurement {
    /// Iterations completed inside the window.
    #[must_use]
    pub fn iterations(&self) -> u64 {
        self.tally.iterations()
    }

    /// The same, per second.
    #[must_use]
    pub fn iterations_per_second(&self) -> f64 {
        self.iterations() as f64 / self.duration.as_secs_f64()
    }

    /// Everything that was not expected.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.tally.errors
    }

    /// The texts of the first few errors; no token, code or password is in them.
    #[must_use]
    pub fn error_samples(&self) -> &[String] {
        &self.tally.samples
    }

    /// Answers 429.
    #[must_use]
    pub fn refused_429(&self) -> u64 {
        self.tally.refused_429
    }

    /// Answers 503.
    #[must_use]
    pub fn refused_503(&self) -> u64 {
        self.tally.refused_503
    }

    /// Answers 429 and 503 to bystanders; they are in the two numbers above too.
    #[must_use]
    pub fn bystander_refused(&self) -> u64 {
        self.tally.bystander_refused
    }

    /// The latencies of `step`, all zero where none was recorded.
    #[must_use]
    pub fn step(&self, step: Step) -> Percentiles {
        self.tally.percentiles(step)
    }
}

/// Histograms and counts of one run.
#[derive(Debug)]
pub(crate) struct Tally {
    histograms: [Histogram<u64>; Step::ALL.len()],
    pub(crate) errors: u64,
    pub(crate) samples: Vec<String>,
    pub(crate) refused_429: u64,
    pub(crate) refused_503: u64,
    pub(crate) bystander_refused: u64,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            histograms: std::array::from_fn(|_| histogram()),
            errors: 0,
            samples: Vec::new(),
            refused_429: 0,
            refused_503: 0,
            bystander_refused: 0,
        }
    }

    pub(crate) fn record(&mut self, step: Step, latency: Duration) {
        record(&mut self.histograms[step as usize], latency);
    }

    pub(crate) fn error(&mut self, text: String) {
        self.errors += 1;
        if self.samples.len() < SAMPLES && !self.samples.contains(&text) {
            self.samples.push(text);
        }
    }

    pub(crate) fn iterations(&self) -> u64 {
        self.histograms[Step::Iteration as usize].len()
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused_429 + self.refused_503
    }

    fn percentiles(&self, step: Step) -> Percentiles {
        Percentiles::of(&self.histograms[step as usize])
    }
}

pub(crate) fn record(histogram: &mut Histogram<u64>, latency: Duration) {
    let micros = u64::try_from(latency.as_micros()).unwrap_or(LONGEST);
    histogram.saturating_record(micros.clamp(1, LONGEST));
}

/// Three significant digits; some 150 KiB, which is why a run has one set of them and not one per user.
#[expect(clippy::expect_used, reason = "the bounds are constants, and every test makes one")]
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST, 3)
        .expect("1 is less than half of LONGEST and 3 digits are at most 5")
}

/// Hands what a virtual user sees to the tally of its run. A lock per step costs nothing at a few thousand a second.
#[derive(Clone)]
pub(crate) struct Recorder {
    tally: Arc<Mutex<Tally>>,
    window: Option<Window>,
}

impl Recorder {
    pub(crate) fn new(window: Window) -> Self {
        Self { tally: Arc::new(Mutex::new(Tally::new())), window: Some(window) }
    }

    /// Counts nothing: for what is done before the load begins.
    pub(crate) fn idle() -> Self {
        Self { tally: Arc::new(Mutex::new(Tally::new())), window: None }
    }

    /// Whether no further step may begin.
    pub(crate) fn is_over(&self, moment: Instant) -> bool {
        self.window.is_some_and(|window| moment >= window.closes)
    }

    /// A step succeeded; it counts where it began (or was due) inside the window.
    pub(crate) fn step(&self, step: Step, began: Instant, ended: Instant) {
        if self.window.is_some_and(|window| window.holds(began)) {
            self.tally().record(step, ended.saturating_duration_since(began));
        }
    }

    /// A whole iteration succeeded; it counts where it ended inside the window.
    pub(crate) fn iteration(&self, began: Instant, ended: Instant) {
        if self.window.is_some_and(|window| window.holds(ended)) {
            self.tally().record(Step::Iteration, ended.saturating_duration_since(began));
        }
    }

    /// The server said 429 or 503.
    pub(crate) fn refused(&self, status: u16, bystander: bool) {
        if self.window.is_some_and(|window| window.holds(clock::now())) {
            let mut tally = self.tally();
            match status {
                429 => tally.refused_429 += 1,
                _ => tally.refused_503 += 1,
            }
            tally.bystander_refused += u64::from(bystander);
        }
    }

    /// Something unexpected happened. No warm-up excuses that.
    pub(crate) fn error(&self, text: String) {
        self.tally().error(text);
    }

    pub(crate) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the tally out, at the end of a run.
    pub(crate) fn into_tally(self) -> Tally {
        std::mem::replace(&mut self.tally(), Tally::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorder() -> (Recorder, Instant) {
        let opens = clock::now() + Duration::from_secs(100);
        (Recorder::new(Window { opens, closes: opens + Duration::from_secs(10) }), opens)
    }

    #[test]
    fn a_step_counts_where_it_began_and_an_iteration_where_it_ended() {
        let (recorder, opens) = recorder();
        let second = Duration::from_secs(1);
        // (began, ended), in seconds after the window opens; step counts; iteration counts
        let cases = [(-1, 1, false, true), (1, 2, true, true), (9, 12, true, false), (10, 11, false, false)];
        for (began, ended, step, iteration) in cases {
            let at = |seconds: i32| opens - second * 50 + second * u32::try_from(50 + seconds).unwrap();
            let before = |step| recorder.tally().percentiles(step).count;
            let (steps, iterations) = (before(Step::Token), recorder.tally().iterations());
            recorder.step(Step::Token, at(began), at(ended));
            recorder.iteration(at(began), at(ended));
            assert_eq!(before(Step::Token) - steps, u64::from(step), "step {began}..{ended}");
            assert_eq!(
                recorder.tally().iterations() - iterations,
                u64::from(iteration),
                "iteration {began}..{ended}"
            );
        }
    }

    #[test]
    fn refusals_in_the_warm_up_do_not_count_and_errors_do() {
        let (recorder, _) = recorder();
        recorder.refused(429, false);
        recorder.error("token: status 500".to_owned());
        let tally = recorder.into_tally();
        assert_eq!((tally.refused(), tally.errors), (0, 1));
    }

    #[test]
    fn samples_are_few_and_differ() {
        let mut tally = Tally::new();
        for number in 0..40 {
            tally.error(format!("error {}", number / 4));
        }
        assert_eq!(tally.errors, 40);
        assert_eq!(tally.samples, ["error 0", "error 1", "error 2", "error 3", "error 4"]);
    }

    #[test]
    fn percentiles_are_within_a_thousandth_and_the_maximum_is_kept() {
        let mut tally = Tally::new();
        for micros in 1..=100_000 {
            tally.record(Step::SignIn, Duration::from_micros(micros));
        }
        let seen = tally.percentiles(Step::SignIn);
        for (value, expected) in
            [(seen.p50_ms, 50.0), (seen.p95_ms, 95.0), (seen.p99_ms, 99.0), (seen.max_ms, 100.0)]
        {
            assert!((value - expected).abs() / expected < 0.001, "{value} is not {expected}");
        }
        assert_eq!(tally.percentiles(Step::Consent).count, 0);
    }
}
