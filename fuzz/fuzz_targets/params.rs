//! Form and query parameters.

#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::Params;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(params) = Params::parse(bytes) {
        let _ = (params.get("scope"), params.all("resource").count());
    }
});
