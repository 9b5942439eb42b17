//! ASP.NET Core Identity, version 3: base64 of one byte 1, the PRF, the iterations, the salt's length, the salt and the subkey.

use super::{BASE64, Sha, Stored, UnsupportedHash, bytes, damage, pbkdf2};

/// The marker, and three numbers.
const HEAD_BYTES: usize = 13;

pub(super) fn read(stored: &str) -> Option<Result<Stored, UnsupportedHash>> {
    // The marker and the first byte of the PRF's number, which is small.
    if !stored.starts_with("AQAAAA") {
        return None;
    }
    let all = bytes(&BASE64, stored, HEAD_BYTES..=256)?;
    let word = |at: usize| Some(u32::from_be_bytes(all.get(at..at + 4)?.try_into().ok()?));
    let sha = match word(1)? {
        0 => Sha::One,
        1 => Sha::Two256,
        2 => Sha::Two512,
        _ => return None,
    };
    let (iterations, salt_bytes) = (word(5)?, usize::try_from(word(9)?).ok()?);
    let rest = all.get(HEAD_BYTES..)?;
    Some(match rest.split_at_checked(salt_bytes) {
        Some((salt, digest)) if salt.len() <= 64 => pbkdf2(sha, iterations, salt.to_vec(), digest.to_vec()),
        _ => Err(damage(sha.pbkdf2())("its salt is longer than it is itself")),
    })
}
