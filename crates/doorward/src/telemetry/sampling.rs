//! The same line again and again: each place in the program may write so many lines a second; what is more is counted, and the count is
//! written. A flood of refusals neither fills a disk nor hides what else happens. Knows no format.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tracing::callsite::Identifier;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Lines about lines are never left out, or there would be lines about them.
const OWN: &str = "doorward::log";

/// The layer.
pub(crate) struct Sampling {
    /// Lines that one place may write in a second.
    most: u32,
    /// Seconds since some moment.
    clock: fn() -> u64,
    sites: Mutex<Sites>,
    suppressed: Suppressed,
}

/// How many lines were left out. A cheap clone of the count.
#[derive(Clone, Default)]
pub(crate) struct Suppressed(Arc<AtomicU64>);

#[derive(Default)]
struct Sites {
    second: u64,
    places: HashMap<Identifier, Site>,
}

/// One place that writes.
struct Site {
    metadata: &'static Metadata<'static>,
    written: u32,
    left_out: u64,
}

impl Suppressed {
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Sampling {
    /// Nothing when there is no limit.
    pub(crate) fn new(most: u32, clock: fn() -> u64, suppressed: Suppressed) -> Option<Self> {
        (most > 0).then(|| Self { most, clock, sites: Mutex::default(), suppressed })
    }

    /// Whether this place may write once more, and what is to be told of the second before.
    fn admit(&self, metadata: &'static Metadata<'static>) -> (bool, Vec<(&'static Metadata<'static>, u64)>) {
        let second = (self.clock)();
        let mut sites = self.sites.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told = Vec::new();
        if std::mem::replace(&mut sites.second, second) != second {
            for site in sites.places.values_mut() {
                site.written = 0;
                if site.left_out > 0 {
                    told.push((site.metadata, std::mem::take(&mut site.left_out)));
                }
            }
        }
        let new = || Site { metadata, written: 0, left_out: 0 };
        let site = sites.places.entry(metadata.callsite()).or_insert_with(new);
        if site.written < self.most {
            site.written += 1;
            return (true, told);
        }
        site.left_out += 1;
        self.suppressed.0.fetch_add(1, Ordering::Relaxed);
        (false, told)
    }
}

impl<S: Subscriber> Layer<S> for Sampling {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if metadata.target() == OWN {
            return true;
        }
        let (admitted, told) = self.admit(metadata);
        for (metadata, lines) in told {
            let place = format!("{}:{}", metadata.file().unwrap_or_default(), metadata.line().unwrap_or(0));
            tracing::warn!(target: OWN, place, lines, "one place wrote too many lines: these were left out");
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use tracing_subscriber::layer::SubscriberExt as _;

    static SECOND: AtomicU64 = AtomicU64::new(0);

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_flood_from_one_place_is_cut_and_counted_and_hides_no_other_place() {
        let (lines, suppressed) = (Lines::default(), Suppressed::default());
        let writer = lines.clone();
        let text = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
        let sampling =
            Sampling::new(3, || SECOND.load(Ordering::Relaxed), suppressed.clone()).expect("a limit");
        let flood = |count| (0..count).for_each(|number| tracing::warn!(number, "refused"));
        // As a server does: lines about lines are not heard by a subscriber of one thread alone.
        tracing::subscriber::set_global_default(text.with(sampling)).expect("no other test logs");
        flood(10);
        tracing::warn!("something else");
        SECOND.store(1, Ordering::Relaxed);
        // Whoever speaks next tells of the second before.
        tracing::info!("later");
        SECOND.store(2, Ordering::Relaxed);
        flood(4);
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).expect("text");
        let count = |what: &str| text.matches(what).count();
        assert_eq!((count("refused"), count("something else"), count("later")), (6, 1, 1), "{text}");
        assert_eq!(count("these were left out"), 1, "{text}");
        assert!(text.contains("lines=7") && text.contains("sampling.rs:"), "{text}");
        assert_eq!(suppressed.get(), 8);
    }

    #[test]
    fn zero_is_no_limit() {
        assert!(Sampling::new(0, || 0, Suppressed::default()).is_none());
    }
}
