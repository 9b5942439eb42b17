//! What matters about a SQLite file and the disk under it: looked at beside a running server, through a connection that only reads.

use crate::contract::finding::{Finding, Thoroughness, bytes};
use crate::contract::plans::{self, Plans};
use crate::engine::clock;
use crate::engine::sqlite::guard::{self, beside};
use crate::engine::sqlite::{connection, schema};
use crate::schema::migrate;
use rusqlite::Connection;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

const CACHE: u64 = 4 * 1024 * 1024;
const MIB: u64 = 1024 * 1024;
/// A log this large has something that keeps it from being copied back: twice the soft limit a server aims at.
const LARGE_LOG: u64 = 96 * MIB;
/// At the hard limit a server refuses writes.
const FULL_LOG: u64 = 512 * MIB;

/// Looks at everything.
pub(crate) fn look(path: &Path, thoroughness: Thoroughness) -> Vec<Finding> {
    let Ok(size) = std::fs::metadata(path).map(|file| file.len()) else {
        return vec![Finding::problem(
            "database",
            format!("{} cannot be read or does not exist", path.display()),
            "name the right file with --database or --data, and run this as the user the server runs as",
        )];
    };
    let mut findings = vec![Finding::ok("database", format!("{}, {}", path.display(), bytes(size)))];
    findings.push(permissions(path));
    findings.push(file_system(path));
    findings.push(free_disk(path, size));
    findings.push(sync_time(path));
    findings.push(log_size(path));
    match connection::reader(path, CACHE, 0) {
        Ok(connection) => findings.extend(inside(&connection, thoroughness)),
        Err(error) => findings.push(damaged("integrity", &error.to_string())),
    }
    findings
}

/// What only SQLite itself can tell.
fn inside(connection: &Connection, thoroughness: Thoroughness) -> Vec<Finding> {
    let checks = [
        ("schema", schema_version(connection)),
        ("journal", journal(connection)),
        ("free pages", free_pages(connection)),
        ("integrity", integrity(connection, thoroughness.deep)),
    ];
    let found = |(check, found): (_, rusqlite::Result<Finding>)| {
        found.unwrap_or_else(|error| damaged(check, &error.to_string()))
    };
    checks.into_iter().map(found).chain(plans(connection)).collect()
}

/// Whether every statement that a request waits for finds its rows by an index. SQLite keeps no statistics here: where an index is, it is used.
fn plans(connection: &Connection) -> Option<Finding> {
    let mut plans = Plans::default();
    for sql in plans::statements() {
        let whole = || -> rusqlite::Result<bool> {
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
            let mut steps = plan.raw_query();
            let mut whole = false;
            while let Some(step) = steps.next()? {
                let what: String = step.get(3)?;
                whole |= what.starts_with("SCAN ") && what != "SCAN CONSTANT ROW";
            }
            Ok(whole)
        };
        // A schema of another version does not have them all.
        let Ok(whole) = whole() else { continue };
        plans.asked += 1;
        if whole {
            plans.no_index.push(sql);
        }
    }
    plans.finding("ANALYZE")
}

fn damaged(check: &'static str, why: &str) -> Finding {
    let remedy = "stop the server, keep a copy of the file and its -wal, restore the newest backup, and check the disk: a database is \
                  damaged by failing hardware or by other programs, not by a crash";
    Finding::problem(check, why, remedy)
}

