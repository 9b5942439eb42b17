//! What people type as a user code: what is read is shown and read again the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::UserCode;

fuzz_target!(|text: &str| {
    if let Ok(code) = UserCode::parse(text) {
        assert_eq!(UserCode::parse(&code.to_string()).map(|again| again.to_string()), Ok(code.to_string()));
    }
});
