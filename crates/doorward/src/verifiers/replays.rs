//! Questions that were asked already: each is answered once. Remembers as long as a question is fresh, and no more than fits. The clock is an argument.

use protocol::Timestamp;
use std::collections::HashSet;

/// A question's mark: random, so that no two are alike.
pub(super) type Mark = [u8; 16];

/// A question may be so much older, or newer, than our clock says.
pub(super) const FRESH_FOR_MS: i64 = 60_000;
/// More questions than a machine can answer in twice that time.
const MOST: usize = 262_144;

/// Two generations of marks: the older one is forgotten when it can hold nothing fresh.
#[derive(Debug, Default)]
pub(super) struct Replays {
    newer: HashSet<Mark>,
    older: HashSet<Mark>,
    begun_at: i64,
}

/// What is to be thought of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    First,
    Again,
    /// Its clock and ours differ by more than a minute.
    Stale,
    /// More questions than can be remembered.
    TooMany,
}

impl Replays {
    pub(super) fn look(&mut self, mark: Mark, asked_at: i64, now: Timestamp) -> Seen {
        let now = now.millis();
        if now.saturating_sub(asked_at).saturating_abs() > FRESH_FOR_MS {
            return Seen::Stale;
        }
        // A question is fresh from a minute before its time to a minute after it.
        if now.saturating_sub(self.begun_at) > 2 * FRESH_FOR_MS {
            let gap = now.saturating_sub(self.begun_at) > 4 * FRESH_FOR_MS;
            self.older = if gap { HashSet::new() } else { std::mem::take(&mut self.newer) };
            self.newer.clear();
            self.begun_at = now;
        }
        if self.older.contains(&mark) || self.newer.contains(&mark) {
            return Seen::Again;
        }
        if self.newer.len() >= MOST {
            return Seen::TooMany;
        }
        self.newer.insert(mark);
        Seen::First
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_question_is_answered_once_and_only_while_it_is_fresh() {
        let mut replays = Replays::default();
        let now = |millis| Timestamp::from_millis(1_000_000 + millis);
        let mark = [1; 16];
        assert_eq!(replays.look(mark, 1_000_000, now(0)), Seen::First);
        assert_eq!(replays.look(mark, 1_000_000, now(1)), Seen::Again);
        assert_eq!(replays.look(mark, 1_000_000, now(FRESH_FOR_MS)), Seen::Again);
        assert_eq!(replays.look(mark, 1_000_000, now(FRESH_FOR_MS + 1)), Seen::Stale);
        assert_eq!(replays.look([2; 16], 1_000_000 + 2 * FRESH_FOR_MS, now(FRESH_FOR_MS - 1)), Seen::Stale);
    }

    proptest! {
        /// Whenever a question comes again, its second coming is refused, one way or the other.
        #[test]
        fn nothing_is_answered_twice(
            first in 0_i64..600_000,
            skew in -FRESH_FOR_MS..=FRESH_FOR_MS,
            others in prop::collection::vec(0_i64..200_000, 0..12),
            later in 0_i64..400_000,
        ) {
            let mut replays = Replays::default();
            let asked_at = first + skew;
            prop_assert_eq!(replays.look([7; 16], asked_at, Timestamp::from_millis(first)), Seen::First);
            let mut others = others;
            others.sort_unstable();
            for (number, after) in others.into_iter().filter(|after| *after <= later).enumerate() {
                let now = first + after;
                let mut mark = [0; 16];
                mark[0] = u8::try_from(number).unwrap_or(0);
                replays.look(mark, now, Timestamp::from_millis(now));
            }
            let again = replays.look([7; 16], asked_at, Timestamp::from_millis(first + later));
            prop_assert!(again != Seen::First, "{:?}", again);
        }
    }
}
