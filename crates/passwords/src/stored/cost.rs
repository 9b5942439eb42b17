//! What computing a hash takes, and whether that is affordable. Knows no format.

use argon2::{Algorithm, Version};
use std::time::Duration;
use zeroize::Zeroizing;

use super::kind::{HashKind, UnsupportedHash};
use super::spelled::damage;
use super::{First, MAX_DIGEST_BYTES, MIN_DIGEST_BYTES, Stored};
use crate::params::Argon2Params;

/// 128 bytes * N * r: as much as an Argon2 hash may use.
pub(super) const MAX_SCRYPT_BYTES: u64 = crate::params::MAX_MEMORY_KIB as u64 * 1024;
/// What verifying may take on a slow core: see [`Cost::time`]. Argon2 and bcrypt have bounds of their parameters besides.
pub(super) const MAX_TIME: Duration = Duration::from_secs(3);

/// Which hash function PBKDF2 and simpler constructions stand on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sha {
    One,
    Two256,
    Two384,
    Two512,
}

/// What computing the hash takes.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Cost {
    Argon2 {
        algorithm: Algorithm,
        version: Version,
        params: Argon2Params,
    },
    Bcrypt {
        cost: u32,
        salt: [u8; 16],
    },
    Scrypt {
        log_n: u8,
        r: u32,
        p: u32,
    },
    Pbkdf2 {
        sha: Sha,
        iterations: u32,
    },
    /// PBKDF2, and of that what the server keeps of it (RFC 5802 section 3).
    Scram {
        sha: Sha,
        iterations: u32,
    },
    /// `$5$` and `$6$`.
    ShaCrypt {
        sha: Sha,
        rounds: u32,
    },
    /// MD5, or SHA-512, of what came before and the password, so many times.
    Rounds {
        md5: bool,
        rounds: u32,
    },
    /// The password and a salt, hashed once.
    Salted(Sha),
    /// What `First` made is the digest.
    AsItIs,
    /// scrypt gives a key, under which this is encrypted.
    Firebase {
        log_n: u8,
        r: u32,
        signer_key: Zeroizing<Vec<u8>>,
    },
}

impl Sha {
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::One => 20,
            Self::Two256 => 32,
            Self::Two384 => 48,
            Self::Two512 => 64,
        }
    }

    /// A round of PBKDF2: two compressions.
    const fn round(self) -> u64 {
        match self {
            Self::One => 300,
            Self::Two256 => 450,
            Self::Two384 | Self::Two512 => 600,
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().replace('-', "").as_str() {
            "sha1" => Some(Self::One),
            "sha256" => Some(Self::Two256),
            "sha384" => Some(Self::Two384),
            "sha512" => Some(Self::Two512),
            _ => None,
        }
    }

    pub(super) const fn pbkdf2(self) -> HashKind {
        match self {
            Self::One => HashKind::Pbkdf2Sha1,
            Self::Two256 => HashKind::Pbkdf2Sha256,
            Self::Two384 => HashKind::Pbkdf2Sha384,
            Self::Two512 => HashKind::Pbkdf2Sha512,
        }
    }
}

impl Cost {
    /// How long it takes on a slow core, by what one round of each takes there. On most machines it takes half of that.
    pub(super) fn time(&self, digest_bytes: usize) -> Duration {
        let nanoseconds = match self {
            Self::Argon2 { params, .. } => return argon2_time(params),
            Self::Bcrypt { cost, .. } => 70_000_u64.checked_shl(*cost).unwrap_or(u64::MAX),
            Self::Salted(_) | Self::AsItIs => 1_000,
            Self::Scrypt { log_n, r, p } => scrypt_blocks(*log_n, *r, *p).saturating_mul(600),
            Self::Firebase { log_n, r, .. } => scrypt_blocks(*log_n, *r, 1).saturating_mul(600),
            Self::Pbkdf2 { sha, iterations } => {
                // Every block of the digest costs all the iterations again (RFC 8018 section 5.2).
                let blocks = u64::try_from(digest_bytes.div_ceil(sha.bytes())).unwrap_or(u64::MAX);
                blocks.saturating_mul(u64::from(*iterations)).saturating_mul(sha.round())
            }
            Self::Scram { sha, iterations } => u64::from(*iterations).saturating_mul(sha.round()),
            // With the longest password that is taken.
            Self::ShaCrypt { rounds, .. } => u64::from(*rounds).saturating_mul(3_000),
            Self::Rounds { md5, rounds } => {
                u64::from(*rounds).saturating_mul(if *md5 { 1_000 } else { 2_000 })
            }
        };
        Duration::from_nanos(nanoseconds)
    }
}

