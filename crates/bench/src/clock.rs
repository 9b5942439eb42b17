//! The one place that reads the monotonic clock. It owns nothing else.

use std::time::Instant;

/// The moment it is now, for measuring only.
#[expect(clippy::disallowed_methods, reason = "a load tool measures; this is its only look at the clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
