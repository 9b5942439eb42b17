//! Where random bytes come from: an argument, never a global. Knows no operating system; the binary hands that in.

use crate::digest::sha256;

/// A source of cryptographically secure random bytes.
///
/// One per request, made at the edge from the operating system's generator; tests hand in a [`SeededRandom`].
pub trait Random: Send {
    /// Overwrites all of `bytes`. A source that cannot must not return: half-random keys are worse than none.
    fn fill(&mut self, bytes: &mut [u8]);
}

/// `N` random bytes.
pub fn random_bytes<const N: usize>(random: &mut dyn Random) -> [u8; N] {
    let mut bytes = [0; N];
    random.fill(&mut bytes);
    bytes
}

/// A reproducible stream, SHA-256 over a seed and a counter: for tests and fixtures, never for a served request.
#[derive(Debug, Clone)]
pub struct SeededRandom {
    seed: u64,
    counter: u64,
}

impl SeededRandom {
    /// The stream that belongs to `seed`.
    pub const fn new(seed: u64) -> Self {
        Self { seed, counter: 0 }
    }
}

impl Random for SeededRandom {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let mut input = [0; 16];
            input[..8].copy_from_slice(&self.seed.to_be_bytes());
            input[8..].copy_from_slice(&self.counter.to_be_bytes());
            self.counter = self.counter.wrapping_add(1);
            chunk.copy_from_slice(&sha256(&input)[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_stream_that_does_not_repeat() {
        let (mut one, mut same, mut other) =
            (SeededRandom::new(1), SeededRandom::new(1), SeededRandom::new(2));
        let first: [u8; 70] = random_bytes(&mut one);
        assert_eq!(first, random_bytes(&mut same));
        assert_ne!(first, random_bytes(&mut one));
        assert_ne!(first, random_bytes(&mut other));
        assert_ne!(first[..32], first[32..64]);
    }
}
