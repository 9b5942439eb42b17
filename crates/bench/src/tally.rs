//! What was seen of one stream of load: a histogram for each kind of request, one for all, the counts beside them, and what happened from
//! interval to interval. It owns the rule of what falls inside the window, and does not know how a request is made.

use crate::clock;
use crate::kind::Kind;
use crate::percentiles::{Percentiles, histogram, record};
use crate::window::Window;
use hdrhistogram::Histogram;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many texts of errors are kept.
pub(crate) const SAMPLES: usize = 5;

/// What a stream did between two looks at it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interval {
    /// Its end, in seconds since the window opened.
    pub(crate) at: f64,
    /// Its length, in seconds.
    pub(crate) length: f64,
    /// Requests answered as expected.
    pub(crate) requests: u64,
    /// Answers 429 and 503.
    pub(crate) refused: u64,
    /// Everything unexpected.
    pub(crate) errors: u64,
    /// How long requests took that were answered in it.
    pub(crate) latency: Percentiles,
}

/// Histograms and counts of one stream.
#[derive(Debug)]
pub(crate) struct Tally {
    of_each: Vec<Histogram<u64>>,
    all: Histogram<u64>,
    /// Requests answered as expected inside the window.
    pub(crate) requests: u64,
    /// Whole turns that ended inside the window.
    pub(crate) wholes: u64,
    /// Turns that were due inside the window; only an open loop has any.
    pub(crate) offered: u64,
    pub(crate) refused_429: u64,
    pub(crate) refused_503: u64,
    /// Refusals that did not say when to come back.
    pub(crate) refused_without_retry_after: u64,
    pub(crate) errors: u64,
    pub(crate) samples: Vec<String>,
    /// How late requests were sent that had a time; only an open loop has any.
    pub(crate) lag: Histogram<u64>,
    /// Turns for which every connection was in use.
    pub(crate) crowded: u64,
    pub(crate) intervals: Vec<Interval>,
    since: Since,
}

/// Since the last interval ended.
#[derive(Debug)]
struct Since {
    latency: Histogram<u64>,
    at: f64,
    requests: u64,
    refused: u64,
    errors: u64,
}

impl Tally {
    pub(crate) fn new(kinds: &[Kind]) -> Self {
        Self {
            of_each: kinds.iter().map(|_| histogram()).collect(),
            all: histogram(),
            requests: 0,
            wholes: 0,
            offered: 0,
            refused_429: 0,
            refused_503: 0,
            refused_without_retry_after: 0,
            errors: 0,
            samples: Vec::new(),
            lag: histogram(),
            crowded: 0,
            intervals: Vec::new(),
            since: Since { latency: histogram(), at: 0.0, requests: 0, refused: 0, errors: 0 },
        }
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused_429 + self.refused_503
    }

    /// The latencies of the kind at `kind`.
    pub(crate) fn latency_of(&self, kind: usize) -> Percentiles {
        self.of_each.get(kind).map_or_else(|| Percentiles::of(&histogram()), Percentiles::of)
    }

    /// The histogram of the kind at `kind`.
    pub(crate) fn histogram_of(&self, kind: usize) -> Option<&Histogram<u64>> {
        self.of_each.get(kind)
    }

    /// All requests.
    pub(crate) fn all(&self) -> &Histogram<u64> {
        &self.all
    }

    pub(crate) fn record(&mut self, kind: usize, latency: Duration) {
        record(&mut self.of_each[kind], latency);
    }

    pub(crate) fn error(&mut self, text: String) {
        self.errors += 1;
        if self.samples.len() < SAMPLES && !self.samples.contains(&text) {
            self.samples.push(text);
        }
    }

    /// What the same load saw in a later window is added to this.
    pub(crate) fn add(&mut self, later: Self) {
        let merge = |into: &mut Histogram<u64>, from: &Histogram<u64>| {
            // All have the same bounds.
            let _same = into.add(from);
        };
        self.of_each.iter_mut().zip(&later.of_each).for_each(|(into, from)| merge(into, from));
        merge(&mut self.all, &later.all);
        merge(&mut self.lag, &later.lag);
        self.requests += later.requests;
        self.wholes += later.wholes;
        self.offered += later.offered;
        self.refused_429 += later.refused_429;
        self.refused_503 += later.refused_503;
        self.refused_without_retry_after += later.refused_without_retry_after;
        self.errors += later.errors;
        self.crowded += later.crowded;
        self.samples.extend(later.samples);
        self.samples.truncate(SAMPLES);
        let ended = self.intervals.last().map_or(0.0, |interval| interval.at);
        let moved = |interval: Interval| Interval { at: ended + interval.at, ..interval };
        self.intervals.extend(later.intervals.into_iter().map(moved));
    }

    fn end_interval(&mut self, at: f64) {
        let refused = self.refused();
        let since = &mut self.since;
        self.intervals.push(Interval {
            at,
            length: at - since.at,
            requests: self.requests - since.requests,
            refused: refused - since.refused,
            errors: self.errors - since.errors,
            latency: Percentiles::of(&since.latency),
        });
        since.latency.reset();
        (since.at, since.requests, since.refused, since.errors) = (at, self.requests, refused, self.errors);
    }
}

