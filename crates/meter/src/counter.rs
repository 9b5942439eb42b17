//! A count that many threads add to at once.

use crate::{SEATS, seat};
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since it was made.
#[derive(Debug, Default)]
pub struct Counter([Place; SEATS]);

/// A cache line of its own, so that threads do not take it from each other.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Place(AtomicU64);

impl Counter {
    /// One more.
    pub fn inc(&self) {
        self.0[seat()].0.fetch_add(1, Ordering::Relaxed);
    }

    /// How many there were.
    pub fn get(&self) -> u64 {
        self.0.iter().map(|place| place.0.load(Ordering::Relaxed)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_thread_counts_it_is_counted() {
        let counter = Counter::default();
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| (0..1_000).for_each(|_| counter.inc()));
            }
        });
        assert_eq!(counter.get(), 20_000);
    }
}
