//! Parameters as a JSON object, as the dialects' clients send them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::Params;

fuzz_target!(|data: &[u8]| {
    if let Ok(params) = Params::parse_json(data) {
        let _ = (params.get("client_id"), params.require("grant_type").is_ok());
    }
});
