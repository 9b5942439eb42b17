//! base64url without padding, the one text form of bytes in JOSE (RFC 7515 section 2). Decoding is strict: no
//! padding, no other alphabet, no bits left over, so that one value has one spelling.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Appends to `text` without an allocation of its own: token signing is hot.
pub(crate) fn encode_onto(text: &mut String, bytes: &[u8]) {
    URL_SAFE_NO_PAD.encode_string(bytes, text);
}

/// How many characters `count` bytes take.
pub(crate) const fn encoded_len(count: usize) -> usize {
    (count * 4).div_ceil(3)
}

pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// base64 with padding, which JOSE uses for certificates alone (RFC 7515 section 4.1.6).
pub(crate) fn decode_standard(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Exactly `N` bytes, in a buffer that is wiped.
pub(crate) fn decode_array<const N: usize>(text: &str) -> Option<Zeroizing<[u8; N]>> {
    let mut bytes = Zeroizing::new([0; N]);
    let count = URL_SAFE_NO_PAD.decode_slice(text, bytes.as_mut_slice()).ok()?;
    (count == N).then_some(bytes)
}
