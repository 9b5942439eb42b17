//! From an archive back to a database: the newest base not after the wanted moment, then its log up to there. Knows the order and what
//! must hold at each step.

use crate::archive::{
    ArchiveError, BaseName, Catalog, GenerationName, Manifest, Part, Restored, Segment, SegmentName, Target,
    moment,
};
use crate::backup::{BackupError, BackupReport};
use crate::clock;
use crate::sqlite::backup::{self, Leftover};
use crate::sqlite::error::opening;
use crate::sqlite::guard::{self, beside};
use crate::sqlite::shipping::base::lower_priority;
use crate::sqlite::shipping::replay::replay;
use crate::sqlite::shipping::sound;
use protocol::Timestamp;
use rusqlite::{Connection, OpenFlags};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Instant;

/// The lowest there is: a drill has all day.
const NICE: i32 = 19;

pub(crate) fn restore(
    target: &dyn Target,
    at: Option<Timestamp>,
    database: &Path,
    force: bool,
) -> Result<Restored, ArchiveError> {
    guard::directory(database).map_err(BackupError::from)?;
    // Known before anything is fetched; what counts is asked again when the file takes its place.
    drop(guard::lock(database).map_err(BackupError::from)?);
    if database.exists() && !force {
        return Err(BackupError::Exists { path: database.to_owned() }.into());
    }
    let started = clock::now();
    let scratch = beside(database, ".from-archive");
    let _leftover = Leftover(scratch.clone());
    let fetched = fetch(target, at, &scratch)?;
    let report = backup::restore(&scratch, database, force)?;
    Ok(fetched.into_restored(report, started))
}

pub(crate) fn drill(target: &dyn Target, scratch: &Path) -> Result<Restored, ArchiveError> {
    lower_priority(NICE);
    let started = clock::now();
    let _leftover = Leftover(scratch.to_owned());
    let fetched = fetch(target, None, scratch)?;
    let report = backup::examine(scratch)?;
    sound::check(scratch, fetched.until).map_err(ArchiveError::Unsound)?;
    Ok(fetched.into_restored(report, started))
}

/// A database in a scratch file.
struct Fetched {
    generation: String,
    base_at: Timestamp,
    until: Timestamp,
    commands: u64,
}

impl Fetched {
    fn into_restored(self, mut report: BackupReport, started: Instant) -> Restored {
        let Self { generation, base_at, until, commands } = self;
        report.took = clock::now().saturating_duration_since(started);
        Restored { generation, base_at, until, commands, report }
    }
}

fn fetch(target: &dyn Target, at: Option<Timestamp>, scratch: &Path) -> Result<Fetched, ArchiveError> {
    let catalog = Catalog::read(target)?;
    let (generation, base) = catalog.base(at).ok_or_else(|| ArchiveError::no_base(target, &catalog, at))?;
    let archive = Archive { target, generation };
    let manifest = archive.base(base, scratch)?;
    let writing = |error: rusqlite::Error| BackupError::from(opening(scratch, &error));
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(scratch, flags).map_err(writing)?;
    connection.pragma_update(None, "synchronous", "OFF").map_err(writing)?;
    connection.set_prepared_statement_cache_capacity(512);
    tracing::info!(moment = %manifest.moment, bytes = manifest.bytes, "base fetched; replaying its log");

    let mut fetched =
        Fetched { generation: generation.as_str().to_owned(), base_at: base.at, until: base.at, commands: 0 };
    let mut after = None;
    let mut next = base.batch + 1;
    for name in catalog.log(generation, base) {
        if at.is_some_and(|at| name.first_at > at) {
            break;
        }
        let damaged = |why: String| archive.damaged(name.path(generation), why, Some(fetched.until));
        if name.first > next {
            return Err(damaged("follows segments that are missing".to_owned()));
        }
        let segment = archive.segment(name, after).map_err(damaged)?;
        let replayed = replay(&mut connection, &segment, next - 1, at).map_err(damaged)?;
        fetched.commands += replayed.commands;
        fetched.until = replayed.until.unwrap_or(fetched.until);
        (after, next) = (Some(segment.digest), name.last + 1);
    }
    drop(connection);
    tracing::info!(commands = fetched.commands, until = %moment(fetched.until), "replayed");
    Ok(fetched)
}

/// One generation of a target.
struct Archive<'a> {
    target: &'a dyn Target,
    generation: &'a GenerationName,
}

impl Archive<'_> {
    fn damaged(&self, object: String, why: String, until: Option<Timestamp>) -> ArchiveError {
        ArchiveError::Damaged { target: self.target.to_string(), object, why, until }
    }

    /// Writes a base into a new file.
    fn base(&self, base: BaseName, to: &Path) -> Result<Manifest, ArchiveError> {
        let name = base.manifest(self.generation);
        let manifest = self.target.get(&name)?.ok_or_else(|| "is missing".to_owned());
        let manifest = manifest
            .and_then(|bytes| Manifest::from_bytes(&bytes))
            .map_err(|why| self.damaged(name.clone(), why, None))?;
        if (manifest.batch, manifest.at) != (base.batch, base.at) {
            return Err(self.damaged(name, "is not what its name says".to_owned(), None));
        }
        drop(Leftover(to.to_owned()));
        let io = |error: std::io::Error| BackupError::io(to, &error);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(io)?;
        let mut written = 0;
        for (index, expected) in manifest.parts.iter().enumerate() {
            let name = base.part(self.generation, index);
            let bytes = self.target.get(&name)?;
            let raw = part(bytes, expected).map_err(|why| self.damaged(name, why.to_owned(), None))?;
            file.write_all(&raw).map_err(io)?;
            written += raw.len() as u64;
        }
        if written != manifest.bytes {
            return Err(self.damaged(name, "has parts of another size than it says".to_owned(), None));
        }
        Ok(manifest)
    }

    fn segment(&self, name: SegmentName, after: Option<[u8; 32]>) -> Result<Segment, String> {
        let bytes = self
            .target
            .get(&name.path(self.generation))
            .map_err(|error| format!("cannot be read: {error}"))?;
        crate::archive::decode(&bytes.ok_or("is missing")?, self.generation.number, name, after)
    }
}

fn part(bytes: Option<Vec<u8>>, expected: &Part) -> Result<Vec<u8>, &'static str> {
    let bytes = bytes.ok_or("is missing")?;
    if Part::of(&bytes) != *expected {
        return Err("was changed or cut off");
    }
    lz4_flex::decompress_size_prepended(&bytes).map_err(|_| "cannot be decompressed")
}
