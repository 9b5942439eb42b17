//! API keys: opaque tokens written so that secret scanners find them, and know by the checksum that they are no accident:
//! `dwk_<22>_<44>_<6>` in base62, for selector, secret and the CRC-32 of what stands before. One key has one spelling. Knows nothing of
//! what a key allows.

use crate::opaque::OpaqueToken;
use crate::random::Random;
use protocol::SecretHash;
use std::fmt;
use zeroize::Zeroizing;

/// What every API key begins with.
pub const API_KEY_PREFIX: &str = "dwk_";

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Digits of 128 bits.
const WIDE: usize = 22;
/// Digits of 32 bits.
const NARROW: usize = 6;

/// An API key in the hands of whoever presented it, or about to be handed out.
pub struct ApiKey(OpaqueToken);

impl ApiKey {
    /// A new key for the row `selector`.
    pub fn generate(selector: [u8; 16], random: &mut dyn Random) -> Self {
        Self(OpaqueToken::generate(selector, random))
    }

    /// Reads exactly what [`reveal`](Self::reveal) writes; any other spelling is no key.
    pub fn parse(text: &str) -> Option<Self> {
        let (body, checksum) = text.rsplit_once('_')?;
        let (selector, secret) = body.strip_prefix(API_KEY_PREFIX)?.split_once('_')?;
        if checksum.len() != NARROW || number(checksum)? != u128::from(crc32(body.as_bytes())) {
            return None;
        }
        let (high, low) = secret.is_ascii().then(|| secret.split_at_checked(WIDE)).flatten()?;
        let mut bytes = Zeroizing::new([0; 32]);
        bytes[..16].copy_from_slice(&wide(high)?);
        bytes[16..].copy_from_slice(&wide(low)?);
        Some(Self(OpaqueToken::from_parts(wide(selector)?, *bytes)))
    }

    /// The key of the row it belongs to. Not secret.
    pub fn selector(&self) -> [u8; 16] {
        self.0.selector()
    }

    /// The text handed out, once.
    pub fn reveal(&self) -> String {
        let (high, low) = self.0.secret().split_at(16);
        let mut text = String::with_capacity(API_KEY_PREFIX.len() + 3 * WIDE + NARROW + 2);
        text.push_str(&shown_selector(&self.selector()));
        text.push('_');
        write(&mut text, from_bytes(high), WIDE);
        write(&mut text, from_bytes(low), WIDE);
        let checksum = crc32(text.as_bytes());
        text.push('_');
        write(&mut text, checksum.into(), NARROW);
        text
    }

    /// What the row stores.
    pub fn hash(&self) -> SecretHash {
        self.0.hash()
    }

    /// Whether the row with this hash belongs to this key, in constant time.
    pub fn matches(&self, stored: &SecretHash) -> bool {
        self.0.matches(stored)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}, ..)", shown_selector(&self.selector()))
    }
}

/// How a key is named without its secret: `dwk_` and the selector.
pub fn shown_selector(selector: &[u8; 16]) -> String {
    let mut text = API_KEY_PREFIX.to_owned();
    write(&mut text, u128::from_be_bytes(*selector), WIDE);
    text
}

/// The selector of a key that is named by its beginning, or written out whole.
pub fn named_selector(text: &str) -> Option<[u8; 16]> {
    let rest = text.strip_prefix(API_KEY_PREFIX)?;
    wide(rest.split('_').next()?)
}

fn from_bytes(bytes: &[u8]) -> u128 {
    bytes.iter().fold(0, |number, &byte| number << 8 | u128::from(byte))
}

fn write(text: &mut String, mut number: u128, digits: usize) {
    let mut written = Zeroizing::new([b'0'; WIDE]);
    for digit in written[..digits].iter_mut().rev() {
        *digit = DIGITS[(number % 62) as usize];
        number /= 62;
    }
    text.extend(written[..digits].iter().copied().map(char::from));
}

fn wide(text: &str) -> Option<[u8; 16]> {
    (text.len() == WIDE).then(|| number(text)).flatten().map(u128::to_be_bytes)
}

/// Nothing when a character is no digit, or 128 bits are not enough.
fn number(text: &str) -> Option<u128> {
    text.bytes().try_fold(0_u128, |number, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            b'a'..=b'z' => byte - b'a' + 36,
            _ => return None,
        };
        number.checked_mul(62)?.checked_add(digit.into())
    })
}

/// CRC-32 as in zip and PNG (ISO-HDLC): no protection, only a sign that this is meant to be a key.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| crc >> 1 ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;
    use proptest::prelude::*;

    #[test]
    fn the_checksum_is_the_one_of_zip_and_png() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn a_key_is_what_scanners_look_for_and_hides_its_secret() {
        let key = ApiKey::generate([7; 16], &mut SeededRandom::new(1));
        let text = key.reveal();
        let parts: Vec<_> = text.split('_').collect();
        let [prefix, selector, secret, checksum] = parts[..] else { panic!("{text}") };
        assert_eq!((prefix, selector.len(), secret.len(), checksum.len()), ("dwk", 22, 44, 6));
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
        assert_eq!(format!("{key:?}"), format!("ApiKey(dwk_{selector}, ..)"));
        assert_eq!(named_selector(&text), Some([7; 16]));
        assert_eq!(named_selector(&format!("dwk_{selector}")), Some([7; 16]));
        assert_eq!(shown_selector(&[7; 16]), format!("dwk_{selector}"));
    }

    #[test]
    fn only_the_exact_spelling_is_a_key() {
        let text = ApiKey::generate([255; 16], &mut SeededRandom::new(2)).reveal();
        assert!(ApiKey::parse(&text).is_some());
        let body = &text[..text.len() - 7];
        let signed = |body: String| {
            let mut text = body;
            let checksum = crc32(text.as_bytes());
            text.push('_');
            write(&mut text, checksum.into(), NARROW);
            text
        };
        assert_eq!(signed(body.to_owned()), text);
        for wrong in [
            String::new(),
            "dwk_".to_owned(),
            text.to_ascii_lowercase(),
            format!("{text}0"),
            format!(" {text}"),
            text[1..].to_owned(),
            body.to_owned(),
            format!("{body}_zzzzzz"),
            // With a checksum that is right, but too many bits, too few digits, or none.
            signed(format!("dwk_{}_{}", "z".repeat(22), &body[27..])),
            signed(body[..body.len() - 1].to_owned()),
            signed(format!("{body}0")),
            signed(body.replace("dwk_", "dwx_")),
            signed(format!("{}ä", &body[..body.len() - 2])),
            signed(format!("{}-", &body[..body.len() - 1])),
        ] {
            assert!(ApiKey::parse(&wrong).is_none(), "{wrong}");
        }
        // One changed character is noticed before anything is looked up.
        for at in 4..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'a' { b'b' } else { b'a' };
            assert!(ApiKey::parse(&String::from_utf8(changed).unwrap()).is_none(), "{at}");
        }
    }

    proptest! {
        #[test]
        fn keys_round_trip(selector: [u8; 16], seed: u64) {
            let key = ApiKey::generate(selector, &mut SeededRandom::new(seed));
            let read = ApiKey::parse(&key.reveal()).ok_or_else(|| TestCaseError::fail("unreadable"))?;
            prop_assert_eq!(read.selector(), selector);
            prop_assert!(read.matches(&key.hash()));
        }

        #[test]
        fn what_parses_is_what_reveals(text in "dwk_[0-9A-Za-z_]{0,80}|.*") {
            if let Some(key) = ApiKey::parse(&text) {
                prop_assert_eq!(key.reveal(), text);
            }
        }
    }
}
