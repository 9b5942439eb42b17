//! Backups that go on while the server runs: bases and a log of commands, kept in a target. Owns what an archive looks like and what
//! can be said of one; refuses to know how an engine makes a base, logs or replays (that is `sqlite/shipping`).
//!
//! ```text
//! 00000007-20261122T014532Z/            a generation: one log without a gap
//!   base-345-1763776532123/00000 ..     the database after batch 345, in parts
//!   base-345-1763776532123/manifest     written last: without it there is no base
//!   log/00000012.346-400.1763776532200-1763776533100
//! ```
//!
//! For databases that are one file. A server-based engine has tools of its own for this.

mod catalog;
mod error;
mod folder;
mod layout;
mod manifest;
mod moment;
mod segment;
mod target;

pub use catalog::{Generation, generations};
pub use error::ArchiveError;
pub use folder::Folder;
pub use moment::{moment, parse_moment};
pub use target::{Target, TargetError};

pub(crate) use catalog::Catalog;
pub(crate) use layout::{BaseName, GenerationName, SegmentName};
pub(crate) use manifest::{FORMAT, Manifest, Part, sha256};
pub(crate) use segment::{Batch, Place, Segment, decode, encode};

use crate::backup::BackupReport;
use crate::sqlite;
use protocol::Timestamp;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How a store ships its changes.
#[derive(Clone, Debug)]
pub struct Shipping {
    /// Where to.
    pub target: Arc<dyn Target>,
    /// How long changes gather before they are shipped together.
    pub every: Duration,
    /// How often a new base is made, if anything has changed.
    pub base_every: Duration,
    /// Every moment of so long is kept restorable.
    pub keep: Duration,
    /// Bytes of changes held in memory while the target is slow or away. Past it they are dropped, and a new generation begins when it
    /// is back.
    pub max_buffered: usize,
    /// The wall clock: moments are what people restore by.
    pub now: fn() -> Timestamp,
}

impl Shipping {
    /// The values to run with.
    pub fn new(target: Arc<dyn Target>, now: fn() -> Timestamp) -> Self {
        const DAY: Duration = Duration::from_secs(86_400);
        Self {
            target,
            every: Duration::from_secs(1),
            base_every: DAY,
            keep: 7 * DAY,
            max_buffered: 64 << 20,
            now,
        }
    }
}

/// How shipping goes, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ShippingStats {
    /// The newest moment that can be restored.
    pub shipped_until: Option<Timestamp>,
    /// For how long the oldest change has not been restorable; zero when everything is.
    pub lag: Duration,
    /// Attempts that failed: an object that could not be written, a base that could not be made.
    pub failures: u64,
    /// Times the log broke off and began anew: the buffer overflowed, or another program wrote to the database.
    pub gaps: u64,
    /// When the last drill that succeeded ended.
    pub drilled_at: Option<Timestamp>,
    /// Drills that failed.
    pub drill_failures: u64,
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The generation it came from.
    pub generation: String,
    /// The moment of the base.
    pub base_at: Timestamp,
    /// The moment of the last change that is in it.
    pub until: Timestamp,
    /// Commands replayed on the base.
    pub commands: u64,
    /// What the restored database holds.
    pub report: BackupReport,
}

/// Puts an archive's database as it was at `at` (as it was last, without) in the place of a database that is not in use.
///
/// # Errors
/// When the archive does not reach that moment, is damaged, or the database is in use, or exists and `force` was not given.
pub fn restore(
    target: &dyn Target,
    at: Option<Timestamp>,
    database: &Path,
    force: bool,
) -> Result<Restored, ArchiveError> {
    sqlite::shipping::restore(target, at, database, force)
}

/// Restores the newest moment into a scratch file, checks it as a restored server would need it, and removes it again.
///
/// # Errors
/// When it could not be restored, or is not what it should be.
pub fn drill(target: &dyn Target, scratch: &Path) -> Result<Restored, ArchiveError> {
    sqlite::shipping::drill(target, scratch)
}
