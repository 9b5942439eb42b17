//! How long one may wait: longer in a burst than in a flood. Knows durations; knows no queue.
//!
//! A burst (everybody arrives at nine) is best served late: it passes. When it does not pass, and somebody had to be refused, a long
//! queue serves nobody faster: then only those are let in who need not wait long, until the queue is nearly empty.

use std::time::Duration;

/// The flood is over when the wait has fallen to this part of what is allowed in it.
const NEARLY_EMPTY: u32 = 4;

/// What callers are allowed to wait.
#[derive(Debug)]
pub(super) struct Patience {
    in_a_burst: Duration,
    in_a_flood: Duration,
    flooded: bool,
}

impl Patience {
    pub(super) fn new(in_a_burst: Duration, in_a_flood: Duration) -> Self {
        Self { in_a_burst, in_a_flood: in_a_flood.min(in_a_burst), flooded: false }
    }

    /// Whether a caller who would wait `own` may come in, when the last in line waits `longest`; else how much too long it would be.
    pub(super) fn admits(&mut self, own: Duration, longest: Duration) -> Result<(), Duration> {
        if longest <= self.in_a_flood / NEARLY_EMPTY {
            self.flooded = false;
        }
        let allowed = if self.flooded { self.in_a_flood } else { self.in_a_burst };
        if own <= allowed {
            return Ok(());
        }
        self.flooded = true;
        Err(own - allowed)
    }

    /// Whether a caller who would wait `own` now will surely be let in a moment later.
    pub(super) fn is_easy(&self, own: Duration) -> bool {
        !self.flooded || own <= self.in_a_flood / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_may_wait_and_a_flood_may_not_until_it_has_passed() {
        let millis = Duration::from_millis;
        let mut patience = Patience::new(millis(3_000), millis(800));
        // (the caller's wait, the longest, what it is told), one after another
        let story = [
            (2_900, 2_900, Ok(())),
            (3_100, 3_100, Err(millis(100))),
            (2_900, 2_900, Err(millis(2_100))),
            (800, 2_000, Ok(())),
            (801, 801, Err(millis(1))),
            (201, 201, Ok(())),
            (900, 900, Err(millis(100))),
            (200, 200, Ok(())),
            (2_900, 2_900, Ok(())),
        ];
        for (own, longest, told) in story {
            assert_eq!(patience.admits(millis(own), millis(longest)), told, "{own} {longest}");
        }
        // What is allowed in a flood is never more than in a burst.
        assert!(Patience::new(millis(100), millis(800)).admits(millis(101), millis(101)).is_err());
    }
}
