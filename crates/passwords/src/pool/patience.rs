//! How long one may wait: longer in a burst than in a flood. Knows durations; knows no queue.
//!
//! A burst (everybody arrives at nine) is best served late: it passes. When it does not pass, and somebody had to be refused, a long
//! queue serves nobody faster: then only those are let in who need not wait long, until the queue is nearly empty and nobody had to be refused
//! for a second: a queue that is short for a moment is no end of a flood.

use std::time::{Duration, Instant};

/// The flood is over when the wait has fallen to this part of what is allowed in it.
const NEARLY_EMPTY: u32 = 4;
/// And when nobody had to be refused for so long.
const QUIET: Duration = Duration::from_secs(1);

/// What callers are allowed to wait.
#[derive(Debug)]
pub(super) struct Patience {
    in_a_burst: Duration,
    in_a_flood: Duration,
    /// In a flood: when somebody was refused last.
    refused: Option<Instant>,
}

impl Patience {
    pub(super) fn new(in_a_burst: Duration, in_a_flood: Duration) -> Self {
        Self { in_a_burst, in_a_flood: in_a_flood.min(in_a_burst), refused: None }
    }

    /// Whether a caller who would wait `own` may come in, when the last in line waits `longest`; else how much too long it would be.
    pub(super) fn admits(&mut self, now: Instant, own: Duration, longest: Duration) -> Result<(), Duration> {
        let is_quiet = |refused| now.saturating_duration_since(refused) >= QUIET;
        if longest <= self.in_a_flood / NEARLY_EMPTY && self.refused.is_some_and(is_quiet) {
            self.refused = None;
        }
        let allowed = if self.is_flooded() { self.in_a_flood } else { self.in_a_burst };
        if own <= allowed {
            return Ok(());
        }
        self.refused = Some(now);
        Err(own - allowed)
    }

    /// Somebody was refused before there was a password to check.
    pub(super) fn turned_away(&mut self, now: Instant) {
        self.refused = Some(now);
    }

    /// Whether there is a flood, as far as is known.
    pub(super) fn is_flooded(&self) -> bool {
        self.refused.is_some()
    }

    /// Whether a caller who would wait `own` now will surely be let in a moment later.
    pub(super) fn is_easy(&self, own: Duration) -> bool {
        !self.is_flooded() || own <= self.in_a_flood / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_may_wait_and_a_flood_may_not_until_it_has_passed() {
        let millis = Duration::from_millis;
        let mut patience = Patience::new(millis(3_000), millis(800));
        let begin = crate::monotonic();
        // (when, the caller's wait, the longest, what it is told), one after another
        let story = [
            (0, 2_900, 2_900, Ok(())),
            (0, 3_100, 3_100, Err(millis(100))),
            (100, 2_900, 2_900, Err(millis(2_100))),
            (100, 800, 2_000, Ok(())),
            (100, 801, 801, Err(millis(1))),
            (2_000, 201, 201, Ok(())),
            (2_000, 900, 900, Err(millis(100))),
            // Nearly empty, but only for a moment.
            (2_100, 200, 200, Ok(())),
            (2_100, 900, 900, Err(millis(100))),
            (3_099, 200, 200, Ok(())),
            (3_099, 801, 801, Err(millis(1))),
            (4_099, 200, 200, Ok(())),
            (4_099, 2_900, 2_900, Ok(())),
        ];
        for (at, own, longest, told) in story {
            assert_eq!(
                patience.admits(begin + millis(at), millis(own), millis(longest)),
                told,
                "{at} {own} {longest}"
            );
        }
        patience.turned_away(begin);
        assert!(patience.is_flooded() && patience.is_easy(millis(400)) && !patience.is_easy(millis(401)));
        // What is allowed in a flood is never more than in a burst.
        assert!(Patience::new(millis(100), millis(800)).admits(begin, millis(101), millis(101)).is_err());
    }
}