/// Hands what a virtual user sees to the tally of its stream. All users share one thread: the lock is never waited for.
#[derive(Clone)]
pub(crate) struct Recorder {
    pub(crate) kinds: &'static [Kind],
    tally: Arc<Mutex<Tally>>,
    window: Option<Window>,
}

impl Recorder {
    pub(crate) fn new(kinds: &'static [Kind], window: Window) -> Self {
        Self { kinds, tally: Arc::new(Mutex::new(Tally::new(kinds))), window: Some(window) }
    }

    /// Counts nothing: for what is done before the load begins.
    pub(crate) fn idle(kinds: &'static [Kind]) -> Self {
        Self { kinds, tally: Arc::new(Mutex::new(Tally::new(kinds))), window: None }
    }

    fn holds(&self, moment: Instant) -> bool {
        self.window.is_some_and(|window| window.holds(moment))
    }

    /// Whether no further request may begin.
    pub(crate) fn is_over(&self, moment: Instant) -> bool {
        self.window.is_some_and(|window| moment >= window.closes)
    }

    /// `moment`, or the end of the run if that comes first.
    pub(crate) fn no_later(&self, moment: Instant) -> Instant {
        self.window.map_or(moment, |window| moment.min(window.closes))
    }

    /// It was answered as expected: counted where it ended inside the window; timed where it began there, or where the turn that it is part of
    /// was due there.
    pub(crate) fn request(&self, kind: usize, turn_due: Option<Instant>, (began, ended): (Instant, Instant)) {
        let (is_timed, is_counted) = (self.holds(turn_due.unwrap_or(began)), self.holds(ended));
        if !is_timed && !is_counted {
            return;
        }
        let latency = ended.saturating_duration_since(began);
        let mut tally = self.tally();
        if is_timed {
            tally.record(kind, latency);
            record(&mut tally.all, latency);
            record(&mut tally.since.latency, latency);
        }
        tally.requests += u64::from(is_counted);
    }

    /// A whole turn came to its end: counted where it ended inside the window. Its requests were counted before.
    pub(crate) fn whole(&self, kind: usize, began: Instant, ended: Instant, timed: Timed) {
        let (is_timed, is_counted) = match timed {
            Timed::WhereItEnded => (self.holds(ended), self.holds(ended)),
            Timed::WhereItWasDue => (self.holds(began), self.holds(ended)),
        };
        let mut tally = self.tally();
        if is_timed {
            tally.record(kind, ended.saturating_duration_since(began));
        }
        tally.wholes += u64::from(is_counted);
    }

    /// A turn was due, was sent so much later, and `is_crowded` if every connection was in use.
    pub(crate) fn offered(&self, due: Instant, sent: Instant, is_crowded: bool) {
        if self.holds(due) {
            let mut tally = self.tally();
            tally.offered += 1;
            tally.crowded += u64::from(is_crowded);
            record(&mut tally.lag, sent.saturating_duration_since(due));
        }
    }

    /// The server said 429 or 503 to what belongs to this moment.
    pub(crate) fn refused(&self, moment: Instant, status: u16, says_when: bool) {
        if self.holds(moment) {
            let mut tally = self.tally();
            match status {
                429 => tally.refused_429 += 1,
                _ => tally.refused_503 += 1,
            }
            tally.refused_without_retry_after += u64::from(!says_when);
        }
    }

    /// The same, now.
    pub(crate) fn refused_now(&self, status: u16, says_when: bool) {
        self.refused(clock::now(), status, says_when);
    }

    /// Something unexpected happened. No warm-up excuses that.
    pub(crate) fn error(&self, text: String) {
        self.tally().error(text);
    }

    /// An interval ends, so many seconds after the window opened.
    pub(crate) fn end_interval(&self, at: f64) {
        self.tally().end_interval(at);
    }

    pub(crate) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the tally out, at the end of a run.
    pub(crate) fn into_tally(self) -> Tally {
        std::mem::replace(&mut self.tally(), Tally::new(&[]))
    }
}

