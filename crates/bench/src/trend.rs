//! Whether something grows without bound: the last quarter of a long run beside its second one. It owns that judgement; what is looked at is the
//! caller's.

/// A run with fewer samples is too short to judge.
const FEWEST: usize = 12;

/// What became of one number over a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Trend {
    /// What it is a number of.
    pub name: &'static str,
    /// The median of the second quarter: the first one is the way there.
    pub early: f64,
    /// The median of the last quarter.
    pub late: f64,
    /// Whether that is growth that does not end by itself.
    pub grows: bool,
}

/// What growth is: by more than a quarter, and by more than what noise explains.
pub(crate) struct Allowance(pub(crate) f64);

impl Trend {
    /// `None` when there are too few samples.
    pub(crate) fn of(name: &'static str, samples: &[f64], Allowance(noise): Allowance) -> Option<Self> {
        if samples.len() < FEWEST {
            return None;
        }
        let quarter = samples.len() / 4;
        let of_quarter = |number: usize| median(&samples[number * quarter..(number + 1) * quarter]);
        let (early, between) = (of_quarter(1), of_quarter(2));
        let late = median(&samples[samples.len() - quarter..]);
        // Going on: what rose once and stayed is not growing.
        let rises = early < between && between < late;
        Some(Self { name, early, late, grows: rises && late > early * 1.25 + noise })
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grows(of: impl Fn(f64) -> f64) -> bool {
        let samples: Vec<_> = (0..60).map(|minute| of(f64::from(minute))).collect();
        Trend::of("memory", &samples, Allowance(8.0)).unwrap().grows
    }

    #[test]
    fn what_rises_to_a_level_is_fine_and_what_goes_on_rising_is_not() {
        assert!(!grows(|_| 30.0), "level");
        assert!(!grows(|minute| 30.0 + 40.0 * (1.0 - (-minute / 4.0).exp())), "warms up");
        assert!(!grows(|minute| if minute < 40.0 { 30.0 } else { 60.0 }), "rose once");
        assert!(!grows(|minute| 30.0 + 10.0 * (minute / 3.0).sin()), "goes up and down");
        assert!(!grows(|minute| 30.0 + 0.1 * minute), "within what noise explains");
        assert!(grows(|minute| 30.0 + minute), "a leak");
        assert!(!grows(|minute| 90.0 - minute), "shrinks");
        assert_eq!(Trend::of("memory", &[1.0; 11], Allowance(8.0)), None);
    }

    proptest! {
        #[test]
        fn noise_around_a_level_never_grows(samples in prop::collection::vec(30.0_f64..37.0, 12..200)) {
            prop_assert!(!Trend::of("memory", &samples, Allowance(8.0)).unwrap().grows);
        }
    }
}
