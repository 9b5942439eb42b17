//! Redirect URIs: the text is kept.

#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::RedirectUri;

fuzz_target!(|text: &str| {
    if let Ok(uri) = RedirectUri::parse(text) {
        assert_eq!(uri.as_str(), text);
        assert!(uri.admits(&uri));
    }
});
