//! Assertions and the keys they are checked with: the first line is an assertion, the rest a JWK Set. Nobody has a key that signs one.

#![no_main]

use crypto::{AssertionKeys, AssertionUse, UnverifiedAssertion};
use libfuzzer_sys::fuzz_target;
use protocol::assertion::AssertionClaims;

fuzz_target!(|text: &str| {
    let (assertion, jwks) = text.split_once('\n').unwrap_or((text, ""));
    let _ = AssertionClaims::parse(assertion.as_bytes());
    let keys = AssertionKeys::parse(jwks.as_bytes());
    if let Ok(token) = UnverifiedAssertion::parse_assertion(assertion) {
        let _ = AssertionClaims::parse(token.unverified_payload());
        if let Ok(keys) = keys {
            let _ = keys.verify(&token, AssertionUse::AuthorizationGrant);
        }
    }
});
