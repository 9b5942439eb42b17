//! Whether a restored database is one that a server could run with: beyond SQLite's own check, what its rows promise each other. Knows the
//! tables; the damage it looks for is a log that was replayed wrongly or cut in the middle.

use protocol::Timestamp;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

/// What must not be found: a sentence, and how many rows break it. `?1` is the moment that was restored: what has expired may be half
/// swept.
const BREACHES: &[(&str, &str)] = &[
    (
        "refresh tokens that live have a grant",
        "SELECT count(*) FROM refresh_tokens t WHERE expires_at > ?1 AND NOT EXISTS (SELECT 1 FROM grants WHERE id = t.grant_id)",
    ),
    (
        "authorization codes that live have a grant",
        "SELECT count(*) FROM authorization_codes t WHERE expires_at > ?1 AND NOT EXISTS (SELECT 1 FROM grants WHERE id = t.grant_id)",
    ),
    (
        "access tokens that live have a grant",
        "SELECT count(*) FROM access_tokens t WHERE expires_at > ?1 AND NOT EXISTS (SELECT 1 FROM grants WHERE id = t.grant_id)",
    ),
    (
        "at most one signing key of an algorithm is current",
        "SELECT count(*) FROM (SELECT 1 FROM signing_keys WHERE current_at IS NOT NULL AND retired_at IS NULL AND ?1 IS NOT NULL \
         GROUP BY algorithm HAVING count(*) > 1)",
    ),
    (
        "an installation with users has a key that signs",
        "SELECT 1 WHERE ?1 IS NOT NULL AND EXISTS (SELECT 1 FROM users) \
         AND NOT EXISTS (SELECT 1 FROM signing_keys WHERE current_at IS NOT NULL AND retired_at IS NULL)",
    ),
];

/// # Errors
/// The promises that are broken.
pub(super) fn check(database: &Path, until: Timestamp) -> Result<(), String> {
    let broken = broken(database, until).map_err(|error| error.to_string())?;
    if broken.is_empty() { Ok(()) } else { Err(broken.join("; ")) }
}

fn broken(database: &Path, until: Timestamp) -> rusqlite::Result<Vec<String>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    let mut found = Vec::new();
    for (promise, sql) in BREACHES {
        let rows = connection.prepare(sql)?.query_map([until.millis()], |row| row.get::<_, i64>(0))?.next();
        let rows = rows.transpose()?.unwrap_or(0);
        if rows > 0 {
            found.push(format!("not all hold that {promise} ({rows} do not)"));
        }
    }
    Ok(found)
}