/// When the latency of a whole turn counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timed {
    /// Where it ended: a closed loop drops what is under way at the end.
    WhereItEnded,
    /// Where it was due: an open loop follows each turn to its end, so that the slowest are not lost.
    WhereItWasDue,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_later_window_saw_is_added() {
        let of = |count: u64, millis: u64, at: f64| {
            let mut tally = Tally::new(KINDS);
            (tally.requests, tally.refused_429) = (count, 1);
            for _ in 0..count {
                tally.record(1, Duration::from_millis(millis));
                record(&mut tally.all, Duration::from_millis(millis));
            }
            tally.error(format!("after {millis}"));
            tally.end_interval(at);
            tally
        };
        let mut sum = of(3, 10, 2.0);
        sum.add(of(1, 40, 2.5));
        assert_eq!((sum.requests, sum.refused(), sum.errors), (4, 2, 2));
        assert_eq!((sum.latency_of(1).count, sum.latency_of(0).count), (4, 0));
        assert!(sum.latency_of(1).max_ms >= 40.0 && Percentiles::of(sum.all()).p50_ms < 11.0);
        assert_eq!(sum.samples, ["after 10", "after 40"]);
        assert_eq!(sum.intervals.iter().map(|interval| interval.at).collect::<Vec<_>>(), [2.0, 4.5]);
    }

    const KINDS: &[Kind] = &[Kind { name: "a", meaning: "" }, Kind { name: "b", meaning: "" }];

    fn recorder() -> (Recorder, Instant) {
        let opens = clock::now() + Duration::from_secs(100);
        (Recorder::new(KINDS, Window { opens, closes: opens + Duration::from_secs(10) }), opens)
    }

    /// Seconds after the window opens, and perhaps before it.
    fn at(opens: Instant, seconds: i32) -> Instant {
        let second = Duration::from_secs(1);
        opens - second * 50 + second * u32::try_from(50 + seconds).unwrap()
    }

    #[test]
    fn a_request_is_timed_where_it_began_and_counted_where_it_ended() {
        // (began, ended), in seconds after the window opens; timed; counted
        for (began, ended, timed, counted) in [(-1, 1, 0, 1), (1, 2, 1, 1), (9, 12, 1, 0), (10, 11, 0, 0)] {
            let (recorder, opens) = recorder();
            recorder.request(1, None, (at(opens, began), at(opens, ended)));
            let tally = recorder.into_tally();
            let timed_of_each: Vec<_> = tally.of_each.iter().map(Histogram::len).collect();
            assert_eq!((timed_of_each, tally.all.len(), tally.requests), (vec![0, timed], timed, counted));
        }
    }

    #[test]
    fn requests_of_a_turn_that_was_due_in_the_window_are_timed_however_late_they_come() {
        // (due, began, ended); timed; counted
        for (due, began, ended, timed, counted) in [(9, 12, 13, 1, 0), (-1, 1, 2, 0, 1), (10, 12, 13, 0, 0)] {
            let (recorder, opens) = recorder();
            let due = Some(at(opens, due));
            recorder.request(0, due, (at(opens, began), at(opens, ended)));
            let tally = recorder.into_tally();
            assert_eq!((tally.latency_of(0).count, tally.requests), (timed, counted), "{due:?} {began}");
        }
    }

    #[test]
    fn a_whole_turn_is_counted_where_it_ended_and_timed_there_or_where_it_was_due() {
        use Timed::{WhereItEnded, WhereItWasDue};
        let cases = [
            (WhereItEnded, -1, 1, 1, 1),
            (WhereItEnded, 9, 12, 0, 0),
            (WhereItWasDue, -1, 1, 0, 1),
            (WhereItWasDue, 9, 12, 1, 0),
        ];
        for (timed, began, ended, latencies, wholes) in cases {
            let (recorder, opens) = recorder();
            recorder.whole(0, at(opens, began), at(opens, ended), timed);
            let tally = recorder.into_tally();
            assert_eq!((tally.latency_of(0).count, tally.wholes), (latencies, wholes), "{timed:?} {began}");
            assert_eq!((tally.requests, tally.all.len()), (0, 0), "its requests were counted before");
        }
    }

    #[test]
    fn refusals_in_the_warm_up_do_not_count_and_errors_do() {
        let (recorder, opens) = recorder();
        recorder.refused(at(opens, -1), 429, true);
        recorder.error("token: status 500".to_owned());
        recorder.refused(at(opens, 1), 503, false);
        recorder.refused(at(opens, 2), 429, true);
        let tally = recorder.into_tally();
        let refused = (tally.refused_429, tally.refused_503, tally.refused_without_retry_after);
        assert_eq!((refused, tally.errors), ((1, 1, 1), 1));
    }

    #[test]
    fn intervals_add_up_to_the_whole() {
        let (recorder, opens) = recorder();
        let request = |second, millis| {
            let began = at(opens, second);
            recorder.request(0, None, (began, began + Duration::from_millis(millis)));
        };
        request(1, 10);
        request(1, 20);
        recorder.end_interval(2.0);
        request(3, 500);
        recorder.refused(at(opens, 3), 429, true);
        recorder.end_interval(5.0);
        let tally = recorder.into_tally();
        let seen: Vec<_> =
            tally.intervals.iter().map(|one| (one.at, one.length, one.requests, one.refused)).collect();
        assert_eq!(seen, [(2.0, 2.0, 2, 0), (5.0, 3.0, 1, 1)]);
        assert!((tally.intervals[0].latency.max_ms - 20.0).abs() < 0.1);
        assert!(
            (tally.intervals[1].latency.p50_ms - 500.0).abs() < 1.0,
            "an interval forgets the one before"
        );
    }

    #[test]
    fn samples_are_few_and_differ() {
        let mut tally = Tally::new(KINDS);
        for number in 0..40 {
            tally.error(format!("error {}", number / 4));
        }
        assert_eq!(tally.errors, 40);
        assert_eq!(tally.samples, ["error 0", "error 1", "error 2", "error 3", "error 4"]);
    }
}