pub(super) fn argon2_time(params: &Argon2Params) -> Duration {
    Duration::from_nanos(params.work().saturating_mul(500))
}

fn scrypt_blocks(log_n: u8, r: u32, p: u32) -> u64 {
    let n = 1_u64.checked_shl(u32::from(log_n)).unwrap_or(u64::MAX);
    n.saturating_mul(u64::from(r)).saturating_mul(u64::from(p))
}

/// A hash with these parts, unless it takes too long.
pub(super) fn affordable(
    kind: HashKind,
    cost: Cost,
    salt: Vec<u8>,
    digest: Vec<u8>,
) -> Result<Stored, UnsupportedHash> {
    let time = cost.time(digest.len());
    if time > MAX_TIME {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        return Err(UnsupportedHash::TooExpensive {
            kind,
            what: "its time on a slow core in milliseconds",
            given: milliseconds(time),
            most: milliseconds(MAX_TIME),
        });
    }
    Ok(Stored { kind, first: First::Nothing, pepper: None, cost, salt, digest })
}

/// PBKDF2 (RFC 8018 section 5.2).
pub(super) fn pbkdf2(
    sha: Sha,
    iterations: u32,
    salt: Vec<u8>,
    digest: Vec<u8>,
) -> Result<Stored, UnsupportedHash> {
    let damaged = damage(sha.pbkdf2());
    if iterations == 0 {
        return Err(damaged("it has no iterations"));
    }
    if !(MIN_DIGEST_BYTES..=MAX_DIGEST_BYTES).contains(&digest.len()) {
        return Err(damaged("its digest is not 12 to 64 bytes"));
    }
    affordable(sha.pbkdf2(), Cost::Pbkdf2 { sha, iterations }, salt, digest)
}

/// scrypt (RFC 7914).
pub(super) fn scrypt(
    (log_n, r, p): (u32, u32, u32),
    salt: Vec<u8>,
    digest: Vec<u8>,
) -> Result<Stored, UnsupportedHash> {
    let kind = HashKind::Scrypt;
    let log_n = scrypt_log_n(kind, log_n, r, p)?;
    if !(MIN_DIGEST_BYTES..=MAX_DIGEST_BYTES).contains(&digest.len()) {
        return Err(damage(kind)("its digest is not 12 to 64 bytes"));
    }
    affordable(kind, Cost::Scrypt { log_n, r, p }, salt, digest)
}

/// Bounds the memory that scrypt needs.
pub(super) fn scrypt_log_n(kind: HashKind, log_n: u32, r: u32, p: u32) -> Result<u8, UnsupportedHash> {
    if log_n == 0 || r == 0 || p == 0 {
        return Err(damage(kind)("its parameters are too small for scrypt"));
    }
    let n = 1_u64.checked_shl(log_n).unwrap_or(u64::MAX);
    let memory = n.saturating_mul(u64::from(r)).saturating_mul(128);
    if memory > MAX_SCRYPT_BYTES {
        let (what, given, most) = ("memory in bytes (128 * N * r)", memory, MAX_SCRYPT_BYTES);
        return Err(UnsupportedHash::TooExpensive { kind, what, given, most });
    }
    u8::try_from(log_n).map_err(|_| damage(kind)("its N is out of range"))
}

/// N written out, where only a power of two is one.
pub(super) fn log_of(n: u32) -> Option<u32> {
    n.is_power_of_two().then(|| n.ilog2())
}
