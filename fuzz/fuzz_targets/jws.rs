//! Tokens in compact serialization, up to the signature: nobody has the key.

#![no_main]

use libfuzzer_sys::fuzz_target;
use crypto::{TokenType, UnverifiedToken};

fuzz_target!(|text: &str| {
    if let Ok(token) = UnverifiedToken::parse(text) {
        let _ = (token.algorithm(), token.kid());
    }
    let keyring = crypto::Keyring::new(Vec::new());
    for kind in [TokenType::AccessToken, TokenType::IdToken] {
        assert!(keyring.verify(text, kind).is_err());
    }
});
