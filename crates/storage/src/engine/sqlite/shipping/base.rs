//! Making a base: a copy of a snapshot, verified, cut into parts, shipped; then what nobody needs any more is removed. On a thread of its
//! own, because it takes as long as the database is large.

use crate::archive::{
    BackupError, BackupReport, BaseName, Catalog, GenerationName, Manifest, Part, Sealer, Target,
    TargetError, moment,
};
use crate::engine::sqlite::backup::{Leftover, copy, unaltered};
use crate::engine::sqlite::shipping::tap::{Snapshot, Tap};
use protocol::Timestamp;
use rusqlite::Connection;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of database in one part.
pub(super) const PART: u64 = 8 << 20;
/// How much lower than others' the priority of this thread is.
const NICE: i32 = 10;

pub(super) struct Base {
    pub(super) snapshot: Snapshot,
    pub(super) database: PathBuf,
    /// Where the copy is kept meanwhile.
    pub(super) scratch: PathBuf,
    pub(super) target: Arc<dyn Target>,
    pub(super) sealer: Arc<dyn Sealer>,
    pub(super) generation: GenerationName,
    pub(super) identity: String,
    /// What is older than this may go.
    pub(super) keep_from: Timestamp,
    pub(super) tap: Arc<Tap>,
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct BaseFailure(pub(super) String);

impl From<BackupError> for BaseFailure {
    fn from(error: BackupError) -> Self {
        Self(error.to_string())
    }
}

impl From<TargetError> for BaseFailure {
    fn from(error: TargetError) -> Self {
        Self(error.to_string())
    }
}

impl Base {
    pub(super) fn make(self) -> Result<Manifest, BaseFailure> {
        lower_priority(NICE);
        let tap = Arc::clone(&self.tap);
        let made = self.make_and_tidy();
        tap.wake();
        made
    }

    fn make_and_tidy(self) -> Result<Manifest, BaseFailure> {
        let leftover = Leftover(self.scratch.clone());
        let Snapshot { connection, batch, at } = self.snapshot;
        // It could not be restored.
        unaltered(&connection, &self.database)?;
        let report = copy(&connection, &self.database, &self.scratch)?;
        // Lets the write-ahead log go before the slow part.
        drop(connection);
        let name = BaseName { batch, at };
        let put = |index: usize, bytes: &[u8]| self.target.put(&name.part(&self.generation, index), bytes);
        let parts = ship_parts(&self.scratch, &self.tap, put)?;
        drop(leftover);
        let BackupReport { tables, bytes, schema_version, .. } = report;
        let manifest = Manifest {
            format: crate::archive::FORMAT,
            database: self.identity,
            moment: moment(at),
            at,
            batch,
            schema_version,
            bytes,
            parts,
            tables,
        };
        let path = name.manifest(&self.generation);
        self.target.put(&path, &manifest.to_bytes(&path, &*self.sealer))?;
        // The base stands; what cannot be removed today is removed after the next.
        if let Err(error) = remove_expendable(&*self.target, self.keep_from, &self.tap) {
            tracing::warn!("old backups could not be removed: {error}");
        }
        Ok(manifest)
    }
}

fn ship_parts(
    copy: &Path,
    tap: &Tap,
    put: impl Fn(usize, &[u8]) -> Result<(), TargetError>,
) -> Result<Vec<Part>, BaseFailure> {
    let io = |error: std::io::Error| BaseFailure(format!("{} cannot be read: {error}", copy.display()));
    let mut file = File::open(copy).map_err(io)?;
    let mut parts = Vec::new();
    loop {
        let mut raw = Vec::new();
        (&mut file).take(PART).read_to_end(&mut raw).map_err(io)?;
        if raw.is_empty() {
            return Ok(parts);
        }
        // Only a base that is done soon is waited for when the store closes.
        if tap.is_closed() && parts.len() > 1 {
            return Err(BaseFailure("the store was closed meanwhile".to_owned()));
        }
        let bytes = lz4_flex::compress_prepend_size(&raw);
        put(parts.len(), &bytes)?;
        parts.push(Part::of(&bytes));
    }
}

fn remove_expendable(target: &dyn Target, keep_from: Timestamp, tap: &Tap) -> Result<(), TargetError> {
    for path in Catalog::read(target)?.expendable(keep_from) {
        if tap.is_closed() {
            break;
        }
        target.delete(&path)?;
    }
    Ok(())
}

/// Which database this is: the instant its first migration was applied, which copies of it share and no other has.
pub(super) fn identity(connection: &Connection) -> rusqlite::Result<String> {
    connection
        .query_row("SELECT applied_on FROM refinery_schema_history WHERE version = 1", [], |row| row.get(0))
}

/// Failure is harmless: the copy then competes with the rest.
#[cfg(target_os = "linux")]
pub(super) fn lower_priority(nice: i32) {
    use rustix::process::{getpriority_process, setpriority_process};
    // On Linux, niceness belongs to the thread, and the thread's id names it.
    let thread = Some(rustix::thread::gettid());
    if let Ok(inherited) = getpriority_process(thread) {
        let _unchanged = setpriority_process(thread, inherited.saturating_add(nice).clamp(-20, 19));
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn lower_priority(_nice: i32) {}
