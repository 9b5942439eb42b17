//! What a chart shows: named lines of points on two axes. It owns which charts can be made of a run, and no drawing.

use crate::cost::ServerSample;
use crate::percentiles::distribution;
use crate::tally::{Interval, Tally};
use hdrhistogram::Histogram;

/// Lines over two axes.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    pub(crate) title: &'static str,
    /// One sentence: how it is read.
    pub(crate) caption: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) lines: Vec<Line>,
}

/// An axis, and how values lie on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Axis {
    pub(crate) label: &'static str,
    pub(crate) scale: Scale,
}

/// How values lie on an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// From zero.
    Linear,
    /// Powers of ten.
    Logarithmic,
    /// Parts of a whole, the last ones ever wider: 0, 0.9, 0.99, 0.999.
    Nines,
}

/// A line, its name in the legend.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

const SECONDS: Axis = Axis { label: "seconds", scale: Scale::Linear };
const LATENCY: Axis = Axis { label: "milliseconds", scale: Scale::Logarithmic };

impl Chart {
    /// How long requests took from interval to interval.
    pub(crate) fn latency_over_time(title: &'static str, intervals: &[Interval]) -> Option<Self> {
        let line = |name: &str, of: fn(&Interval) -> f64| Line {
            name: name.to_owned(),
            points: intervals
                .iter()
                .filter(|interval| interval.latency.count > 0)
                .map(|interval| (interval.at, of(interval)))
                .collect(),
        };
        let lines = vec![
            line("p50", |interval| interval.latency.p50_ms),
            line("p99", |interval| interval.latency.p99_ms),
            line("slowest", |interval| interval.latency.max_ms),
        ];
        let caption = "Of the requests answered in each interval: half were faster than the first line, 99 of 100 faster than the second.";
        Self { title, caption: caption.to_owned(), x: SECONDS, y: LATENCY, lines }.if_drawable()
    }

    /// What was answered, refused and went wrong, per second.
    pub(crate) fn rate_over_time(title: &'static str, intervals: &[Interval]) -> Option<Self> {
        let line = |name: &str, of: fn(&Interval) -> u64| Line {
            name: name.to_owned(),
            points: intervals
                .iter()
                .filter(|interval| interval.length > 0.0)
                .map(|interval| (interval.at, of(interval) as f64 / interval.length))
                .collect(),
        };
        let mut lines = vec![line("answered", |interval| interval.requests)];
        lines.extend([
            line("refused", |interval| interval.refused),
            line("errors", |interval| interval.errors),
        ]);
        lines.retain(|line| line.name == "answered" || line.points.iter().any(|(_, rate)| *rate > 0.0));
        let y = Axis { label: "requests per second", scale: Scale::Linear };
        Self { title, caption: String::new(), x: SECONDS, y, lines }.if_drawable()
    }

    /// What part of all requests was faster than how long.
    pub(crate) fn distribution(title: &'static str, of: &[(&str, &Histogram<u64>)]) -> Option<Self> {
        let lines = of
            .iter()
            .filter(|(_, histogram)| !histogram.is_empty())
            .map(|(name, histogram)| Line { name: (*name).to_owned(), points: distribution(histogram) })
            .collect();
        let x = Axis { label: "of all requests", scale: Scale::Nines };
        let caption = "How long the slowest took: each step to the right leaves a tenth of the requests.";
        Self { title, caption: caption.to_owned(), x, y: LATENCY, lines }.if_drawable()
    }

    /// The same of every kind of a stream that has any.
    pub(crate) fn distributions(title: &'static str, tally: &Tally, names: &[&str]) -> Option<Self> {
        let of_each: Vec<_> = names
            .iter()
            .enumerate()
            .filter_map(|(kind, name)| Some((*name, tally.histogram_of(kind)?)))
            .collect();
        Self::distribution(title, &of_each)
    }

    /// The server's processor time.
    pub(crate) fn server_cores(samples: &[ServerSample]) -> Option<Self> {
        let points = samples.iter().map(|sample| (sample.at, sample.cores)).collect();
        let y = Axis { label: "cores", scale: Scale::Linear };
        let lines = vec![Line { name: "in use".to_owned(), points }];
        Self { title: "Server: cores in use", caption: String::new(), x: SECONDS, y, lines }.if_drawable()
    }

    /// The server's memory, and its database's write-ahead log if it is known.
    pub(crate) fn server_memory(samples: &[ServerSample]) -> Option<Self> {
        let line = |name: &str, of: fn(&ServerSample) -> Option<f64>| Line {
            name: name.to_owned(),
            points: samples.iter().filter_map(|sample| Some((sample.at, of(sample)?))).collect(),
        };
        let mut lines = vec![line("memory", |sample| Some(sample.memory_mib))];
        lines.push(line("write-ahead log", |sample| sample.log_mib));
        lines.retain(|line| !line.points.is_empty());
        let y = Axis { label: "MiB", scale: Scale::Linear };
        Self { title: "Server: memory and write-ahead log", caption: String::new(), x: SECONDS, y, lines }
            .if_drawable()
    }

    /// A line needs two points.
    pub(crate) fn if_drawable(self) -> Option<Self> {
        self.lines.iter().any(|line| line.points.len() > 1).then_some(self)
    }
}
