//! The process's environment: the one place that reads it. Knows no variable by name; what is a setting is in `settings`.

use std::ffi::OsString;

/// What this variable is set to.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Every variable, for the settings among them.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub(crate) fn variables() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os()
}
