//! When requests of an open loop are due: evenly spaced, whatever the server does. It owns the schedule and a thread that wakes the load in time
//! for it; what is sent then is not its business.

use crate::clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// The load is not woken more often than this; what is due in between is sent together.
const SHORTEST_TICK: Duration = Duration::from_micros(100);
/// The same where so much comes that waking for each would cost the machine more than what is measured. It counts as waiting, as all lateness.
const TICK_OF_A_CROWD: Duration = Duration::from_millis(1);
/// So many per second are a crowd.
const CROWD: f64 = 1_000.0;
/// The thread looks so often whether it is still wanted.
const LONGEST_SLEEP: Duration = Duration::from_millis(200);

/// So many per second, from a moment on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    start: Instant,
    per_second: f64,
}

impl Schedule {
    /// `per_second` is greater than zero.
    pub(crate) fn new(start: Instant, per_second: f64) -> Self {
        Self { start, per_second }
    }

    /// When the one with this number is due; the first is number 0. Counted from the start each time: no error adds up.
    pub(crate) fn due(&self, number: u64) -> Instant {
        self.start + Duration::from_secs_f64(number as f64 / self.per_second)
    }

    /// The number of the first one that is due after `moment`.
    fn next_after(&self, moment: Instant) -> u64 {
        let passed = moment.saturating_duration_since(self.start).as_secs_f64();
        let mut number = (passed * self.per_second) as u64;
        while self.due(number) <= moment {
            number += 1;
        }
        number
    }
}

/// Wakes whoever waits for a moment of a schedule, to some 50 us (a crowd's to a millisecond): a runtime's own timer only knows whole
/// milliseconds, which would be longer than what is measured.
pub(crate) struct Metronome {
    tick: Arc<Notify>,
    is_over: Arc<AtomicBool>,
}

impl Metronome {
    pub(crate) fn start(schedule: Schedule) -> std::io::Result<Self> {
        let (tick, is_over) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
        let (ticking, ending) = (Arc::clone(&tick), Arc::clone(&is_over));
        std::thread::Builder::new().name("metronome".to_owned()).spawn(move || {
            let shortest = if schedule.per_second > CROWD { TICK_OF_A_CROWD } else { SHORTEST_TICK };
            while !ending.load(Ordering::Relaxed) {
                let now = clock::now();
                let due = schedule.due(schedule.next_after(now)).max(now + shortest);
                std::thread::sleep((due - now).min(LONGEST_SLEEP));
                ticking.notify_one();
            }
        })?;
        Ok(Self { tick, is_over })
    }

    /// Returns once `moment` has come.
    pub(crate) async fn wait_for(&self, moment: Instant) {
        while clock::now() < moment {
            self.tick.notified().await;
        }
    }
}

impl Drop for Metronome {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_due_is_evenly_spaced_and_complete(rate in 0.1_f64..50_000.0, seconds in 0.0_f64..5_000.0) {
            let start = clock::now();
            let schedule = Schedule::new(start, rate);
            let next = schedule.next_after(start + Duration::from_secs_f64(seconds));
            // So many came before, to one: a rounding of the last nanosecond may go either way.
            prop_assert!((next as f64 - (seconds * rate).floor() - 1.0).abs() <= 1.0, "{next}");
            let gap = schedule.due(next + 1) - schedule.due(next);
            prop_assert!((gap.as_secs_f64() - 1.0 / rate).abs() < 1e-6);
        }

        #[test]
        fn nothing_is_due_twice_or_left_out(rate in 0.1_f64..50_000.0, number in 0_u64..10_000_000) {
            let schedule = Schedule::new(clock::now(), rate);
            prop_assert_eq!(schedule.next_after(schedule.due(number)), number + 1);
        }
    }

    #[tokio::test]
    async fn a_metronome_is_never_early() {
        let start = clock::now();
        let schedule = Schedule::new(start, 500.0);
        let metronome = Metronome::start(schedule).unwrap();
        for number in 0..20 {
            metronome.wait_for(schedule.due(number)).await;
            assert!(clock::now() >= schedule.due(number), "{number}");
        }
        assert!(clock::now() - start >= Duration::from_millis(38));
    }
}
