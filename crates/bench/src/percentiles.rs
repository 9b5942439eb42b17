//! Latencies in histograms, and what is read from them. It owns their range and precision (HDR: three significant digits).

use hdrhistogram::Histogram;
use std::time::Duration;

/// The range of the histograms, in microseconds: a longer latency is kept as the longest.
const LONGEST: u64 = 300_000_000;

/// The latencies of one kind of request, in milliseconds.
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
    /// 999 of 1000 were faster.
    pub p999_ms: f64,
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
            p999_ms: at(0.999),
            max_ms: histogram.max() as f64 / 1000.0,
        }
    }
}

/// Up to which part of all latencies a distribution is drawn; each further step halves what is left.
const FINEST: f64 = 1e-5;

/// What part of all was faster than how many milliseconds, ever finer towards the slowest.
pub(crate) fn distribution(histogram: &Histogram<u64>) -> Vec<(f64, f64)> {
    if histogram.is_empty() {
        return Vec::new();
    }
    let finest = FINEST.max(1.0 / histogram.len() as f64);
    let mut points = Vec::new();
    let mut left: f64 = 1.0;
    while left > finest {
        let quantile = 1.0 - left;
        points.push((quantile, histogram.value_at_quantile(quantile) as f64 / 1000.0));
        left *= 0.8;
    }
    points.push((1.0 - finest, histogram.max() as f64 / 1000.0));
    points
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_a_thousandth_and_the_maximum_is_kept() {
        let mut histogram = histogram();
        for micros in 1..=100_000 {
            record(&mut histogram, Duration::from_micros(micros));
        }
        let seen = Percentiles::of(&histogram);
        for (value, expected) in [
            (seen.p50_ms, 50.0),
            (seen.p95_ms, 95.0),
            (seen.p99_ms, 99.0),
            (seen.p999_ms, 99.9),
            (seen.max_ms, 100.0),
        ] {
            assert!((value - expected).abs() / expected < 0.001, "{value} is not {expected}");
        }
    }

    #[test]
    fn a_distribution_rises_and_ends_with_the_slowest() {
        let mut histogram = histogram();
        assert_eq!(distribution(&histogram), []);
        for micros in 1..=10_000 {
            record(&mut histogram, Duration::from_micros(micros));
        }
        let points = distribution(&histogram);
        assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1), "{points:?}");
        let (quantile, milliseconds) = points[points.len() - 1];
        assert!((quantile - 0.9999).abs() < 1e-9 && (milliseconds - 10.0).abs() < 0.01, "{points:?}");
    }
}
