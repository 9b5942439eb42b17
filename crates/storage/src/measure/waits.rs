//! How long callers waited: a histogram of nanoseconds, and what is told of it. Knows no clock.

use hdrhistogram::Histogram;
use std::time::Duration;

/// Beyond two minutes, waits are all the same: too long. Nanoseconds.
const LONGEST: u64 = 120_000_000_000;

/// Waits, as many as there are.
#[derive(Debug, Clone)]
pub(super) struct Waits(Histogram<u64>);

/// What waits came to. Of no wait at all, everything is zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Latency {
    /// How many there were.
    pub count: u64,
    /// Half of them were no longer.
    pub p50: Duration,
    /// All but one in a hundred were no longer.
    pub p99: Duration,
    /// All but one in a thousand were no longer.
    pub p999: Duration,
    /// The longest.
    pub worst: Duration,
}

impl Waits {
    /// Three significant digits.
    #[expect(clippy::expect_used, reason = "the bounds are constants, and every test makes one")]
    pub(super) fn new() -> Self {
        Self(
            Histogram::new_with_bounds(1, LONGEST, 3)
                .expect("1 is less than half of LONGEST and 3 digits are at most 5"),
        )
    }

    pub(super) fn record(&mut self, wait: Duration) {
        self.0.saturating_record(u64::try_from(wait.as_nanos()).unwrap_or(LONGEST).clamp(1, LONGEST));
    }

    pub(super) fn add(&mut self, other: &Self) {
        // Every one has the same bounds.
        let _same = self.0.add(&other.0);
    }

    pub(super) fn latency(&self) -> Latency {
        let at = |quantile| Duration::from_nanos(self.0.value_at_quantile(quantile));
        Latency {
            count: self.0.len(),
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
            worst: Duration::from_nanos(self.0.max()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_all_that_was_added() {
        let (mut some, mut others) = (Waits::new(), Waits::new());
        (1..=500).for_each(|millis| some.record(Duration::from_millis(millis)));
        (501..=1_000).for_each(|millis| others.record(Duration::from_millis(millis)));
        some.add(&others);
        let latency = some.latency();
        assert_eq!(latency.count, 1_000);
        for (found, millis) in
            [(latency.p50, 500), (latency.p99, 990), (latency.p999, 999), (latency.worst, 1_000)]
        {
            assert!(found.abs_diff(Duration::from_millis(millis)) < Duration::from_millis(2), "{latency:?}");
        }
        assert_eq!(Waits::new().latency(), Latency::default());
        some.record(Duration::from_secs(100_000));
        assert!(some.latency().worst <= Duration::from_secs(121));
    }
}
