//! Reads a stored password hash: which algorithm, which cost, which salt, which digest, and whether computing it
//! again is affordable. Computes nothing and sees no password.
//!
//! A stored hash may come from an import and is not trusted: every number in it is bounded here, before a
//! thread spends memory or time on it.

use argon2::{Algorithm, Version};
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::fmt;

use crate::hasher::SALT_BYTES;
use crate::params::{Argon2Params, BadParams};

/// No known format comes near it.
const MAX_STORED_BYTES: usize = 512;
/// Shorter digests would be guessed; the PHC string format has the same lower bound for outputs, nearly.
const MIN_DIGEST_BYTES: usize = 12;
/// The longest digest any of the formats has.
pub(crate) const MAX_DIGEST_BYTES: usize = 64;
/// Bytes of digest in the hashes this crate makes.
pub(crate) const DIGEST_BYTES: usize = 32;
/// Cost 15 takes about two seconds; PHP's, Spring's and Rails' defaults are 10 to 12.
const MAX_BCRYPT_COST: u32 = 15;
/// 128 bytes * N * r: as much as an Argon2 hash may use.
const MAX_SCRYPT_BYTES: u64 = crate::params::MAX_MEMORY_KIB as u64 * 1024;
/// N * r * p: four times OWASP's recommendation (N = 2^17, r = 8, p = 1), a second or two.
const MAX_SCRYPT_WORK: u64 = 1 << 22;
/// Iterations times digest blocks. OWASP's and Django's defaults are near one million.
const MAX_PBKDF2_WORK: u64 = 5_000_000;

/// Lenient where old software was careless (padding, trailing bits): the digest is compared as bytes.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_encode_padding(false)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const BCRYPT_BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, LENIENT);

/// Which algorithm made a stored hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashKind {
    /// RFC 9106; what this crate makes.
    Argon2id,
    /// RFC 9106.
    Argon2i,
    /// RFC 9106.
    Argon2d,
    /// `$2a$`, `$2b$`, `$2y$`. Only the first 72 bytes of a password count.
    Bcrypt,
    /// RFC 7914.
    Scrypt,
    /// RFC 8018 with HMAC-SHA-1.
    Pbkdf2Sha1,
    /// RFC 8018 with HMAC-SHA-256.
    Pbkdf2Sha256,
    /// RFC 8018 with HMAC-SHA-512.
    Pbkdf2Sha512,
}

impl fmt::Display for HashKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Argon2id => "argon2id",
            Self::Argon2i => "argon2i",
            Self::Argon2d => "argon2d",
            Self::Bcrypt => "bcrypt",
            Self::Scrypt => "scrypt",
            Self::Pbkdf2Sha1 => "pbkdf2-sha1",
            Self::Pbkdf2Sha256 => "pbkdf2-sha256",
            Self::Pbkdf2Sha512 => "pbkdf2-sha512",
        })
    }
}

/// Why a stored hash cannot be verified. Never contains any part of the hash but the number that is too large.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnsupportedHash {
    /// Not one of the formats.
    #[error(
        "not a password hash of a known format: argon2, bcrypt ($2a$, $2b$, $2y$), scrypt and PBKDF2 \
         (PHC strings, passlib's and Django's) are read"
    )]
    UnknownFormat,
    /// `$2x$` marks hashes made by a bcrypt with a known fault, which confuses different passwords.
    #[error(
        "bcrypt $2x$ hashes come from a faulty bcrypt that confuses different passwords: reset these passwords"
    )]
    FaultyBcrypt,
    /// The format is known, and this is not a whole hash of it.
    #[error("damaged {kind} hash: {what}")]
    Damaged {
        /// The algorithm its beginning names.
        kind: HashKind,
        /// What is wrong.
        what: &'static str,
    },
    /// Verifying it would take more time or memory than a sign-in may.
    #[error("{kind} hash is too expensive: {what} is {given}, at most {most} is accepted")]
    TooExpensive {
        /// The algorithm.
        kind: HashKind,
        /// Which quantity.
        what: &'static str,
        /// What the hash asks for.
        given: u64,
        /// What is accepted.
        most: u64,
    },
}

