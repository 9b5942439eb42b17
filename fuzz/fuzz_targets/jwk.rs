//! JSON Web Keys and sets of them: a thumbprint does not change by writing and reading.

#![no_main]

use libfuzzer_sys::fuzz_target;
use crypto::{JwkSet, PublicJwk};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(key) = serde_json::from_slice::<PublicJwk>(bytes) {
        let written = serde_json::to_vec(&key).expect("JSON");
        let read: PublicJwk = serde_json::from_slice(&written).expect("our own");
        assert_eq!(read.thumbprint(), key.thumbprint());
    }
    let _ = serde_json::from_slice::<JwkSet>(bytes);
});
