//! API keys: what is read is written again letter by letter.

#![no_main]

use libfuzzer_sys::fuzz_target;
use crypto::ApiKey;

fuzz_target!(|text: &str| {
    if let Some(key) = ApiKey::parse(text) {
        assert_eq!(key.reveal(), text);
    }
    let _ = crypto::api_key::named_selector(text);
});
