//! Resource indicators.

#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::ResourceIndicator;

fuzz_target!(|text: &str| {
    if let Ok(resource) = ResourceIndicator::parse(text) {
        assert_eq!(resource.as_str(), text);
    }
});
