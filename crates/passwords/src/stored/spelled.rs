//! How the parts of a hash are spelled: numbers, base64, hexadecimal digits, and what stands between them.

use base64::Engine as _;
use base64::engine::GeneralPurpose;

use super::kind::{HashKind, UnsupportedHash};
use super::{BASE64, MAX_DIGEST_BYTES, MIN_DIGEST_BYTES};

pub(super) fn damage(kind: HashKind) -> impl Fn(&'static str) -> UnsupportedHash {
    move |what| UnsupportedHash::Damaged { kind, what }
}

pub(super) fn parts<const N: usize>(text: &str, separator: char) -> Option<[&str; N]> {
    text.split(separator).collect::<Vec<_>>().try_into().ok()
}

/// The values of exactly these names, each given once, in any order: `m=65536,t=3,p=4`.
pub(super) fn members<const N: usize>(text: &str, names: [&str; N]) -> Option<[u32; N]> {
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
pub(super) fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

pub(super) fn bytes(
    alphabet: &GeneralPurpose,
    text: &str,
    length: std::ops::RangeInclusive<usize>,
) -> Option<Vec<u8>> {
    alphabet.decode(text).ok().filter(|bytes| length.contains(&bytes.len()))
}

/// base64 as passlib and OpenLDAP write it too: `.` for `+`.
pub(super) fn dotted(text: &str, length: std::ops::RangeInclusive<usize>) -> Option<Vec<u8>> {
    bytes(&BASE64, &text.replace('.', "+"), length)
}

/// Hexadecimal digits of either case.
pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()
        })
        .collect()
}

pub(super) fn digest_of(kind: HashKind, text: &str) -> Result<Vec<u8>, UnsupportedHash> {
    bytes(&BASE64, text, MIN_DIGEST_BYTES..=MAX_DIGEST_BYTES)
        .ok_or_else(|| damage(kind)("its digest is not 12 to 64 bytes of base64"))
}
