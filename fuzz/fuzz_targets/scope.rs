//! Scopes: what is read is written in one way.

#![no_main]

use libfuzzer_sys::fuzz_target;
use protocol::Scope;

fuzz_target!(|text: &str| {
    if let Ok(scope) = Scope::parse(text) {
        assert_eq!(Scope::parse(&scope.to_string()).as_ref(), Ok(&scope));
    }
});
