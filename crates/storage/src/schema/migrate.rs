//! The one folder of migrations, in an engine's words, and which of them a database has. Knows no table by name but the history.

use crate::schema::dialect::Dialect;
use refinery::error::Kind;
use refinery::{Migration, Runner};

/// Every migration, oldest first. One that was released is never edited: its text is checked against the database's history.
pub(crate) const MIGRATIONS: &[(&str, &str)] = &[
    ("V1__foundation", include_str!("../../migrations/V1__foundation.sql")),
    ("V2__commits", include_str!("../../migrations/V2__commits.sql")),
    ("V3__nodes", include_str!("../../migrations/V3__nodes.sql")),
    ("V4__copies", include_str!("../../migrations/V4__copies.sql")),
    ("V5__devices", include_str!("../../migrations/V5__devices.sql")),
    ("V6__client_authentication", include_str!("../../migrations/V6__client_authentication.sql")),
    ("V7__tokens", include_str!("../../migrations/V7__tokens.sql")),
    ("V8__gateways", include_str!("../../migrations/V8__gateways.sql")),
    ("V9__organizations", include_str!("../../migrations/V9__organizations.sql")),
    ("V10__audit", include_str!("../../migrations/V10__audit.sql")),
    ("V11__owners", include_str!("../../migrations/V11__owners.sql")),
    ("V12__standing", include_str!("../../migrations/V12__standing.sql")),
    ("V13__given_subjects", include_str!("../../migrations/V13__given_subjects.sql")),
    ("V14__name_skeletons", include_str!("../../migrations/V14__name_skeletons.sql")),
    ("V15__carried_requests", include_str!("../../migrations/V15__carried_requests.sql")),
    ("V16__versions", include_str!("../../migrations/V16__versions.sql")),
    ("V17__installation", include_str!("../../migrations/V17__installation.sql")),
    ("V18__staying", include_str!("../../migrations/V18__staying.sql")),
];

/// The newest schema version this program knows.
pub(crate) fn newest_known() -> i64 {
    MIGRATIONS.last().map_or(0, |(name, _)| version(name))
}

/// `7` of `V7__name`.
fn version(name: &str) -> i64 {
    name.trim_start_matches('V').split("__").next().and_then(|number| number.parse().ok()).unwrap_or(i64::MAX)
}

/// What applies the migrations that are missing up to a version, and refuses a history that is not this program's.
pub(crate) fn runner(dialect: &Dialect, up_to: i64) -> Result<Runner, refinery::Error> {
    let migrations: Vec<Migration> = MIGRATIONS
        .iter()
        .filter(|(name, _)| version(name) <= up_to)
        .map(|(name, text)| Migration::unapplied(name, &dialect.schema(text)))
        .collect::<Result<_, _>>()?;
    // Grouped: a crash between a migration and its line in the history must not leave one without the other.
    Ok(Runner::new(&migrations)
        .set_grouped(dialect.transactional_schema)
        .set_abort_divergent(true)
        .set_abort_missing(true))
}

/// Whether the database's history is not this program's.
pub(crate) fn is_divergence(error: &refinery::Error) -> bool {
    matches!(error.kind(), Kind::DivergentVersion(..) | Kind::MissingVersion(_) | Kind::RepeatedVersion(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::dialect::{POSTGRES, SQLITE};

    #[test]
    fn the_list_is_the_folder_and_versions_grow() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort_by_key(|name| name[1..name.find("__").unwrap()].parse::<u32>().unwrap());
        let listed: Vec<String> = MIGRATIONS.iter().map(|(name, _)| format!("{name}.sql")).collect();
        assert_eq!(files, listed);
        for dialect in [&SQLITE, &POSTGRES] {
            let mut before = 0;
            for migration in runner(dialect, newest_known()).unwrap().get_migrations() {
                assert!(migration.version() > before, "{}", migration.name());
                before = migration.version();
                let text = migration.sql().unwrap();
                let without_comments: String =
                    text.lines().map(|line| line.split("--").next().unwrap()).collect();
                assert!(
                    !without_comments.contains(['{', '}']),
                    "a word the dialect does not know in {}",
                    migration.name()
                );
            }
        }
    }
}
