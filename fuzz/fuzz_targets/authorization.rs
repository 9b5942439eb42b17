//! The `Authorization` header.

#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::credentials::Authorization;

fuzz_target!(|text: &str| {
    let _ = Authorization::parse(text);
});
