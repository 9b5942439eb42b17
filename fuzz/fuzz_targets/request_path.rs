//! Paths of requests: what is read has one reading.

#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::RequestPath;

fuzz_target!(|text: &str| {
    if let Ok(path) = RequestPath::parse(text) {
        for segment in path.segments() {
            assert!(!segment.is_empty() && segment != "." && segment != "..");
            assert!(!segment.contains(['/', '\\', ';', '#', '\0']));
        }
    }
});
