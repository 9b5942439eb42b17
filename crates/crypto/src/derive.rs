//! What is derived under a server's key instead of drawn: the successor of a rotated refresh token, and what a user code is looked up by.
//!
//! A client that lost the answer to a refresh presents the old token again; deriving gives it the same successor
//! although no plaintext was ever stored. Knows nothing of grace periods or reuse: that is the provider's rule.

use std::fmt;

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use crate::opaque::OpaqueToken;
use crate::random::{Random, random_bytes};

/// Names this use of the key, so that no other HMAC under it could ever collide with one made here.
const CONTEXT: &[u8] = b"doorward refresh token successor v1\0";

const USER_CODE_CONTEXT: &[u8] = b"doorward user code v1\0";

/// The server's key for deriving successors. Without it, a stolen token does not tell its successor.
pub struct DerivationKey(Zeroizing<[u8; 32]>);

impl DerivationKey {
    /// From stored bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A new key.
    pub fn generate(random: &mut dyn Random) -> Self {
        Self(Zeroizing::new(random_bytes(random)))
    }

    /// The bytes to seal and store.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The token that follows `presented`: the same four inputs always give the same token.
    pub fn successor(
        &self,
        presented: &OpaqueToken,
        generation: u32,
        successor_selector: [u8; 16],
    ) -> OpaqueToken {
        // Every field has a fixed width, so no two different inputs run together into the same bytes.
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice()));
        context.update(CONTEXT);
        context.update(&presented.selector());
        context.update(presented.secret());
        context.update(&generation.to_be_bytes());
        context.update(&successor_selector);
        let mut secret = Zeroizing::new([0; 32]);
        secret.copy_from_slice(context.sign().as_ref());
        OpaqueToken::from_parts(successor_selector, *secret)
    }

    /// What a user code (RFC 8628) is stored and looked up by. It is too short for a plain hash: whoever read one could try all codes.
    pub fn user_code_key(&self, letters: &[u8; 8]) -> [u8; 16] {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice()));
        context.update(USER_CODE_CONTEXT);
        context.update(letters);
        let mut key = [0; 16];
        for (byte, made) in key.iter_mut().zip(context.sign().as_ref()) {
            *byte = *made;
        }
        key
    }
}

impl fmt::Debug for DerivationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DerivationKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;

    #[test]
    fn a_retry_gets_the_same_successor_and_every_input_counts() {
        let mut random = SeededRandom::new(1);
        let key = DerivationKey::generate(&mut random);
        let token = OpaqueToken::generate([1; 16], &mut random);
        let successor = key.successor(&token, 1, [2; 16]);
        let reloaded = DerivationKey::from_bytes(*key.as_bytes());
        assert_eq!(reloaded.successor(&token, 1, [2; 16]).reveal(), successor.reveal());
        assert_eq!(successor.selector(), [2; 16]);

        let other_selector = OpaqueToken::from_parts([3; 16], *token.secret());
        let other_secret = OpaqueToken::generate([1; 16], &mut random);
        for different in [
            DerivationKey::generate(&mut random).successor(&token, 1, [2; 16]),
            key.successor(&token, 2, [2; 16]),
            key.successor(&token, 1, [4; 16]),
            key.successor(&other_selector, 1, [2; 16]),
            key.successor(&other_secret, 1, [2; 16]),
        ] {
            assert_ne!(different.secret(), successor.secret());
        }
    }

    #[test]
    fn a_user_code_is_looked_up_by_what_only_this_key_makes_of_it() {
        let key = DerivationKey::from_bytes([3; 32]);
        let made = key.user_code_key(b"WDJBMJHT");
        assert_eq!(made, key.user_code_key(b"WDJBMJHT"));
        assert_ne!(made, key.user_code_key(b"WDJBMJHX"));
        assert_ne!(made, DerivationKey::from_bytes([4; 32]).user_code_key(b"WDJBMJHT"));
    }

    /// Changing the derivation would break every retry in flight during an upgrade.
    #[test]
    fn the_derivation_is_hmac_sha256_over_the_documented_fields() {
        let token = OpaqueToken::from_parts([1; 16], [2; 32]);
        let successor = DerivationKey::from_bytes([3; 32]).successor(&token, 4, [5; 16]);
        let message = [CONTEXT, &[1; 16], &[2; 32], &[0, 0, 0, 4], &[5; 16]].concat();
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &[3; 32]), &message);
        assert_eq!(successor.secret().as_slice(), tag.as_ref());
    }
}