fn permissions(path: &Path) -> Finding {
    let mode = |path: &Path| std::fs::metadata(path).ok().map(|file| file.mode() & 0o777);
    let open: Vec<String> = ["", "-wal", "-shm"]
        .iter()
        .map(|suffix| beside(path, suffix))
        .filter(|path| mode(path).is_some_and(|mode| mode & 0o077 != 0))
        .map(|path| path.display().to_string())
        .collect();
    if !open.is_empty() {
        let remedy =
            format!("chmod 600 {}: names, e-mail addresses and password hashes are in it", open.join(" "));
        return Finding::problem("permissions", "other users of this machine can open the database", remedy);
    }
    let directory = directory(path);
    match mode(directory) {
        Some(mode) if mode & 0o022 != 0 => Finding::problem(
            "permissions",
            format!("other users can write to the directory (mode {mode:o})"),
            format!(
                "chmod 700 {}: whoever writes there can put another database in the place of this one",
                directory.display()
            ),
        ),
        _ => Finding::ok("permissions", "its owner alone can read and write it"),
    }
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn file_system(path: &Path) -> Finding {
    let mut warnings = Vec::new();
    guard::file_system(path, &mut warnings);
    if let Some(warning) = warnings.pop() {
        let remedy =
            "move the data directory to a local disk; from several machines, use PostgreSQL or MySQL";
        return Finding::problem("file system", warning, remedy);
    }
    match guard::passing_file_system(path) {
        Some("overlayfs") => Finding::problem(
            "file system",
            "the database lies in a container's own layer (overlayfs)",
            "mount a volume and put the data directory on it: this layer goes when the container does",
        ),
        Some(name) => Finding::problem(
            "file system",
            format!("the database lies in memory ({name})"),
            "put the data directory on a disk: everything is gone when the machine stops",
        ),
        None => Finding::ok("file system", "a local disk"),
    }
}

fn free_disk(path: &Path, size: u64) -> Finding {
    let Some(free) = free_bytes(directory(path)) else {
        return Finding::note("free disk", "the system does not tell", "look with df");
    };
    let log = std::fs::metadata(beside(path, "-wal")).map_or(0, |file| file.len());
    let found = format!("{} free, the database and its log take {}", bytes(free), bytes(size + log));
    if free < 64 * MIB || free < (size + log) / 10 {
        let remedy = "free some, or move the data directory: when the disk is full, nobody can sign in";
        Finding::problem("free disk", found, remedy)
    } else if free < size + log + FULL_LOG {
        let remedy =
            "more is needed to upgrade, to back up onto the same disk, or when the log grows to its limit";
        Finding::note("free disk", found, remedy)
    } else {
        Finding::ok("free disk", found)
    }
}

/// What an unprivileged user may still write.
pub(super) fn free_bytes(directory: &Path) -> Option<u64> {
    rustix::fs::statvfs(directory).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// How long the disk takes to make a small write durable: every commit waits for that.
fn sync_time(path: &Path) -> Finding {
    const FAST: Duration = Duration::from_micros(30);
    const SLOW: Duration = Duration::from_millis(20);
    let scratch = beside(path, &format!(".doctor-{}", std::process::id()));
    let measured = median_sync(&scratch);
    // Made by us a moment ago, or never.
    let _absent = std::fs::remove_file(&scratch);
    match measured {
        Err(error) => Finding::problem(
            "sync",
            format!("nothing can be written beside the database: {error}"),
            "run this as the user the server runs as, and check that the file system is not mounted read-only or full",
        ),
        Ok(median) if median > SLOW => Finding::note(
            "sync",
            format!("a durable write takes {} ms", median.as_millis()),
            "every commit waits so long: use a faster disk, or one whose cache survives power loss",
        ),
        Ok(median) if median < FAST => Finding::note(
            "sync",
            format!("a durable write takes {} us, which no disk does", median.as_micros()),
            "make sure that the disk's cache survives power loss: a virtual disk may acknowledge what it has not written",
        ),
        Ok(median) => {
            Finding::ok("sync", format!("synchronous=FULL; a durable write takes {} us", median.as_micros()))
        }
    }
}

fn median_sync(scratch: &Path) -> std::io::Result<Duration> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(scratch)?;
    let mut times = Vec::new();
    for _ in 0..15 {
        let began = clock::now();
        file.write_all(&[0; 4_096])?;
        file.sync_data()?;
        times.push(clock::now().saturating_duration_since(began));
    }
    times.sort_unstable();
    Ok(times.get(times.len() / 2).copied().unwrap_or_default())
}

fn log_size(path: &Path) -> Finding {
    let size = std::fs::metadata(beside(path, "-wal")).map_or(0, |file| file.len());
    let found = format!("the write-ahead log has {}", bytes(size));
    let remedy =
        "something reads for long (a backup program that opens the file?): end it, or restart the server";
    match size {
        FULL_LOG.. => Finding::problem("log", found, format!("writes are refused at this size; {remedy}")),
        LARGE_LOG.. => Finding::note("log", found, remedy),
        _ => Finding::ok("log", found),
    }
}

fn schema_version(connection: &Connection) -> rusqlite::Result<Finding> {
    let (found, known) = (schema::version(connection)?, migrate::newest_known());
    let told = format!("version {found}, and this program's is {known}");
    Ok(match found {
        0 => Finding::problem(
            "schema",
            "this is not a database of Doorward's",
            "name the right file with --database",
        ),
        _ if found > known => Finding::problem("schema", told, "run the newer program it was written with"),
        _ if found < known => Finding::note(
            "schema",
            told,
            "the next start applies what is missing; try it first with `doorward upgrade --rehearse`",
        ),
        _ => Finding::ok("schema", told),
    })
}

fn journal(connection: &Connection) -> rusqlite::Result<Finding> {
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    Ok(match mode.as_str() {
        "wal" => Finding::ok("journal", "write-ahead log"),
        _ => Finding::note(
            "journal",
            format!(
                "{mode}: no server has opened the file since it was copied or restored, or another program changed it"
            ),
            "nothing, if that is so: the server changes it to wal when it starts. Let no other program set it",
        ),
    })
}

fn free_pages(connection: &Connection) -> rusqlite::Result<Finding> {
    let pragma = |name: &str| {
        connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
    };
    let (pages, free, size) = (pragma("page_count")?, pragma("freelist_count")?, pragma("page_size")?);
    let found = format!("{free} of {pages} pages are free");
    Ok(if free > pages / 2 && free * size > MIB {
        let remedy = format!(
            "nothing must be done: they are used again. To give {} back to the disk, stop the server and run \
             `doorward store copy` into a new file",
            bytes(free * size)
        );
        Finding::note("free pages", found, remedy)
    } else {
        Finding::ok("free pages", found)
    })
}

fn integrity(connection: &Connection, deep: bool) -> rusqlite::Result<Finding> {
    let check = if deep { "PRAGMA integrity_check(5)" } else { "PRAGMA quick_check(5)" };
    let mut check = connection.prepare(check)?;
    let found: Vec<String> = check.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(if found == ["ok"] {
        let how = if deep {
            "every page, row and index entry is in its place"
        } else {
            "every page is in its place"
        };
        Finding::ok("integrity", how)
    } else {
        damaged("integrity", &found.join("; "))
    })
}
