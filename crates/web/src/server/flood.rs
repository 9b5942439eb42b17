//! What the threads that serve connections do in a flood of sign-ins: before they look for new requests, they let some gather. Every time one of
//! them takes a core from a hashing thread it finds the caches full of other memory, and leaves them so; what is done in one go pays for that
//! once. Owns the wait; whether there is a flood it is told.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// What a request waits at most for company. Nobody notices it, and hashing threads get that long to themselves.
const GATHER: Duration = Duration::from_millis(2);

type IsOn = Box<dyn Fn() -> bool + Send + Sync>;

/// Whether there is a flood. A cheap clone; there is none until somebody can tell.
#[derive(Clone, Default)]
pub struct Flood(Arc<OnceLock<IsOn>>);

impl Flood {
    /// From now on `is_on` is asked, whenever a thread has nothing left to do. Can be said once.
    pub fn told_by(&self, is_on: impl Fn() -> bool + Send + Sync + 'static) {
        // A second word changes nothing, as promised.
        self.0.set(Box::new(is_on)).ok();
    }

    /// A thread has nothing left to do and is about to look for more.
    pub(super) fn gather(&self) {
        if self.0.get().is_some_and(|is_on| is_on()) {
            std::thread::sleep(GATHER);
        }
    }
}

impl fmt::Debug for Flood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flood(told: {})", self.0.get().is_some())
    }
}
