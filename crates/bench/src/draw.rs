//! Random-looking values for test traffic: `state`, `nonce`, `code_verifier`, jitter. It owns a small generator per
//! virtual user and refuses to be a source of secrets: a run with the same seed draws the same values.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::time::Duration;

/// An xorshift64* generator: a few nanoseconds, no system call, repeatable.
pub(crate) struct Draw(u64);

impl Draw {
    /// One stream per virtual user: neighbouring numbers must not give related streams, so both are mixed first.
    pub(crate) fn new(seed: u64, user: u64) -> Self {
        let mixed = mix(seed ^ mix(user.wrapping_add(1)));
        // Zero is the one state xorshift never leaves.
        Self(if mixed == 0 { 0x9e37_79b9_7f4a_7c15 } else { mixed })
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// 43 characters of base64url: the shortest `code_verifier` there may be (RFC 7636 section 4.1).
    pub(crate) fn text(&mut self) -> String {
        let mut bytes = [0_u8; 32];
        for chunk in bytes.chunks_exact_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes());
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Somewhere from nothing up to `most`.
    pub(crate) fn up_to(&mut self, most: Duration) -> Duration {
        most.mul_f64((self.next() >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

/// The finalizer of splitmix64.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn users_draw_different_values_and_a_seed_repeats_them() {
        let drawn = |seed, user| Draw::new(seed, user).text();
        let all: HashSet<_> = (0..4).flat_map(|seed| (0..500).map(move |user| drawn(seed, user))).collect();
        assert_eq!(all.len(), 2000);
        assert_eq!(drawn(7, 3), drawn(7, 3));
        // RFC 7636 section 4.1: 43 to 128 unreserved characters.
        assert!(all.iter().all(|text| text.len() == 43));
    }

    #[test]
    fn jitter_stays_below_its_limit_and_varies() {
        let mut draw = Draw::new(1, 1);
        let most = Duration::from_millis(100);
        let waits: HashSet<_> = (0..100).map(|_| draw.up_to(most)).collect();
        assert!(waits.iter().all(|wait| *wait <= most) && waits.len() > 50);
    }
}
