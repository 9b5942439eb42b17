//! Ids of commits: unique among all nodes and all times, in the order of time. They are no secrets.

use crate::engine::clock;
use rustix::rand::{GetRandomFlags, getrandom};
use std::sync::atomic::{AtomicU32, Ordering};

/// The id of one attempt at a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CommitId(pub(super) [u8; 16]);

/// Where they come from.
pub(super) struct CommitIds {
    /// Drawn when the store was opened: nobody else has it.
    node: [u8; 6],
    count: AtomicU32,
}

impl CommitIds {
    #[expect(
        clippy::disallowed_methods,
        reason = "which node it is must differ everywhere, in tests too; it is no secret"
    )]
    pub(super) fn new() -> std::io::Result<Self> {
        let mut node = [0; 6];
        // So few bytes come whole, always.
        getrandom(&mut node, GetRandomFlags::empty())?;
        Ok(Self { node, count: AtomicU32::new(0) })
    }

    pub(super) fn next(&self) -> CommitId {
        let mut id = [0; 16];
        let millis = clock::wall_millis().to_be_bytes();
        id[..6].copy_from_slice(&millis[2..]);
        id[6..10].copy_from_slice(&self.count.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        id[10..].copy_from_slice(&self.node);
        CommitId(id)
    }

    /// A number from zero to `below`, for what must not happen everywhere at once.
    pub(super) fn scattered(&self, below: u64) -> u64 {
        let [a, b, c, d, e, f] = self.node;
        let seed = u64::from_be_bytes([a, b, c, d, e, f, 0, 0])
            ^ u64::from(self.count.fetch_add(1, Ordering::Relaxed));
        // SplitMix64's finisher.
        let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % below.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_never_repeat_and_jitter_scatters() {
        let (one, other) = (CommitIds::new().unwrap(), CommitIds::new().unwrap());
        let mut seen = HashSet::new();
        for _ in 0..10_000 {
            assert!(seen.insert(one.next().0) && seen.insert(other.next().0));
        }
        let drawn: HashSet<u64> = (0..200).map(|_| one.scattered(100)).collect();
        assert!(drawn.len() > 50 && drawn.iter().all(|number| *number < 100));
    }
}
