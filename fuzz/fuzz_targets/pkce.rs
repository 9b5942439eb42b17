//! Code challenges and verifiers.

#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::{CodeChallenge, CodeVerifier};

fuzz_target!(|text: &str| {
    let _ = CodeChallenge::parse(text, Some("S256"));
    let _ = CodeVerifier::parse(text);
});
