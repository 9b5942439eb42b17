//! How often something took how long, or was how much.

use crate::{SEATS, seat};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of durations, in nanoseconds: 1, 2, 5 from 50 us to 5 s, so that a target like "99% within 20 ms" is read exactly.
const DURATIONS: &[u64] = &[
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    20_000_000,
    50_000_000,
    100_000_000,
    200_000_000,
    500_000_000,
    1_000_000_000,
    2_000_000_000,
    5_000_000_000,
];
/// Upper bounds of amounts.
const AMOUNTS: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096];
/// One for each bound, and one for what is beyond all of them.
const PLACES: usize = DURATIONS.len() + 1;

/// Counts values by size. It takes memory for each thread that records, when that does it for the first time.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    seats: [OnceLock<Box<Places>>; SEATS],
}

#[derive(Debug, Default)]
#[repr(align(64))]
struct Places {
    counts: [AtomicU64; PLACES],
    sum: AtomicU64,
}

/// What a histogram held at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reading {
    bounds: &'static [u64],
    counts: [u64; PLACES],
    sum: u64,
}

impl Histogram {
    /// Of durations.
    pub const fn of_durations() -> Self {
        Self { bounds: DURATIONS, seats: [const { OnceLock::new() }; SEATS] }
    }

    /// Of amounts: things in a batch, say.
    pub const fn of_amounts() -> Self {
        Self { bounds: AMOUNTS, seats: [const { OnceLock::new() }; SEATS] }
    }

    /// Records a duration.
    pub fn record(&self, took: Duration) {
        self.record_amount(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Records an amount; of a duration, its nanoseconds.
    pub fn record_amount(&self, amount: u64) {
        let places = self.seats[seat()].get_or_init(Box::default);
        let place = self.bounds.partition_point(|bound| *bound < amount);
        places.counts[place].fetch_add(1, Ordering::Relaxed);
        places.sum.fetch_add(amount, Ordering::Relaxed);
    }

    /// What was recorded until now. While others record, count and sum may be a value apart.
    pub fn read(&self) -> Reading {
        let mut reading = Reading { bounds: self.bounds, ..Reading::default() };
        for places in self.seats.iter().filter_map(OnceLock::get) {
            for (count, place) in reading.counts.iter_mut().zip(&places.counts) {
                *count += place.load(Ordering::Relaxed);
            }
            reading.sum = reading.sum.wrapping_add(places.sum.load(Ordering::Relaxed));
        }
        reading
    }
}

impl Reading {
    /// How many values were recorded.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Their sum; of durations, in nanoseconds.
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// The sum of durations.
    pub fn time(&self) -> Duration {
        Duration::from_nanos(self.sum)
    }

    /// Each upper bound, and how many values were not above it; nothing when nothing was ever set up.
    pub fn up_to(&self) -> impl Iterator<Item = (u64, u64)> {
        self.bounds.iter().zip(&self.counts).scan(0, |below, (bound, count)| {
            *below += count;
            Some((*bound, *below))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_counted_up_to_the_first_bound_that_it_does_not_exceed() {
        let histogram = Histogram::of_durations();
        for nanos in [0, 50_000, 50_001, 20_000_000, 20_000_001, 5_000_000_001] {
            histogram.record(Duration::from_nanos(nanos));
        }
        let reading = histogram.read();
        let up_to = |wanted| reading.up_to().find(|(bound, _)| *bound == wanted).map(|(_, count)| count);
        assert_eq!((up_to(50_000), up_to(100_000)), (Some(2), Some(3)));
        assert_eq!((up_to(20_000_000), up_to(50_000_000), up_to(5_000_000_000)), (Some(4), Some(5), Some(5)));
        assert_eq!((reading.count(), reading.sum()), (6, 5_040_100_003));
    }

    #[test]
    fn threads_record_side_by_side_and_the_reading_holds_all() {
        let histogram = Histogram::of_amounts();
        std::thread::scope(|scope| {
            for amount in 0..16_u64 {
                let histogram = &histogram;
                scope.spawn(move || (0..100).for_each(|_| histogram.record_amount(amount)));
            }
        });
        let reading = histogram.read();
        assert_eq!((reading.count(), reading.sum()), (1_600, 100 * 120));
        let bounds: Vec<(u64, u64)> = reading.up_to().take(5).collect();
        assert_eq!(bounds, [(1, 200), (2, 300), (4, 500), (8, 900), (16, 1_600)]);
    }

    #[test]
    fn a_histogram_nobody_records_in_holds_nothing() {
        let histogram = Histogram::of_durations();
        assert_eq!((histogram.read().count(), std::mem::size_of_val(&histogram) <= 256), (0, true));
    }
}
