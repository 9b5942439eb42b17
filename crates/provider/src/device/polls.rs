//! How often devices poll (RFC 8628 section 3.5). Remembered here and written nowhere: a poll that finds nothing new is the commonest
//! request of all, and must not cost a write. What is remembered is only there to slow down who asks too often, and that is this node's own
//! concern: behind several nodes a device may ask each of them once per interval; after a restart, or when a hundred thousand others asked
//! since, once more.

use protocol::{DeviceCodeId, Timestamp};
use quick_cache::sync::Cache;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

const REMEMBERED: usize = 100_000;
/// RFC 8628 section 3.5: "the interval MUST be increased by 5 seconds for this and all subsequent requests".
const LONGER_BY: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(60);
/// What was sent in time may arrive a little early: the one before took longer on its way.
const EARLY: Duration = Duration::from_millis(500);

/// Recent polls of codes that were not decided. Bounded: the least used are forgotten first. Takes no memory until a device polls.
#[derive(Default)]
pub(crate) struct Polls {
    last: OnceLock<Cache<DeviceCodeId, Polled>>,
    /// Looking and noting is one act.
    noting: Mutex<()>,
}

#[derive(Clone, Copy)]
struct Polled {
    at: Timestamp,
    interval: Duration,
}

/// What a device that has to wait is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Poll {
    InTime,
    TooSoon,
}

impl Polls {
    /// Notes a poll, and whether it came too soon: then the interval is longer from now on.
    pub(crate) fn note(&self, id: DeviceCodeId, interval: Duration, now: Timestamp) -> Poll {
        let last = self.last.get_or_init(|| Cache::new(REMEMBERED));
        let _noting = self.noting.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last.get(&id);
        let interval = before.map_or(interval, |before| before.interval);
        let too_soon = before.is_some_and(|before| now.since(before.at) + EARLY < interval);
        let interval = if too_soon { (interval + LONGER_BY).min(LONGEST) } else { interval };
        last.insert(id, Polled { at: now, interval });
        if too_soon { Poll::TooSoon } else { Poll::InTime }
    }

    /// The code was decided or is over.
    pub(crate) fn forget(&self, id: DeviceCodeId) {
        if let Some(last) = self.last.get() {
            last.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(5);

    fn id(number: u8) -> DeviceCodeId {
        DeviceCodeId::from_bytes([number; 16])
    }

    #[test]
    fn rfc8628_3_5_each_poll_that_comes_too_soon_makes_the_interval_longer() {
        let polls = Polls::default();
        // (when, in milliseconds; the answer)
        let cases = [
            (0, Poll::InTime),
            (5_000, Poll::InTime),
            (9_500, Poll::InTime),
            (13_999, Poll::TooSoon),
            // Ten seconds from now on, for all that follow.
            (23_400, Poll::TooSoon),
            (37_800, Poll::TooSoon),
            (58_000, Poll::InTime),
            (78_000, Poll::InTime),
        ];
        for (millis, expected) in cases {
            let now = Timestamp::from_millis(millis);
            assert_eq!(polls.note(id(1), INTERVAL, now), expected, "at {millis} ms");
        }
        // Nobody else waits for it.
        assert_eq!(polls.note(id(2), INTERVAL, Timestamp::from_millis(78_000)), Poll::InTime);
        polls.forget(id(1));
        assert_eq!(polls.note(id(1), INTERVAL, Timestamp::from_millis(78_001)), Poll::InTime);
    }

    #[test]
    fn the_interval_grows_to_a_minute_at_most_and_memory_to_what_is_remembered() {
        let polls = Polls::default();
        for millis in 0..1_000 {
            polls.note(id(1), INTERVAL, Timestamp::from_millis(millis));
        }
        assert_eq!(polls.note(id(1), INTERVAL, Timestamp::from_millis(61_000)), Poll::InTime);
        for number in 0..2 * REMEMBERED as u128 {
            polls.note(DeviceCodeId::from_bytes(number.to_be_bytes()), INTERVAL, Timestamp::from_millis(0));
        }
        assert!(polls.last.get().is_some_and(|last| last.len() <= REMEMBERED));
    }
}
