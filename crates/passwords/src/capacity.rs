//! Measures how many hashes this machine makes when it does nothing else: the number that the pool is compared with.
//!
//! The same code as the pool's threads run, without queue, priority and callers.

use std::sync::Barrier;
use std::time::Duration;

use crate::hasher::Hasher;
use crate::monotonic;
use crate::params::{Argon2Params, BadParams};

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Capacity {
    /// Hashes made by all threads.
    pub hashes: u64,
    /// From the first hash's start to the last one's end.
    pub elapsed: Duration,
    /// The threads' rates added up: each over its own time, since they do not end at the same instant.
    pub hashes_per_second: f64,
}

/// Hashes in a loop on `threads` threads for at least `duration`. Blocks the caller for that long.
pub fn capacity(params: &Argon2Params, threads: usize, duration: Duration) -> Result<Capacity, BadParams> {
    params.validate()?;
    let start_together = Barrier::new(threads);
    let runs: Vec<(u64, Duration)> = std::thread::scope(|scope| {
        let started: Vec<_> =
            (0..threads).map(|_| scope.spawn(|| hash_for(params, duration, &start_together))).collect();
        started.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    Ok(Capacity {
        hashes: runs.iter().map(|(hashes, _)| hashes).sum(),
        elapsed: runs.iter().map(|(_, elapsed)| *elapsed).max().unwrap_or_default(),
        hashes_per_second: runs.iter().map(|(hashes, elapsed)| rate(*hashes, *elapsed)).sum(),
    })
}

/// At least one hash is measured, after one that warms the memory up.
fn hash_for(params: &Argon2Params, duration: Duration, start_together: &Barrier) -> (u64, Duration) {
    let mut hasher = Hasher::default();
    let warm = hasher.spend(params, b"warming up");
    start_together.wait();
    let (start, mut hashes) = (monotonic(), 0);
    while warm.is_ok() && hasher.spend(params, b"measured").is_ok() {
        hashes += 1;
        if start.elapsed() >= duration {
            break;
        }
    }
    (hashes, start.elapsed())
}

#[expect(clippy::cast_precision_loss, reason = "a count of hashes is far below 2^52")]
fn rate(hashes: u64, elapsed: Duration) -> f64 {
    if elapsed.is_zero() { 0.0 } else { hashes as f64 / elapsed.as_secs_f64() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_what_every_thread_hashed() {
        let tiny = Argon2Params { memory_kib: 64, iterations: 1, parallelism: 1 };
        let measured = capacity(&tiny, 2, Duration::from_millis(20)).unwrap();
        assert!(measured.hashes >= 2, "{measured:?}");
        assert!(measured.elapsed >= Duration::from_millis(20), "{measured:?}");
        let from_total = measured.hashes as f64 / measured.elapsed.as_secs_f64();
        assert!(measured.hashes_per_second >= from_total * 0.999, "{measured:?}");
    }

    #[test]
    fn more_work_gives_fewer_hashes() {
        let once = Argon2Params { memory_kib: 1024, iterations: 1, parallelism: 1 };
        let eight = Argon2Params { iterations: 8, ..once };
        let fast = capacity(&once, 1, Duration::from_millis(50)).unwrap().hashes_per_second;
        let slow = capacity(&eight, 1, Duration::from_millis(50)).unwrap().hashes_per_second;
        assert!(fast > 2.0 * slow, "{fast} and {slow} per second");
    }

    #[test]
    fn parameters_are_checked_first() {
        let none = Argon2Params { iterations: 0, ..Argon2Params::default() };
        assert_eq!(capacity(&none, 1, Duration::ZERO), Err(BadParams::NoIterations));
    }
}
