//! The cost of an Argon2id hash, and the limits beyond which no hash is computed at all.
//!
//! Knows numbers only; computes nothing.

/// The most memory one hash may use: 256 MiB, libsodium's "moderate". Every hashing thread may need it at once.
pub(crate) const MAX_MEMORY_KIB: u32 = 256 * 1024;
/// The most memory-times-passes one Argon2 hash may cost: 2 GiB filled once, about a second.
pub(crate) const MAX_ARGON2_WORK_KIB: u64 = 2 * 1024 * 1024;
/// The most lanes. They are computed one after the other: the pool has one thread per core already.
pub(crate) const MAX_PARALLELISM: u32 = 64;
/// RFC 9106 section 3.1: at least 8 KiB for each lane.
const KIB_PER_LANE: u32 = 8;

/// OWASP's Password Storage Cheat Sheet: these are equally strong, and the least one should use (KiB, iterations).
pub(crate) const OWASP_MINIMUM: [(u32, u32); 5] =
    [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];

/// What one Argon2id hash costs. The default is OWASP's 19 MiB, 2 iterations, 1 lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Argon2Params {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
}

impl Default for Argon2Params {
    fn default() -> Self {
        Self { memory_kib: 19_456, iterations: 2, parallelism: 1 }
    }
}

impl Argon2Params {
    /// Refuses what Argon2 cannot compute and what would cost more than this crate is willing to verify later.
    pub fn validate(&self) -> Result<(), BadParams> {
        if self.parallelism == 0 || self.parallelism > MAX_PARALLELISM {
            return Err(BadParams::Parallelism { given: self.parallelism });
        }
        if self.iterations == 0 {
            return Err(BadParams::NoIterations);
        }
        let least = KIB_PER_LANE * self.parallelism;
        if self.memory_kib < least {
            return Err(BadParams::TooLittleMemory { given: self.memory_kib, least });
        }
        if self.memory_kib > MAX_MEMORY_KIB {
            return Err(BadParams::TooMuchMemory { given: self.memory_kib });
        }
        if self.work() > MAX_ARGON2_WORK_KIB {
            return Err(BadParams::TooMuchWork { given: self.work() });
        }
        Ok(())
    }

    /// Whether these are at least as strong as one of OWASP's minimum settings.
    pub fn meets_owasp_minimum(&self) -> bool {
        OWASP_MINIMUM
            .iter()
            .any(|&(memory, iterations)| self.memory_kib >= memory && self.iterations >= iterations)
    }

    /// Memory times passes: what the time of a hash is proportional to.
    pub(crate) fn work(&self) -> u64 {
        u64::from(self.memory_kib) * u64::from(self.iterations)
    }
}

impl std::fmt::Display for Argon2Params {
    /// As in a stored hash: `m=19456,t=2,p=1`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "m={},t={},p={}", self.memory_kib, self.iterations, self.parallelism)
    }
}

/// Why parameters were refused, in words for an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadParams {
    /// Less memory than Argon2 can work with.
    #[error(
        "{given} KiB of memory is too little: Argon2 needs at least 8 KiB for each lane, here {least} KiB"
    )]
    TooLittleMemory {
        /// KiB asked for.
        given: u32,
        /// KiB needed.
        least: u32,
    },
    /// More memory than one hash may use.
    #[error(
        "{given} KiB of memory is too much: one hash may use at most {MAX_MEMORY_KIB} KiB, and every hashing thread uses as much at once"
    )]
    TooMuchMemory {
        /// KiB asked for.
        given: u32,
    },
    /// Iterations is zero.
    #[error("iterations must be at least 1")]
    NoIterations,
    /// More passes over the memory than a sign-in can wait for.
    #[error(
        "memory times iterations is {given} KiB: at most {MAX_ARGON2_WORK_KIB} KiB, which already takes about a second"
    )]
    TooMuchWork {
        /// KiB times passes.
        given: u64,
    },
    /// Lanes out of range.
    #[error("parallelism is {given}: it must be between 1 and {MAX_PARALLELISM}")]
    Parallelism {
        /// Lanes asked for.
        given: u32,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(memory_kib: u32, iterations: u32, parallelism: u32) -> Argon2Params {
        Argon2Params { memory_kib, iterations, parallelism }
    }

    #[test]
    fn the_default_is_valid_and_strong_enough() {
        assert_eq!(Argon2Params::default().validate(), Ok(()));
        assert!(Argon2Params::default().meets_owasp_minimum());
        assert_eq!(Argon2Params::default().to_string(), "m=19456,t=2,p=1");
    }

    #[test]
    fn refusals_name_the_number_that_is_wrong() {
        let cases = [
            (params(7, 1, 1), "7 KiB of memory is too little"),
            (params(31, 1, 4), "here 32 KiB"),
            (params(262_145, 1, 1), "at most 262144 KiB"),
            (params(19_456, 0, 1), "iterations must be at least 1"),
            (params(65_536, 33, 1), "memory times iterations is 2162688 KiB"),
            (params(u32::MAX, u32::MAX, 1), "4294967295 KiB of memory is too much"),
            (params(19_456, 2, 0), "parallelism is 0"),
            (params(19_456, 2, u32::MAX), "between 1 and 64"),
        ];
        for (params, words) in cases {
            let message = params.validate().unwrap_err().to_string();
            assert!(message.contains(words), "{params}: {message}");
        }
        for good in [params(8, 1, 1), params(65_536, 3, 4), params(262_144, 3, 1)] {
            assert_eq!(good.validate(), Ok(()), "{good}");
        }
    }

    #[test]
    fn owasp_minimum_counts_its_equivalents() {
        for (strong, enough) in [
            (params(47_104, 1, 1), true),
            (params(12_288, 3, 1), true),
            (params(12_288, 2, 1), false),
            (params(19_456, 1, 1), false),
            (params(6_000, 50, 1), false),
        ] {
            assert_eq!(strong.meets_owasp_minimum(), enough, "{strong}");
        }
    }
}
