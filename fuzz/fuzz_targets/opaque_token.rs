//! Opaque tokens: what is read is written again letter by letter.

#![no_main]

use libfuzzer_sys::fuzz_target;
use crypto::OpaqueToken;

fuzz_target!(|text: &str| {
    if let Some(token) = OpaqueToken::parse(text) {
        assert_eq!(token.reveal(), text);
    }
});