/// Names the algorithm of a stored hash, or says why it cannot be verified. Import asks this of every row.
pub fn inspect(stored: &str) -> Result<HashKind, UnsupportedHash> {
    Stored::parse(stored).map(|stored| stored.kind)
}

/// A stored hash, read and affordable.
pub(crate) struct Stored {
    pub(crate) kind: HashKind,
    pub(crate) cost: Cost,
    pub(crate) salt: Vec<u8>,
    pub(crate) digest: Vec<u8>,
}

/// What computing the hash takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cost {
    Argon2 { algorithm: Algorithm, version: Version, params: Argon2Params },
    Bcrypt { cost: u32, salt: [u8; 16] },
    Scrypt { log_n: u8, r: u32, p: u32 },
    Pbkdf2 { iterations: u32 },
}

impl Stored {
    pub(crate) fn parse(stored: &str) -> Result<Self, UnsupportedHash> {
        if stored.len() > MAX_STORED_BYTES {
            return Err(UnsupportedHash::UnknownFormat);
        }
        if let Some((name, rest)) = stored.strip_prefix('$').and_then(|rest| rest.split_once('$')) {
            return match name {
                "argon2id" => argon2(HashKind::Argon2id, Algorithm::Argon2id, rest),
                "argon2i" => argon2(HashKind::Argon2i, Algorithm::Argon2i, rest),
                "argon2d" => argon2(HashKind::Argon2d, Algorithm::Argon2d, rest),
                "2a" | "2b" | "2y" => bcrypt(rest),
                "2x" => Err(UnsupportedHash::FaultyBcrypt),
                "scrypt" => scrypt(rest),
                "pbkdf2" => pbkdf2(HashKind::Pbkdf2Sha1, rest),
                "pbkdf2-sha256" => pbkdf2(HashKind::Pbkdf2Sha256, rest),
                "pbkdf2-sha512" => pbkdf2(HashKind::Pbkdf2Sha512, rest),
                _ => Err(UnsupportedHash::UnknownFormat),
            };
        }
        match stored.split_once('$') {
            Some(("pbkdf2_sha256", rest)) => django(HashKind::Pbkdf2Sha256, rest),
            Some(("pbkdf2_sha1", rest)) => django(HashKind::Pbkdf2Sha1, rest),
            _ => Err(UnsupportedHash::UnknownFormat),
        }
    }

    /// Whether a hash made now with `params` would be of the same make; if not, it is replaced at the next sign-in.
    pub(crate) fn is_current(&self, params: &Argon2Params) -> bool {
        let now = Cost::Argon2 { algorithm: Algorithm::Argon2id, version: Version::V0x13, params: *params };
        self.cost == now && self.salt.len() >= SALT_BYTES && self.digest.len() >= DIGEST_BYTES
    }
}

/// `v=19$m=65536,t=3,p=4$salt$digest`; without `v` it is version 1.0 (16).
fn argon2(kind: HashKind, algorithm: Algorithm, rest: &str) -> Result<Stored, UnsupportedHash> {
    let damaged = damage(kind);
    let (version, rest) = match rest.strip_prefix("v=").and_then(|rest| rest.split_once('$')) {
        Some(("19", rest)) => (Version::V0x13, rest),
        Some(("16", rest)) => (Version::V0x10, rest),
        Some(_) => return Err(damaged("its version is neither 16 nor 19")),
        None => (Version::V0x10, rest),
    };
    let [numbers, salt, digest] = parts(rest).ok_or_else(|| damaged("it does not have five parts"))?;
    let [memory_kib, iterations, parallelism] =
        named(numbers, ["m", "t", "p"]).ok_or_else(|| damaged("its parameters are not m, t and p"))?;
    let params = Argon2Params { memory_kib, iterations, parallelism };
    params.validate().map_err(|refusal| too_expensive_or_damaged(kind, refusal))?;
    let salt =
        bytes(&BASE64, salt, 8..=64).ok_or_else(|| damaged("its salt is not 8 to 64 bytes of base64"))?;
    let digest = digest_of(kind, digest)?;
    Ok(Stored { kind, cost: Cost::Argon2 { algorithm, version, params }, salt, digest })
}

