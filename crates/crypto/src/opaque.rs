//! Opaque tokens and client secrets: made here, compared here, stored only as a [`SecretHash`].
//!
//! A token is `selector.secret`: the selector is the row's time-ordered key, so that a lookup touches no random
//! index; the secret is 256 random bits, and the row holds only its SHA-256. Knows nothing of what a token allows.

use std::fmt;

use protocol::SecretHash;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::digest::sha256;
use crate::encoding;
use crate::random::{Random, random_bytes};

const SELECTOR_LEN: usize = 16;
const SECRET_LEN: usize = 32;

/// An opaque token in the hands of whoever presented it, or about to be handed out.
pub struct OpaqueToken {
    selector: [u8; SELECTOR_LEN],
    secret: Zeroizing<[u8; SECRET_LEN]>,
}

impl OpaqueToken {
    /// A new token for the row `selector`.
    pub fn generate(selector: [u8; 16], random: &mut dyn Random) -> Self {
        Self { selector, secret: Zeroizing::new(random_bytes(random)) }
    }

    pub(crate) fn from_parts(selector: [u8; SELECTOR_LEN], secret: [u8; SECRET_LEN]) -> Self {
        Self { selector, secret: Zeroizing::new(secret) }
    }

    /// Reads exactly what [`reveal`](Self::reveal) writes; any other spelling is no token.
    pub fn parse(text: &str) -> Option<Self> {
        let (selector, secret) = text.split_once('.')?;
        Some(Self { selector: *encoding::decode_array(selector)?, secret: encoding::decode_array(secret)? })
    }

    /// The key of the row the token belongs to. Not secret.
    pub fn selector(&self) -> [u8; 16] {
        self.selector
    }

    pub(crate) fn secret(&self) -> &[u8; SECRET_LEN] {
        &self.secret
    }

    /// The text handed to the client: 22 characters, a dot, 43 characters.
    pub fn reveal(&self) -> String {
        let mut text = String::with_capacity(
            encoding::encoded_len(SELECTOR_LEN) + 1 + encoding::encoded_len(SECRET_LEN),
        );
        encoding::encode_onto(&mut text, &self.selector);
        text.push('.');
        encoding::encode_onto(&mut text, self.secret.as_slice());
        text
    }

    /// What the row stores. One round of SHA-256 is enough: nobody guesses 256 random bits.
    pub fn hash(&self) -> SecretHash {
        SecretHash::from_bytes(sha256(self.secret.as_slice()))
    }

    /// Whether the row with this hash belongs to this token, in constant time.
    pub fn matches(&self, stored: &SecretHash) -> bool {
        constant_time_eq(self.hash().as_bytes(), stored.as_bytes())
    }
}

impl fmt::Debug for OpaqueToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpaqueToken({}, ..)", encoding::encode(&self.selector))
    }
}

/// A new client secret: 256 random bits as base64url.
pub fn generate_secret(random: &mut dyn Random) -> String {
    let bytes = Zeroizing::new(random_bytes::<SECRET_LEN>(random));
    encoding::encode(bytes.as_slice())
}

/// What is stored of a generated client secret. Not for passwords, which people choose and others guess.
pub fn secret_hash(secret: &str) -> SecretHash {
    SecretHash::from_bytes(sha256(secret.as_bytes()))
}

/// Whether the presented client secret is the stored one, in constant time.
pub fn secret_matches(presented: &str, stored: &SecretHash) -> bool {
    constant_time_eq(secret_hash(presented).as_bytes(), stored.as_bytes())
}

/// Equality whose time depends on the lengths alone.
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::SeededRandom;

    #[test]
    fn a_token_matches_its_own_hash_only_and_hides_its_secret() {
        let mut random = SeededRandom::new(1);
        let token = OpaqueToken::generate([7; 16], &mut random);
        let twin = OpaqueToken::generate([7; 16], &mut random);
        assert!(token.matches(&token.hash()));
        assert!(!token.matches(&twin.hash()));
        let shown = format!("{token:?}");
        assert_eq!(shown, "OpaqueToken(BwcHBwcHBwcHBwcHBwcHBw, ..)");
        assert!(!shown.contains(&token.reveal()[23..]));
    }

    #[test]
    fn only_the_exact_spelling_is_a_token() {
        let text = OpaqueToken::generate([255; 16], &mut SeededRandom::new(2)).reveal();
        assert_eq!(text.len(), 22 + 1 + 43);
        assert!(OpaqueToken::parse(&text).is_some());
        for wrong in [
            String::new(),
            ".".to_owned(),
            text.replace('.', ""),
            text.replace('.', ".."),
            format!("{text}="),
            format!("{text}A"),
            format!(" {text}"),
            text[..text.len() - 1].to_owned(),
            text[1..].to_owned(),
            // 22 characters carry 132 bits for 128: the four left over must be zero, or one token has 16 spellings.
            format!("{}x.{}", &text[..21], &text[23..]),
            // The same for the two left over of the secret's 43 characters.
            format!("{}_", &text[..text.len() - 1]),
            text.replace('_', "/"),
        ] {
            assert!(OpaqueToken::parse(&wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn client_secrets_match_by_hash() {
        let secret = generate_secret(&mut SeededRandom::new(3));
        assert_eq!(secret.len(), 43);
        assert!(secret_matches(&secret, &secret_hash(&secret)));
        assert!(!secret_matches(&secret[1..], &secret_hash(&secret)));
        assert!(constant_time_eq(b"same", b"same") && !constant_time_eq(b"same", b"sane"));
        assert!(!constant_time_eq(b"same", b"same "));
    }

    proptest! {
        #[test]
        fn tokens_round_trip(selector: [u8; 16], seed: u64) {
            let token = OpaqueToken::generate(selector, &mut SeededRandom::new(seed));
            let read = OpaqueToken::parse(&token.reveal()).ok_or_else(|| TestCaseError::fail("unreadable"))?;
            prop_assert_eq!(read.selector(), selector);
            prop_assert!(read.matches(&token.hash()));
        }

        #[test]
        fn what_parses_is_what_reveals(text in "[A-Za-z0-9_-]{22}\\.[A-Za-z0-9_-]{43}|.*") {
            if let Some(token) = OpaqueToken::parse(&text) {
                prop_assert_eq!(token.reveal(), text);
            }
        }
    }
}
