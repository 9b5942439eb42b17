//! From values to places: where a value lies between the ends of an axis, and which values are written beside it. It owns scales and ticks, and
//! draws nothing.

use crate::chart::Scale;

/// An axis from end to end.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    scale: Scale,
    low: f64,
    high: f64,
    /// The values that are written, and how.
    pub(super) ticks: Vec<(f64, String)>,
}

/// About so many numbers along a linear axis.
const TICKS: f64 = 5.0;
/// What is drawn on a logarithmic axis where a value is zero or less.
const LEAST: f64 = 1e-3;

impl Frame {
    /// An axis on which all of `values` have a place.
    pub(super) fn around(scale: Scale, values: impl Iterator<Item = f64> + Clone) -> Self {
        let most = values.clone().filter(|value| value.is_finite()).fold(f64::MIN, f64::max);
        let least = values.filter(|value| value.is_finite()).fold(f64::MAX, f64::min);
        match scale {
            Scale::Linear => Self::linear(most),
            Scale::Logarithmic => Self::logarithmic(least.max(LEAST), most.max(LEAST)),
            Scale::Nines => Self::nines(most),
        }
    }

    fn linear(most: f64) -> Self {
        let most = if most > 0.0 { most } else { 1.0 };
        let step = step(most);
        let count = (most / step).ceil();
        let ticks =
            (0..=count as u32).map(|number| f64::from(number) * step).map(|value| (value, short(value)));
        Self { scale: Scale::Linear, low: 0.0, high: count * step, ticks: ticks.collect() }
    }

    fn logarithmic(least: f64, most: f64) -> Self {
        let low = least.log10().floor();
        let high = most.log10().ceil().max(low + 1.0);
        let within = if high - low > 2.0 { &[1.0][..] } else { &[1.0, 2.0, 5.0] };
        let mut ticks = Vec::new();
        for decade in low as i32..=high as i32 {
            let values = within.iter().map(|digit| digit * 10_f64.powi(decade));
            ticks.extend(
                values.filter(|value| value.log10() <= high + 1e-9).map(|value| (value, short(value))),
            );
        }
        Self { scale: Scale::Logarithmic, low, high, ticks }
    }

    fn nines(most: f64) -> Self {
        let high = nines_of(most).max(1.0);
        let mut ticks = vec![(0.0, "0%".to_owned())];
        for nines in 1..=high.floor() as i32 {
            let value = 1.0 - 10_f64.powi(-nines);
            // 90%, 99%, 99.9%: as many digits as there are nines.
            let digits = usize::try_from(nines - 2).unwrap_or_default();
            ticks.push((value, format!("{:.digits$}%", value * 100.0)));
        }
        Self { scale: Scale::Nines, low: 0.0, high, ticks }
    }

    /// Where it lies: 0 at the lower end, 1 at the upper one.
    pub(super) fn place(&self, value: f64) -> f64 {
        let value = match self.scale {
            Scale::Linear => value,
            Scale::Logarithmic => value.max(LEAST).log10(),
            Scale::Nines => nines_of(value),
        };
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }
}

/// 0.9 has one, 0.99 two.
fn nines_of(part: f64) -> f64 {
    -(1.0 - part.clamp(0.0, 1.0 - 1e-9)).log10()
}

/// 1, 2 or 5 times a power of ten, so that about so many fit.
fn step(most: f64) -> f64 {
    let rough = most / TICKS;
    let power = 10_f64.powf(rough.log10().floor());
    let digit = [1.0, 2.0, 5.0].into_iter().find(|digit| digit * power >= rough * 0.999).unwrap_or(10.0);
    digit * power
}

/// A number in few characters: `0.05`, `2.5`, `1,500`, `20k`, `3M`.
pub(super) fn short(value: f64) -> String {
    let trimmed = |text: String| {
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
    };
    match value.abs() {
        size if size >= 1e6 => format!("{}M", trimmed(format!("{:.1}", value / 1e6))),
        size if size >= 1e4 => format!("{}k", trimmed(format!("{:.1}", value / 1e3))),
        size if size >= 1e3 => format!("{},{:03.0}", (value / 1e3).trunc(), value.abs() % 1e3),
        size if size >= 10.0 => trimmed(format!("{value:.1}")),
        _ => trimmed(format!("{value:.3}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(scale: Scale, values: &[f64]) -> String {
        let ticks = Frame::around(scale, values.iter().copied()).ticks;
        ticks.iter().map(|(_, label)| label.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn axes_are_labelled_with_round_numbers() {
        assert_eq!(labels(Scale::Linear, &[1.0, 30.0]), "0 10 20 30");
        assert_eq!(labels(Scale::Linear, &[46_300.0]), "0 10k 20k 30k 40k 50k");
        assert_eq!(labels(Scale::Linear, &[0.0]), "0 0.2 0.4 0.6 0.8 1");
        assert_eq!(labels(Scale::Logarithmic, &[0.4, 900.0]), "0.1 1 10 100 1,000");
        assert_eq!(labels(Scale::Logarithmic, &[1.5, 8.0]), "1 2 5 10");
        assert_eq!(labels(Scale::Nines, &[0.0, 0.9995]), "0% 90% 99% 99.9%");
        assert_eq!(labels(Scale::Linear, &[]), "0 0.2 0.4 0.6 0.8 1");
    }

    proptest! {
        #[test]
        fn every_value_has_a_place_and_greater_ones_are_further(
            mut values in prop::collection::vec(0.0_f64..1e7, 2..20),
            scale in prop::sample::select(vec![Scale::Linear, Scale::Logarithmic]),
        ) {
            let frame = Frame::around(scale, values.iter().copied());
            values.sort_by(f64::total_cmp);
            let places: Vec<_> = values.iter().map(|value| frame.place(*value)).collect();
            prop_assert!(places.windows(2).all(|pair| pair[0] <= pair[1]), "{places:?}");
            prop_assert!(places.iter().all(|place| (0.0..=1.0).contains(place)), "{places:?}");
            prop_assert!(frame.ticks.len() >= 2 && frame.ticks.len() < 14, "{:?}", frame.ticks);
        }
    }
}
