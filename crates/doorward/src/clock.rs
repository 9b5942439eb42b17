//! The edge where time and randomness come in: everything further in is handed them. Decides nothing by either.

use crypto::Random;
use protocol::Timestamp;
use provider::{Ctx, RequestId};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::IpAddr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The circumstances of a request: now, with the operating system's randomness.
pub(crate) fn new_ctx(remote: Option<IpAddr>) -> Ctx {
    Ctx::new(now(), remote, request_id(), Box::new(OsRandom))
}

/// The next request's number, hashed with what only this process knows: as good as random where it is no secret, and without asking the
/// operating system each time.
fn request_id() -> RequestId {
    static OWN: LazyLock<[u8; 16]> = LazyLock::new(|| {
        let mut own = [0; 16];
        entropy(&mut own);
        own
    });
    static REQUESTS: AtomicU64 = AtomicU64::new(0);
    let mut hasher = DefaultHasher::new();
    (*OWN, REQUESTS.fetch_add(1, Ordering::Relaxed)).hash(&mut hasher);
    hasher.finish().into()
}

/// The circumstances of what an operator or this program itself does.
pub(crate) fn own_ctx() -> Ctx {
    new_ctx(None)
}

/// The instant it is.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the wall clock; the rest is handed a `Ctx`"
)]
pub(crate) fn now() -> Timestamp {
    // A clock before 1970 is one that was never set.
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// For measuring how long something took, and for deadlines.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the monotonic clock, to measure and to wait"
)]
pub(crate) fn monotonic() -> Instant {
    Instant::now()
}

/// Fills `bytes` from the operating system's generator.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that draws randomness; the rest is handed a `crypto::Random`"
)]
pub(crate) fn entropy(bytes: &mut [u8]) {
    if let Err(error) = getrandom::fill(bytes) {
        // Keys and tokens that are not random are worse than no server: nothing may go on from here.
        tracing::error!(%error, "the operating system has no randomness to give");
        std::process::abort();
    }
}

/// The operating system's generator.
pub(crate) struct OsRandom;

impl Random for OsRandom {
    fn fill(&mut self, bytes: &mut [u8]) {
        entropy(bytes);
    }
}
