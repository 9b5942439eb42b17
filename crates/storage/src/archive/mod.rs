//! Backups that go on while the server runs: bases and a log of commands, kept in a target. Owns what an archive looks like and what
//! can be said of one; refuses to know how an engine makes a base, logs or replays (that is `sqlite/shipping`).
//!
//! ```text
//! 00000007-20261122T014532Z-9f86d081/   a generation: one log without a gap
//!   base-345-1763776532123/00000 ..     the database after batch 345, in parts
//!   base-345-1763776532123/manifest     written last: without it there is no base
//!   log/00000012.346-400.1763776532200-1763776533100
//! ```
//!
//! Manifests and segments are sealed: what was not written with this installation's key is not read.
//!
//! For databases that are one file. A server-based engine has tools of its own for this.

mod catalog;
mod error;
mod folder;
mod layout;
mod manifest;
mod moment;
mod report;
pub(crate) mod seal;
mod segment;
mod statements;
mod target;
mod unpack;

pub use catalog::{Generation, generations};
pub use error::ArchiveError;
pub use folder::Folder;
pub use moment::{moment, parse_moment};
pub use report::{BackupError, BackupReport};
pub use seal::{Seal, SealFailure, Sealer};
pub use statements::Statements;
pub use target::{Target, TargetError};

pub(crate) use catalog::Catalog;
pub(crate) use error::Flaw;
pub(crate) use layout::{BaseName, GenerationName, SegmentName};
pub(crate) use manifest::{FORMAT, Manifest, Part};
pub(crate) use segment::{Batch, Place, Proof, Segment, decode, encode};
pub(crate) use unpack::unpack;

use protocol::Timestamp;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How a store ships its changes.
#[derive(Clone, Debug)]
pub struct Shipping {
    /// Where to.
    pub target: Arc<dyn Target>,
    /// What seals it.
    pub sealer: Arc<dyn Sealer>,
    /// What may stand in the log.
    pub statements: Statements,
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
    pub fn new(target: Arc<dyn Target>, sealer: Arc<dyn Sealer>, now: fn() -> Timestamp) -> Self {
        const DAY: Duration = Duration::from_secs(86_400);
        Self {
            target,
            sealer,
            statements: Statements::ours(),
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

/// An archive to restore from, and the key it is sealed with.
#[derive(Debug, Clone, Copy)]
pub struct Sealed<'a> {
    /// Where it is.
    pub target: &'a dyn Target,
    /// Nothing is read that this does not know.
    pub sealer: &'a dyn Sealer,
    /// What may stand in its log.
    pub statements: &'a Statements,
}

/// What to restore, and where to.
#[derive(Debug, Clone, Copy)]
pub struct Restoring<'a> {
    /// As it was then; as it was last, without.
    pub at: Option<Timestamp>,
    /// The file, which is not in use.
    pub database: &'a Path,
    /// Whether one that exists is replaced, and kept aside.
    pub force: bool,
}
