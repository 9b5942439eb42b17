//! The one place of the storage crate that reads clocks: the monotonic one, to measure waiting and to bound it, and the day's, to know when
//! the record of a commit may be forgotten. No other row holds what they say.

use std::time::{Duration, Instant, SystemTime};

/// Now, for measuring.
#[expect(
    clippy::disallowed_methods,
    reason = "queues, deadlines and commit times are measured; no stored time comes from here"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Milliseconds since 1970, for the records of commits.
#[expect(
    clippy::disallowed_methods,
    reason = "a commit is an act of the engine, below every command: no command's instant fits, and nobody is told this one"
)]
pub(crate) fn wall_millis() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
