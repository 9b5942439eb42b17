//! Suggests Argon2id parameters for a machine: as much memory as the limit and the target time allow, then as many
//! iterations as still fit, never less than OWASP's minimum.
//!
//! Measures; decides nothing for a running server.

use std::time::Duration;

use crate::capacity::capacity;
use crate::params::{Argon2Params, BadParams, MAX_MEMORY_KIB, OWASP_MINIMUM};

/// Memory sizes tried above OWASP's, in KiB.
const LARGER: [u32; 4] = [65_536, 98_304, 131_072, 196_608];
/// How long each setting is measured at least.
const EACH: Duration = Duration::from_millis(150);
/// More iterations than this say that the target is out of proportion to the memory limit.
const MOST_ITERATIONS: u32 = 32;

/// One setting and what it costs here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// The setting.
    pub params: Argon2Params,
    /// Time of one hash while every thread hashes.
    pub per_hash: Duration,
    /// All threads together.
    pub hashes_per_second: f64,
}

/// The measured table and the setting to use.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// The strongest measured setting within the target, or the cheapest one if none is.
    pub suggested: Measured,
    /// Whether the suggestion meets the target; if not, this machine is too slow (or its memory too small) for it.
    pub meets_target: bool,
    /// Everything measured, in the order of measuring.
    pub measured: Vec<Measured>,
}

/// Measures with `threads` hashing at once, since that is how a busy server hashes. `memory_limit_kib` is for all
/// threads together. Blocks the caller for a few seconds.
pub fn calibrate(target: Duration, memory_limit_kib: u32, threads: usize) -> Result<Calibration, BadParams> {
    let threads = threads.max(1);
    let share = u32::try_from(threads).map_or(0, |threads| memory_limit_kib / threads).min(MAX_MEMORY_KIB);
    let mut measured = Vec::new();
    for params in starting_points(share) {
        let row = measure(params, threads)?;
        measured.push(row);
    }
    let Some((first, _)) = measured.split_first() else {
        let least = OWASP_MINIMUM.iter().map(|(memory, _)| *memory).min().unwrap_or_default();
        return Err(BadParams::TooLittleMemory { given: share, least });
    };
    let cheapest =
        measured.iter().fold(*first, |best, row| if row.per_hash < best.per_hash { *row } else { best });
    // Memory first: it is what an attacker's hardware lacks (RFC 9106 section 4 has the same order).
    let most_memory = measured
        .iter()
        .filter(|row| row.per_hash <= target)
        .max_by_key(|row| (row.params.memory_kib, row.params.iterations))
        .copied();
    let Some(mut suggested) = most_memory else {
        return Ok(Calibration { suggested: cheapest, meets_target: false, measured });
    };
    let mut most = MOST_ITERATIONS;
    while let Some(params) = one_step_more(&suggested, target, most) {
        let row = measure(params, threads)?;
        measured.push(row);
        if row.per_hash > target {
            // It promised more than it kept, as a busy machine does: half way.
            most = u32::midpoint(suggested.params.iterations, params.iterations);
        } else {
            suggested = row;
        }
    }
    Ok(Calibration { suggested, meets_target: true, measured })
}

/// OWASP's settings and larger ones with one iteration, as far as memory allows, the smallest memory first.
fn starting_points(share_kib: u32) -> Vec<Argon2Params> {
    let owasp = OWASP_MINIMUM.iter().rev().copied();
    let larger = LARGER.iter().map(|memory| (*memory, 1));
    owasp
        .chain(larger)
        .filter(|(memory, _)| *memory <= share_kib)
        .map(|(memory_kib, iterations)| Argon2Params { memory_kib, iterations, parallelism: 1 })
        .collect()
}

/// As many more iterations as the measured time promises room for, up to `most`; none when there is no room.
fn one_step_more(from: &Measured, target: Duration, most: u32) -> Option<Argon2Params> {
    let per_iteration = from.per_hash / from.params.iterations;
    let spare = target.checked_sub(from.per_hash)?;
    let more = u32::try_from(spare.as_nanos() / per_iteration.as_nanos().max(1)).unwrap_or(MOST_ITERATIONS);
    let iterations = from.params.iterations.saturating_add(more).min(most);
    let params = Argon2Params { iterations, ..from.params };
    (iterations > from.params.iterations && params.validate().is_ok()).then_some(params)
}

fn measure(params: Argon2Params, threads: usize) -> Result<Measured, BadParams> {
    let measured = capacity(&params, threads, EACH)?;
    let threads = u32::try_from(threads).unwrap_or(u32::MAX);
    let per_hash = if measured.hashes_per_second > 0.0 {
        Duration::from_secs_f64(f64::from(threads) / measured.hashes_per_second)
    } else {
        Duration::MAX
    };
    Ok(Measured { params, per_hash, hashes_per_second: measured.hashes_per_second })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generous_target_takes_the_most_memory_and_then_iterations() {
        let found = calibrate(Duration::from_secs(2), 20_000, 1).unwrap();
        assert!(found.meets_target);
        assert_eq!(found.suggested.params.memory_kib, 19_456);
        assert!(found.suggested.params.iterations > 2, "{:?}", found.suggested);
        assert!(found.measured.iter().all(|row| row.params.meets_owasp_minimum()));
        assert!(found.measured.contains(&found.suggested));
    }

    #[test]
    fn an_impossible_target_still_suggests_no_less_than_the_minimum() {
        let found = calibrate(Duration::from_micros(1), 20_000, 1).unwrap();
        assert!(!found.meets_target);
        assert!(found.suggested.params.meets_owasp_minimum());
    }

    #[test]
    fn the_memory_limit_is_for_all_threads_together() {
        assert_eq!(starting_points(10_000).len(), 2, "7 MiB and 9 MiB");
        assert!(starting_points(u32::MAX).iter().all(|params| params.validate().is_ok()));
        let refused = calibrate(Duration::from_secs(1), 10_000, 2).unwrap_err();
        assert_eq!(refused, BadParams::TooLittleMemory { given: 5_000, least: 7_168 });
    }
}
