//! The one place of the storage crate that reads a clock: the monotonic one, to measure waiting and to bound it. No row ever holds
//! what it says.

use std::time::Instant;

/// Now, for measuring.
#[expect(
    clippy::disallowed_methods,
    reason = "queues, deadlines and commit times are measured; no stored time comes from here"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}
