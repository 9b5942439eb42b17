//! How many more are asked for a password while there is a flood: as many as can be checked, and an eighth more for those who never answer.
//! By a rate, and not by who waits now: between the question and the answer a person types. Knows durations; knows no queue.

use std::time::{Duration, Instant};

/// What may be let in at once after a quiet time, in time of all threads.
const AT_ONCE: Duration = Duration::from_millis(250);

/// The door, and what may pass it now.
#[derive(Debug, Default)]
pub(super) struct Door {
    credit: Duration,
    last: Option<Instant>,
}

impl Door {
    /// Whether one more may pass at `now`, where `each` is the time in which all threads together check one password.
    pub(super) fn lets_in(&mut self, now: Instant, each: Duration) -> bool {
        let most = AT_ONCE.max(each);
        let gained = self.last.map_or(most, |last| now.saturating_duration_since(last) * 9 / 8);
        self.last = Some(now);
        self.credit = (self.credit + gained).min(most);
        let left = self.credit.checked_sub(each);
        self.credit = left.unwrap_or(self.credit);
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eighth_more_than_can_be_checked_are_let_in_however_many_come() {
        let ms = Duration::from_millis;
        let (mut door, begin) = (Door::default(), crate::monotonic());
        let mut let_in =
            |from: u64, to: u64| (from..to).filter(|at| door.lets_in(begin + ms(*at), ms(10))).count();
        assert_eq!(let_in(0, 1), 1);
        assert_eq!(let_in(1, 1_000), 24 + 112, "what was saved, and 112 a second");
        assert_eq!(let_in(1_000, 3_000), 225);
        assert_eq!(let_in(60_000, 60_060), 25 + 6, "a quiet minute saves up no more than a moment");
    }

    #[test]
    fn where_one_password_takes_seconds_one_is_let_in_after_the_other() {
        let (mut door, begin) = (Door::default(), crate::monotonic());
        let seconds = Duration::from_secs;
        let let_in = (0..11).filter(|at| door.lets_in(begin + seconds(*at), seconds(5))).count();
        assert_eq!(let_in, 3);
    }
}