fn too_expensive_or_damaged(kind: HashKind, refusal: BadParams) -> UnsupportedHash {
    let (what, given, most) = match refusal {
        BadParams::TooMuchMemory { given } => {
            ("memory in KiB", u64::from(given), u64::from(crate::params::MAX_MEMORY_KIB))
        }
        BadParams::TooMuchWork { given } => {
            ("memory in KiB times iterations", given, crate::params::MAX_ARGON2_WORK_KIB)
        }
        BadParams::Parallelism { given } if given > 0 => {
            ("parallelism", u64::from(given), u64::from(crate::params::MAX_PARALLELISM))
        }
        BadParams::Parallelism { .. } | BadParams::TooLittleMemory { .. } | BadParams::NoIterations => {
            return UnsupportedHash::Damaged { kind, what: "its parameters are too small for Argon2" };
        }
    };
    UnsupportedHash::TooExpensive { kind, what, given, most }
}

/// `12$` and 53 characters: 22 of salt, 31 of digest.
fn bcrypt(rest: &str) -> Result<Stored, UnsupportedHash> {
    let kind = HashKind::Bcrypt;
    let damaged = damage(kind);
    let (cost, text) = rest.split_once('$').ok_or_else(|| damaged("it has no cost"))?;
    let cost = number(cost)
        .filter(|_| cost.len() == 2)
        .filter(|cost| (4..=31).contains(cost))
        .ok_or_else(|| damaged("its cost is not a number from 04 to 31"))?;
    if cost > MAX_BCRYPT_COST {
        let (given, most) = (u64::from(cost), u64::from(MAX_BCRYPT_COST));
        return Err(UnsupportedHash::TooExpensive { kind, what: "cost", given, most });
    }
    let (salt, digest) = text
        .split_at_checked(22)
        .filter(|(_, digest)| digest.len() == 31)
        .ok_or_else(|| damaged("its salt and digest are not 53 characters"))?;
    let salt = bytes(&BCRYPT_BASE64, salt, 16..=16)
        .and_then(|salt| <[u8; 16]>::try_from(salt).ok())
        .ok_or_else(|| damaged("its salt is not base64"))?;
    let digest = bytes(&BCRYPT_BASE64, digest, 23..=23).ok_or_else(|| damaged("its digest is not base64"))?;
    Ok(Stored { kind, cost: Cost::Bcrypt { cost, salt }, salt: Vec::new(), digest })
}

/// `ln=17,r=8,p=1$salt$digest` (also what passlib writes).
fn scrypt(rest: &str) -> Result<Stored, UnsupportedHash> {
    let kind = HashKind::Scrypt;
    let damaged = damage(kind);
    let [numbers, salt, digest] = parts(rest).ok_or_else(|| damaged("it does not have four parts"))?;
    let [log_n, r, p] =
        named(numbers, ["ln", "r", "p"]).ok_or_else(|| damaged("its parameters are not ln, r and p"))?;
    if log_n == 0 || r == 0 || p == 0 {
        return Err(damaged("its parameters are too small for scrypt"));
    }
    let n = 1_u64.checked_shl(log_n).unwrap_or(u64::MAX);
    let memory = n.saturating_mul(u64::from(r)).saturating_mul(128);
    if memory > MAX_SCRYPT_BYTES {
        let (what, given, most) = ("memory in bytes (128 * N * r)", memory, MAX_SCRYPT_BYTES);
        return Err(UnsupportedHash::TooExpensive { kind, what, given, most });
    }
    let work = n.saturating_mul(u64::from(r)).saturating_mul(u64::from(p));
    if work > MAX_SCRYPT_WORK {
        let (what, given, most) = ("work (N * r * p)", work, MAX_SCRYPT_WORK);
        return Err(UnsupportedHash::TooExpensive { kind, what, given, most });
    }
    let log_n = u8::try_from(log_n).map_err(|_| damaged("its ln is out of range"))?;
    let salt = bytes(&BASE64, salt, 0..=64).ok_or_else(|| damaged("its salt is not base64"))?;
    let digest = digest_of(kind, digest)?;
    Ok(Stored { kind, cost: Cost::Scrypt { log_n, r, p }, salt, digest })
}

