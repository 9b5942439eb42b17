//! Where clients say their keys are: only https is ever fetched, and nobody's password is sent.

#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::JwksUri;

fuzz_target!(|text: &str| {
    if let Ok(uri) = JwksUri::parse(text) {
        assert!(uri.as_str().to_ascii_lowercase().trim_start().starts_with("https:"));
    }
});
