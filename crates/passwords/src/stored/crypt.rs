//! Strings of Unix crypt and what PHP applications made in its likeness: `$5$`, `$6$`, phpass and Drupal's.

use super::{Cost, First, HashKind, Sha, Stored, UnsupportedHash, affordable, damage, number};

/// Low bits first, unlike base64.
const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// What `$5$` and `$6$` without a number have.
const DEFAULT_ROUNDS: u32 = 5_000;

pub(super) fn read(stored: &str) -> Option<Result<Stored, UnsupportedHash>> {
    let (name, rest) = stored.strip_prefix('$')?.split_once('$')?;
    Some(match name {
        "5" => sha_crypt(HashKind::Sha256Crypt, Sha::Two256, rest),
        "6" => sha_crypt(HashKind::Sha512Crypt, Sha::Two512, rest),
        "P" | "H" => rounds(HashKind::Phpass, rest),
        "S" => rounds(HashKind::Drupal, rest),
        _ => return None,
    })
}

/// `rounds=656000$salt$digest` or `salt$digest`.
fn sha_crypt(kind: HashKind, sha: Sha, rest: &str) -> Result<Stored, UnsupportedHash> {
    let damaged = damage(kind);
    let (rounds, rest) = match rest.strip_prefix("rounds=").map(|rest| rest.split_once('$')) {
        Some(Some((rounds, rest))) => (number(rounds), rest),
        Some(None) => (None, rest),
        None => (Some(DEFAULT_ROUNDS), rest),
    };
    // crypt itself takes a smaller number for 1000, and no system writes one.
    let rounds = rounds.filter(|rounds| *rounds >= 1_000);
    let rounds = rounds.ok_or_else(|| damaged("its number of rounds is not 1000 or more"))?;
    let (salt, digest) = rest.split_once('$').ok_or_else(|| damaged("it has no digest"))?;
    if salt.len() > 16 {
        return Err(damaged("its salt is longer than 16 characters"));
    }
    let digest = decode(digest).filter(|digest| digest.len() == sha.bytes());
    let digest = digest.ok_or_else(|| damaged("its digest has not the right length"))?;
    affordable(kind, Cost::ShaCrypt { sha, rounds }, salt.as_bytes().to_vec(), digest)
}

/// One character of rounds, eight of salt, and the digest: of MD5 whole, of SHA-512 the first 43 characters.
fn rounds(kind: HashKind, rest: &str) -> Result<Stored, UnsupportedHash> {
    let damaged = damage(kind);
    let (settings, digest) = rest.split_at_checked(9).ok_or_else(|| damaged("it is too short"))?;
    let (log, salt) = settings.split_at_checked(1).ok_or_else(|| damaged("it is too short"))?;
    let log = log.bytes().next().and_then(value);
    let rounds = log.filter(|log| (7..=30).contains(log)).map(|log| 1_u32 << log);
    let rounds = rounds.ok_or_else(|| damaged("its number of rounds is out of range"))?;
    let (md5, length) = if kind == HashKind::Phpass { (true, 16) } else { (false, 32) };
    let digest = decode(digest).filter(|digest| digest.len() == length);
    let digest = digest.ok_or_else(|| damaged("its digest has not the right length"))?;
    affordable(kind, Cost::Rounds { md5, rounds }, salt.as_bytes().to_vec(), digest)
}

/// Drupal's `U$S$..`: a hash of what an older version had stored, an MD5.
pub(super) fn of_old_drupal(stored: &str) -> Option<Result<Stored, UnsupportedHash>> {
    let rest = stored.strip_prefix("U$S$")?;
    Some(rounds(HashKind::Drupal, rest).map(|read| read.after(HashKind::Drupal, First::Md5Hex)))
}

fn value(byte: u8) -> Option<u32> {
    ALPHABET.iter().position(|known| *known == byte).and_then(|place| u32::try_from(place).ok())
}

/// Whole bytes; bits that are left over are left out.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    for group in text.as_bytes().chunks(4) {
        let mut bits = 0;
        for (place, byte) in group.iter().enumerate() {
            bits |= value(*byte)? << (6 * place);
        }
        decoded.extend(bits.to_le_bytes().iter().take(group.len() * 6 / 8));
    }
    Some(decoded)
}
