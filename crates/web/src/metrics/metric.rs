//! What a metric is: a name, a kind, what it means, and where its value is read. Knows no metric.

use super::exposition::Samples;
use super::list::Readings;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only grows.
    Counter,
    Gauge,
    Histogram,
}

/// When a metric has values at all.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Only {
    Always,
    Sqlite,
    DatabaseServer,
    Backup,
    Workers,
    Linux,
}

impl Only {
    pub(super) fn holds(self, r: &Readings<'_>) -> bool {
        match self {
            Self::Always => true,
            Self::Sqlite => r.provider.store.is_file,
            Self::DatabaseServer => !r.provider.store.is_file,
            Self::Backup => r.provider.shipping.is_some(),
            Self::Workers => !r.provider.remotes.is_empty(),
            Self::Linux => r.system.process.is_some(),
        }
    }
}

pub(super) struct Metric {
    /// As one queries it; a histogram adds its suffixes.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
    pub(super) labels: &'static [&'static str],
    pub(super) only: Only,
    pub(super) read: fn(&Readings<'_>, &mut Samples<'_>),
}

impl Metric {
    /// The family's name in the text format: a counter's without `_total`.
    pub(super) fn family(&self) -> &'static str {
        self.name.strip_suffix("_total").unwrap_or(self.name)
    }

    /// The unit, which the name ends in.
    pub(super) fn unit(&self) -> Option<&'static str> {
        ["seconds", "bytes"].into_iter().find(|unit| self.family().ends_with(&format!("_{unit}")))
    }

    #[cfg(test)]
    pub(super) fn queried_names(&self) -> Vec<String> {
        let suffixes: &[&str] = match self.kind {
            Kind::Histogram => &["_bucket", "_count", "_sum"],
            Kind::Counter | Kind::Gauge => &[""],
        };
        suffixes.iter().map(|suffix| format!("{}{suffix}", self.name)).collect()
    }

    pub(super) const fn of(&self, labels: &'static [&'static str]) -> Self {
        Self { labels, name: self.name, kind: self.kind, help: self.help, only: self.only, read: self.read }
    }

    pub(super) const fn only(&self, only: Only) -> Self {
        Self { only, name: self.name, kind: self.kind, help: self.help, labels: self.labels, read: self.read }
    }
}

type Read = fn(&Readings<'_>, &mut Samples<'_>);

pub(super) const fn counter(name: &'static str, help: &'static str, read: Read) -> Metric {
    Metric { name, kind: Kind::Counter, help, labels: &[], only: Only::Always, read }
}

pub(super) const fn gauge(name: &'static str, help: &'static str, read: Read) -> Metric {
    Metric { name, kind: Kind::Gauge, help, labels: &[], only: Only::Always, read }
}

pub(super) const fn histogram(name: &'static str, help: &'static str, read: Read) -> Metric {
    Metric { name, kind: Kind::Histogram, help, labels: &[], only: Only::Always, read }
}
