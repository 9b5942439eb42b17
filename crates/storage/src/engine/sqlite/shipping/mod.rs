//! How a SQLite store ships its changes, and comes back from what was shipped. Knows snapshots, bases, replay; what an archive looks like
//! is `archive/`, where it is kept is its target's business.

mod base;
mod confined;
mod replay;
mod restore;
mod shipper;
mod sound;
mod tap;

pub(crate) use restore::{drill, restore};
pub(super) use tap::TapEnd;

use crate::archive::ShippingStats;
use crate::engine::sqlite::mailbox::Mailbox;
use crate::engine::{Options, clock};
use protocol::Timestamp;
use shipper::Shipper;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tap::Tap;

/// How long closing the store waits for the last segment.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// What a store that ships knows about it.
pub(super) struct Ship {
    tap: Arc<Tap>,
    progress: Arc<Progress>,
}

impl Ship {
    /// Starts the thread that ships, if anything is to be shipped.
    pub(super) fn launch(
        database: &Path,
        options: &Options,
        mailbox: &Arc<Mailbox>,
    ) -> std::io::Result<Option<Arc<Self>>> {
        let Some(shipping) = options.shipping.clone() else { return Ok(None) };
        let tap = Arc::new(Tap::new(shipping.now, shipping.max_buffered));
        let progress = Arc::new(Progress::default());
        let ended = Ended(Arc::clone(&progress));
        let shipper = Shipper {
            options: shipping,
            database: database.to_owned(),
            mailbox: Arc::clone(mailbox),
            tap: Arc::clone(&tap),
            progress: Arc::clone(&progress),
        };
        let thread = std::thread::Builder::new().name("storage-ship".to_owned());
        thread.spawn(move || {
            let _whatever_happens = ended;
            shipper.run();
        })?;
        Ok(Some(Arc::new(Self { tap, progress })))
    }

    /// The writer's end.
    pub(super) fn tap(&self) -> TapEnd {
        TapEnd::new(Arc::clone(&self.tap))
    }

    /// Ships what is left, for a while.
    pub(super) fn land(&self) {
        self.tap.close();
        if !self.progress.wait_for_the_end(LAST_WORDS) {
            tracing::warn!(
                "the last changes could not be shipped in time; the next start makes a new base of everything"
            );
        }
    }

    pub(super) fn stats(&self) -> ShippingStats {
        ShippingStats { lag: self.tap.lag(), ..*self.progress.lock_stats() }
    }

    /// A drill ended.
    pub(super) fn drilled(&self, succeeded_at: Option<Timestamp>) {
        let mut stats = self.progress.lock_stats();
        match succeeded_at {
            Some(at) => stats.drilled_at = Some(at),
            None => stats.drill_failures += 1,
        }
    }
}

/// What is counted, and whether the shipper still runs.
#[derive(Default)]
pub(super) struct Progress {
    stats: Mutex<ShippingStats>,
    ended: Mutex<bool>,
    changed: Condvar,
}

impl Progress {
    fn failed(&self) {
        self.lock_stats().failures += 1;
    }

    fn broke_off(&self) {
        self.lock_stats().gaps += 1;
    }

    fn shipped(&self, until: Timestamp) {
        let mut stats = self.lock_stats();
        stats.shipped_until = stats.shipped_until.max(Some(until));
    }

    fn wait_for_the_end(&self, patience: Duration) -> bool {
        let deadline = clock::now() + patience;
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        while !*ended {
            let left = deadline.saturating_duration_since(clock::now());
            if left.is_zero() {
                return false;
            }
            ended = self.changed.wait_timeout(ended, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn lock_stats(&self) -> MutexGuard<'_, ShippingStats> {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells that the shipper's thread is gone, however it went.
struct Ended(Arc<Progress>);

impl Drop for Ended {
    fn drop(&mut self) {
        *self.0.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.changed.notify_all();
    }
}
