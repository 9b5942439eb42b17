//! The OpenMetrics text format (<https://prometheus.io/docs/specs/om/open_metrics_spec/>), which Prometheus reads. Knows the format, and no
//! metric.

use super::list::Readings;
use super::metric::{Kind, Metric};
use meter::Reading;
use std::fmt::{Display, Write as _};

/// Every metric that has a value now.
pub(super) fn write(metrics: &[Metric], readings: &Readings<'_>) -> String {
    let mut text = String::with_capacity(32 * 1024);
    for metric in metrics.iter().filter(|metric| metric.only.holds(readings)) {
        (metric.read)(readings, &mut Samples { text: &mut text, metric, begun: false });
    }
    text.push_str("# EOF\n");
    text
}

/// Where one metric's values go.
pub(super) struct Samples<'a> {
    text: &'a mut String,
    metric: &'a Metric,
    begun: bool,
}

impl Samples<'_> {
    /// The only value of a metric without labels.
    pub(super) fn put(&mut self, value: impl Display) {
        self.put_with(&[], value);
    }

    /// One value; `labels` are the values of the metric's labels, in their order.
    pub(super) fn put_with(&mut self, labels: &[&str], value: impl Display) {
        self.begin();
        self.line("", labels, None, value);
    }

    /// A histogram without labels.
    pub(super) fn put_all(&mut self, reading: &Reading) {
        self.put_all_with(&[], reading);
    }

    /// A histogram. Durations are nanoseconds there and seconds here.
    pub(super) fn put_all_with(&mut self, labels: &[&str], reading: &Reading) {
        self.begin();
        let seconds = self.metric.unit() == Some("seconds");
        let mut total = 0;
        for (bound, count) in reading.up_to() {
            let bound = if seconds { decimal(bound) } else { format!("{bound}.0") };
            self.line("_bucket", labels, Some(&bound), count);
            total = count;
        }
        // Read once: a value that arrives meanwhile must not be in one of them only.
        let total = total.max(reading.count());
        self.line("_bucket", labels, Some("+Inf"), total);
        self.line("_count", labels, None, total);
        let sum = if seconds { decimal(reading.sum()) } else { reading.sum().to_string() };
        self.line("_sum", labels, None, sum);
    }

    fn begin(&mut self) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let metric = self.metric;
        let family = metric.family();
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        // A string takes whatever is written to it.
        let _ = write!(self.text, "# HELP {family} {}\n# TYPE {family} {kind}\n", metric.help);
        if let Some(unit) = metric.unit() {
            let _ = writeln!(self.text, "# UNIT {family} {unit}");
        }
    }

    fn line(&mut self, suffix: &str, labels: &[&str], bound: Option<&str>, value: impl Display) {
        self.text.push_str(self.metric.name);
        self.text.push_str(suffix);
        let names = self.metric.labels.iter().copied().chain(bound.is_some().then_some("le"));
        let mut between = '{';
        for (name, value) in names.zip(labels.iter().copied().chain(bound)) {
            let _ = write!(self.text, "{between}{name}=\"{}\"", Escaped(value));
            between = ',';
        }
        if between == ',' {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }
}

/// Nanoseconds as seconds, exactly.
fn decimal(nanos: u64) -> String {
    let (whole, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let text = format!("{whole}.{rest:09}");
    let digits = text.trim_end_matches('0');
    if digits.ends_with('.') { format!("{digits}0") } else { digits.to_owned() }
}

/// A label's value.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\\' => f.write_str("\\\\"),
            '"' => f.write_str("\\\""),
            '\n' => f.write_str("\\n"),
            c => f.write_char(c),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::metric::Only;
    use super::*;
    use std::time::Duration;

    #[test]
    fn seconds_are_written_exactly_and_labels_cannot_end_early() {
        for (nanos, text) in [
            (0, "0.0"),
            (50_000, "0.00005"),
            (20_000_000, "0.02"),
            (5_000_000_000, "5.0"),
            (1_000_000_001, "1.000000001"),
        ] {
            assert_eq!(decimal(nanos), text);
        }
        assert_eq!(Escaped("a\"b\\c\nd").to_string(), r#"a\"b\\c\nd"#);
    }

    #[test]
    fn a_histogram_is_its_buckets_their_count_and_their_sum() {
        let metric = Metric {
            name: "some_duration_seconds",
            kind: Kind::Histogram,
            help: "Some time",
            labels: &["what"],
            only: Only::Always,
            read: |_, _| {},
        };
        let histogram = meter::Histogram::of_durations();
        histogram.record(Duration::from_millis(15));
        histogram.record(Duration::from_secs(7));
        let mut text = String::new();
        let mut samples = Samples { text: &mut text, metric: &metric, begun: false };
        samples.put_all_with(&["x"], &histogram.read());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[..4],
            [
                "# HELP some_duration_seconds Some time",
                "# TYPE some_duration_seconds histogram",
                "# UNIT some_duration_seconds seconds",
                "some_duration_seconds_bucket{what=\"x\",le=\"0.00005\"} 0"
            ]
        );
        for line in [
            "some_duration_seconds_bucket{what=\"x\",le=\"0.02\"} 1",
            "some_duration_seconds_bucket{what=\"x\",le=\"+Inf\"} 2",
            "some_duration_seconds_count{what=\"x\"} 2",
            "some_duration_seconds_sum{what=\"x\"} 7.015",
        ] {
            assert!(lines.contains(&line), "{line}\n{text}");
        }
    }
}
