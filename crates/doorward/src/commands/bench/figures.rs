//! How the measures on this machine read numbers and show figures: times, bytes, counts, ratios. Knows no measure.

use std::time::Duration;

pub(super) fn ratio(of: Duration, to: Duration) -> f64 {
    of.as_secs_f64() / to.as_secs_f64().max(1e-9)
}

pub(super) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Three digits and a unit.
pub(super) fn time(time: Duration) -> String {
    let (value, unit) = match time.as_nanos() {
        0..1_000_000 => (micros(time), "us"),
        1_000_000..1_000_000_000 => (micros(time) / 1e3, "ms"),
        _ => (time.as_secs_f64(), "s"),
    };
    let decimals = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.decimals$} {unit}")
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
pub(super) fn bytes(count: u64) -> String {
    match count {
        0..1_000_000 => format!("{:.0} kB", count as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.0} MB", count as f64 / 1e6),
        _ => format!("{:.1} GB", count as f64 / 1e9),
    }
}

/// `10000`, `10k` or `10M`.
pub(super) fn count(text: &str) -> Result<u64, String> {
    let (digits, times) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1_000),
        None => text.strip_suffix(['m', 'M']).map_or((text, 1), |digits| (digits, 1_000_000)),
    };
    let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(times));
    number.filter(|number| *number <= 1_000_000_000).ok_or_else(|| {
        "a number is expected, such as 10000, 10k or 1M, and no more than a thousand million".to_owned()
    })
}

/// From a fiftieth of a second to an hour.
pub(super) fn seconds(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| (0.02..=3_600.0).contains(number));
    number.ok_or_else(|| "from 0.02 to 3600 seconds".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_and_written_as_people_do() {
        for (text, number) in [("0", 0), ("10000", 10_000), ("10k", 10_000), ("10M", 10_000_000)] {
            assert_eq!(count(text), Ok(number));
        }
        for wrong in ["", "k", "-1", "1.5M", "2000M", "10G", "99999999999999999999k"] {
            assert!(count(wrong).is_err(), "{wrong}");
        }
        assert_eq!([900, 2_500_000, 18_240_000_000].map(bytes), ["1 kB", "2 MB", "18.2 GB"]);
        let times = [0, 940, 12_345, 999_400, 1_230_000, 2_500_000_000].map(Duration::from_nanos);
        assert_eq!(times.map(time), ["0.00 us", "0.94 us", "12.3 us", "999 us", "1.23 ms", "2.50 s"]);
        assert!(seconds("0.02").is_ok() && seconds("0").is_err() && seconds("NaN").is_err());
    }
}