/// `i=600000,l=32$salt$digest` (PHC string) or `29000$salt$digest` (passlib, whose base64 has `.` for `+`).
fn pbkdf2(kind: HashKind, rest: &str) -> Result<Stored, UnsupportedHash> {
    let damaged = damage(kind);
    let [numbers, salt, digest] = parts(rest).ok_or_else(|| damaged("it does not have four parts"))?;
    let (iterations, length) = if let Some(iterations) = number(numbers) {
        (iterations, None)
    } else if let Some([iterations, length]) = named(numbers, ["i", "l"]) {
        (iterations, Some(length))
    } else {
        let [iterations] = named(numbers, ["i"]).ok_or_else(|| damaged("it has no number of iterations"))?;
        (iterations, None)
    };
    let salt =
        bytes(&BASE64, &salt.replace('.', "+"), 0..=64).ok_or_else(|| damaged("its salt is not base64"))?;
    let digest = digest_of(kind, &digest.replace('.', "+"))?;
    if length.is_some_and(|length| usize::try_from(length) != Ok(digest.len())) {
        return Err(damaged("its digest is not as long as it says"));
    }
    pbkdf2_within_bounds(kind, iterations, salt, digest)
}

/// `260000$salt$digest`: the salt is text, not base64.
fn django(kind: HashKind, rest: &str) -> Result<Stored, UnsupportedHash> {
    let damaged = damage(kind);
    let [iterations, salt, digest] = parts(rest).ok_or_else(|| damaged("it does not have four parts"))?;
    let iterations = number(iterations).ok_or_else(|| damaged("it has no number of iterations"))?;
    let digest = digest_of(kind, digest)?;
    pbkdf2_within_bounds(kind, iterations, salt.as_bytes().to_vec(), digest)
}

fn pbkdf2_within_bounds(
    kind: HashKind,
    iterations: u32,
    salt: Vec<u8>,
    digest: Vec<u8>,
) -> Result<Stored, UnsupportedHash> {
    if iterations == 0 {
        return Err(damage(kind)("it has no iterations"));
    }
    let block = match kind {
        HashKind::Pbkdf2Sha1 => 20,
        HashKind::Pbkdf2Sha256 => 32,
        _ => 64,
    };
    // Every block of the digest costs all the iterations again (RFC 8018 section 5.2).
    let blocks = u64::try_from(digest.len().div_ceil(block)).unwrap_or(u64::MAX);
    let work = u64::from(iterations).saturating_mul(blocks);
    if work > MAX_PBKDF2_WORK {
        let what = "iterations times digest blocks";
        return Err(UnsupportedHash::TooExpensive { kind, what, given: work, most: MAX_PBKDF2_WORK });
    }
    Ok(Stored { kind, cost: Cost::Pbkdf2 { iterations }, salt, digest })
}

fn damage(kind: HashKind) -> impl Fn(&'static str) -> UnsupportedHash {
    move |what| UnsupportedHash::Damaged { kind, what }
}

fn parts<const N: usize>(text: &str) -> Option<[&str; N]> {
    text.split('$').collect::<Vec<_>>().try_into().ok()
}

/// The values of exactly these names, each given once, in any order: `m=65536,t=3,p=4`.
fn named<const N: usize>(text: &str, names: [&str; N]) -> Option<[u32; N]> {
    let mut values = [None; N];
    for pair in text.split(',') {
        let (name, value) = pair.split_once('=')?;
        let place = names.iter().position(|known| *known == name)?;
        if values[place].replace(number(value)?).is_some() {
            return None;
        }
    }
    let mut found = [0; N];
    for (place, value) in found.iter_mut().zip(values) {
        *place = value?;
    }
    Some(found)
}

/// Decimal digits only: `u32::from_str` would take a sign.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn bytes(alphabet: &GeneralPurpose, text: &str, length: std::ops::RangeInclusive<usize>) -> Option<Vec<u8>> {
    alphabet.decode(text).ok().filter(|bytes| length.contains(&bytes.len()))
}

fn digest_of(kind: HashKind, text: &str) -> Result<Vec<u8>, UnsupportedHash> {
    bytes(&BASE64, text, MIN_DIGEST_BYTES..=MAX_DIGEST_BYTES)
        .ok_or_else(|| damage(kind)("its digest is not 12 to 64 bytes of base64"))
}

#[cfg(test)]
mod tests;
