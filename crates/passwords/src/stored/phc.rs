//! PHC strings (argon2, scrypt, PBKDF2), what passlib writes like them, and modular crypt's bcrypt.

use argon2::{Algorithm, Version};

use super::{
    BASE64, Cost, HashKind, Sha, Stored, UnsupportedHash, affordable, bcrypt, bytes, damage, digest_of,
    dotted, members, number, parts, pbkdf2, scrypt,
};
use crate::params::{Argon2Params, BadParams};

pub(super) fn read(stored: &str) -> Option<Result<Stored, UnsupportedHash>> {
    let (name, rest) = stored.strip_prefix('$')?.split_once('$')?;
    Some(match name {
        "argon2id" => argon2(HashKind::Argon2id, Algorithm::Argon2id, rest),
        "argon2i" => argon2(HashKind::Argon2i, Algorithm::Argon2i, rest),
        "argon2d" => argon2(HashKind::Argon2d, Algorithm::Argon2d, rest),
        "2a" | "2b" | "2y" => bcrypt::read(rest),
        "bcrypt-sha256" => bcrypt::of_passlib(rest),
        "wp" => bcrypt::of_wordpress(rest),
        "scrypt" => scrypt_string(rest),
        "pbkdf2" => pbkdf2_string(Sha::One, rest),
        "pbkdf2-sha256" => pbkdf2_string(Sha::Two256, rest),
        "pbkdf2-sha384" => pbkdf2_string(Sha::Two384, rest),
        "pbkdf2-sha512" => pbkdf2_string(Sha::Two512, rest),
        _ => return None,
    })
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
    let [numbers, salt, digest] = parts(rest, '$').ok_or_else(|| damaged("it does not have five parts"))?;
    let [memory_kib, iterations, parallelism] =
        members(numbers, ["m", "t", "p"]).ok_or_else(|| damaged("its parameters are not m, t and p"))?;
    let params = Argon2Params { memory_kib, iterations, parallelism };
    params.validate().map_err(|refusal| too_expensive_or_damaged(kind, refusal))?;
    let salt =
        bytes(&BASE64, salt, 8..=64).ok_or_else(|| damaged("its salt is not 8 to 64 bytes of base64"))?;
    let digest = digest_of(kind, digest)?;
    affordable(kind, Cost::Argon2 { algorithm, version, params }, salt, digest)
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

/// `ln=17,r=8,p=1$salt$digest` (also what passlib writes).
fn scrypt_string(rest: &str) -> Result<Stored, UnsupportedHash> {
    let damaged = damage(HashKind::Scrypt);
    let [numbers, salt, digest] = parts(rest, '$').ok_or_else(|| damaged("it does not have four parts"))?;
    let [log_n, r, p] =
        members(numbers, ["ln", "r", "p"]).ok_or_else(|| damaged("its parameters are not ln, r and p"))?;
    let salt = bytes(&BASE64, salt, 0..=64).ok_or_else(|| damaged("its salt is not base64"))?;
    scrypt((log_n, r, p), salt, digest_of(HashKind::Scrypt, digest)?)
}

/// `i=600000,l=32$salt$digest` (PHC string) or `29000$salt$digest` (passlib, whose base64 has `.` for `+`).
pub(super) fn pbkdf2_string(sha: Sha, rest: &str) -> Result<Stored, UnsupportedHash> {
    let kind = sha.pbkdf2();
    let damaged = damage(kind);
    let [numbers, salt, digest] = parts(rest, '$').ok_or_else(|| damaged("it does not have four parts"))?;
    let (iterations, length) = if let Some(iterations) = number(numbers) {
        (iterations, None)
    } else if let Some([iterations, length]) = members(numbers, ["i", "l"]) {
        (iterations, Some(length))
    } else {
        let [iterations] =
            members(numbers, ["i"]).ok_or_else(|| damaged("it has no number of iterations"))?;
        (iterations, None)
    };
    let salt = dotted(salt, 0..=64).ok_or_else(|| damaged("its salt is not base64"))?;
    let digest = digest_of(kind, &digest.replace('.', "+"))?;
    if length.is_some_and(|length| usize::try_from(length) != Ok(digest.len())) {
        return Err(damaged("its digest is not as long as it says"));
    }
    pbkdf2(sha, iterations, salt, digest)
}
