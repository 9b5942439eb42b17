//! From an archive back to a database: the newest base not after the wanted moment, then its log up to there. Knows the order and what
//! must hold at each step.

use crate::archive::{
    ArchiveError, BackupError, BackupReport, BaseName, Catalog, Flaw, GenerationName, Manifest, Part, Place,
    Proof, Restored, Restoring, Segment, SegmentName, Target, decode, moment, unpack,
};
use crate::engine::clock;
use crate::engine::sqlite::backup::{self, Leftover};
use crate::engine::sqlite::guard::{self, beside};
use crate::engine::sqlite::shipping::base::{PART, lower_priority};
use crate::engine::sqlite::shipping::replay::replay;
use crate::engine::sqlite::shipping::{confined, sound};
use protocol::Timestamp;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Instant;

/// The lowest there is: a drill has all day.
const NICE: i32 = 19;

pub(crate) fn restore(
    target: &dyn Target,
    proof: Proof<'_>,
    restoring: Restoring<'_>,
) -> Result<Restored, ArchiveError> {
    let Restoring { at, database, force } = restoring;
    guard::directory(database).map_err(BackupError::from)?;
    // Known before anything is fetched; what counts is asked again when the file takes its place.
    drop(guard::lock(database).map_err(BackupError::from)?);
    if database.exists() && !force {
        return Err(BackupError::Exists { path: database.to_owned() }.into());
    }
    let started = clock::now();
    let scratch = beside(database, ".from-archive");
    let _leftover = Leftover(scratch.clone());
    let fetched = fetch(target, proof, at, &scratch)?;
    let report = backup::put_in_place(&scratch, database, force)?;
    Ok(fetched.into_restored(report, started))
}

pub(crate) fn drill(target: &dyn Target, proof: Proof<'_>, scratch: &Path) -> Result<Restored, ArchiveError> {
    lower_priority(NICE);
    let started = clock::now();
    let _leftover = Leftover(scratch.to_owned());
    let fetched = fetch(target, proof, None, scratch)?;
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

fn fetch(
    target: &dyn Target,
    proof: Proof<'_>,
    at: Option<Timestamp>,
    scratch: &Path,
) -> Result<Fetched, ArchiveError> {
    let catalog = Catalog::read(target)?;
    let (generation, base) = catalog.base(at).ok_or_else(|| ArchiveError::no_base(target, &catalog, at))?;
    let archive = Archive { target, generation, proof };
    let manifest = archive.base(base, scratch)?;
    let mut connection =
        confined::open(scratch).map_err(|why| archive.flawed(base.manifest(generation), why.into(), None))?;
    tracing::info!(moment = %manifest.moment, bytes = manifest.bytes, "base fetched; replaying its log");

    let mut fetched =
        Fetched { generation: generation.as_str().to_owned(), base_at: base.at, until: base.at, commands: 0 };
    let mut after = None;
    let mut next = base.batch + 1;
    for name in catalog.log(generation, base) {
        if at.is_some_and(|at| name.first_at > at) {
            break;
        }
        let damaged = |why: Flaw| archive.flawed(name.path(generation), why, Some(fetched.until));
        if name.first > next {
            return Err(damaged("follows segments that are missing".into()));
        }
        let segment = archive.segment(name, after).map_err(damaged)?;
        let replayed = replay(&mut connection, &segment, next - 1, at).map_err(|why| damaged(why.into()))?;
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
    proof: Proof<'a>,
}

impl Archive<'_> {
    fn flawed(&self, object: String, flaw: Flaw, until: Option<Timestamp>) -> ArchiveError {
        let target = self.target.to_string();
        match flaw {
            Flaw::Damaged(why) => ArchiveError::Damaged { target, object, why, until },
            Flaw::Unproven(why) => ArchiveError::Unproven { target, object, why, until },
        }
    }

    /// Writes a base into a new file.
    fn base(&self, base: BaseName, to: &Path) -> Result<Manifest, ArchiveError> {
        let name = base.manifest(self.generation);
        let manifest = self.target.get(&name)?.ok_or(Flaw::from("is missing"));
        let manifest = manifest
            .and_then(|bytes| Manifest::from_bytes(&bytes, &name, self.proof.sealer))
            .map_err(|flaw| self.flawed(name.clone(), flaw, None))?;
        if (manifest.batch, manifest.at) != (base.batch, base.at) {
            return Err(self.flawed(name, "is not what its name says".into(), None));
        }
        drop(Leftover(to.to_owned()));
        let io = |error: std::io::Error| BackupError::io(to, &error);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(io)?;
        let mut written = 0;
        for (index, expected) in manifest.parts.iter().enumerate() {
            let name = base.part(self.generation, index);
            let bytes = self.target.get(&name)?;
            let raw = part(bytes, expected).map_err(|why| self.flawed(name, why.into(), None))?;
            file.write_all(&raw).map_err(io)?;
            written += raw.len() as u64;
        }
        if written != manifest.bytes {
            return Err(self.flawed(name, "has parts of another size than it says".into(), None));
        }
        Ok(manifest)
    }

    fn segment(&self, name: SegmentName, after: Option<[u8; 32]>) -> Result<Segment, Flaw> {
        let bytes = self
            .target
            .get(&name.path(self.generation))
            .map_err(|error| format!("cannot be read: {error}"))?;
        let place = Place { generation: self.generation, name, after };
        decode(&bytes.ok_or("is missing")?, &place, self.proof)
    }
}

fn part(bytes: Option<Vec<u8>>, expected: &Part) -> Result<Vec<u8>, &'static str> {
    let bytes = bytes.ok_or("is missing")?;
    if Part::of(&bytes) != *expected {
        return Err("was changed or cut off");
    }
    unpack(&bytes, usize::try_from(PART).unwrap_or(usize::MAX))
}
