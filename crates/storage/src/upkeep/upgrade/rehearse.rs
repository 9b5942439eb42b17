//! A rehearsal on a server: the installation is carried into a scratch database with the schema it has, migrated there, and looked at. Knows what
//! must stay as it was; changes nothing but the scratch database, and only one that was empty or is left over from another rehearsal.

use crate::contract::finding::Finding;
use crate::contract::{Database, OpenError};
use crate::engine::mysql::{self, Mysql};
use crate::engine::network::doctor::Patient;
use crate::engine::postgres::{self, Postgres};
use crate::engine::upgrade::{ServerRehearsal, UpgradeError};
use crate::engine::{Options, Schema, clock};
use crate::nodes::Store;
use crate::schema::migrate;
use crate::schema::tables::{Belongs, TABLES};
use crate::upkeep::copy::older::{self, Number, Older};
use std::time::Duration;

/// The table that says whose a scratch database is.
const MARK: &str = "doorward_rehearsal";

/// Carries, migrates, checks. The scratch database is left as migrated; [`clear`] empties it.
pub(crate) async fn rehearse(
    database: &Database,
    scratch: &Database,
) -> Result<ServerRehearsal, UpgradeError> {
    let found = version(database).await?;
    let known = migrate::newest_known();
    take(scratch).await?;
    let source = open(database, Schema::UpTo(found)).await?;
    let clone = open(scratch, Schema::UpTo(found)).await?;
    let began = clock::now();
    let tables = older::tables(&clone).await?;
    let mut rows = 0;
    for table in tables.iter().filter(|table| table.belongs == Belongs::Installation) {
        rows += table.carry(&source, &clone).await?;
    }
    let cloning_took = clock::now().saturating_duration_since(began);
    source.close().await;
    let before = State::of(&clone, &tables).await?;
    let bytes_before = clone.read(Number(size(scratch))).await?;
    clone.close().await;
    let began = clock::now();
    let clone = open(scratch, Schema::Newest).await?;
    let took = clock::now().saturating_duration_since(began);
    let after = State::of(&clone, &tables).await?;
    let bytes_after = clone.read(Number(size(scratch))).await?;
    let checks = checks(&before, &after, &older::tables(&clone).await?);
    clone.close().await;
    Ok(ServerRehearsal { found, known, rows, took, cloning_took, bytes_before, bytes_after, checks })
}

/// Drops every table of a scratch database that a rehearsal has marked as its own.
pub(crate) async fn clear(scratch: &Database) -> Result<(), UpgradeError> {
    let tables = tables(scratch).await?;
    if !tables.iter().any(|table| table == MARK) {
        return Ok(());
    }
    // The mark goes last: until then it is known whose the rest is.
    let others: Vec<&str> = tables.iter().map(String::as_str).filter(|table| *table != MARK).collect();
    for table in others.into_iter().chain([MARK]) {
        tell(scratch, &format!("DROP TABLE {table}")).await?;
    }
    Ok(())
}

/// The schema version of the installation.
async fn version(database: &Database) -> Result<i64, UpgradeError> {
    match open(database, Schema::AsItIs).await {
        Ok(store) => {
            store.close().await;
            Ok(migrate::newest_known())
        }
        Err(OpenError::Older { found, .. }) => Ok(found),
        Err(error) => Err(error.into()),
    }
}

/// Whoever reads all of it may take long.
async fn open(database: &Database, schema: Schema) -> Result<Store, OpenError> {
    let seconds = Duration::from_secs;
    let mut options = Options { schema, scan_deadline: seconds(600), ..Options::new(database.clone()) };
    options.write_deadline = seconds(60);
    Store::open(&options).await.map(|opened| opened.store)
}

/// Marks an empty database as this rehearsal's; empties one that another rehearsal left.
async fn take(scratch: &Database) -> Result<(), UpgradeError> {
    clear(scratch).await?;
    if let Some(table) = tables(scratch).await?.first() {
        return Err(UpgradeError::Scratch(format!(
            "{scratch} is not empty: it has the table {table}. A rehearsal needs an empty database of its own, which it empties again"
        )));
    }
    tell(scratch, &format!("CREATE TABLE {MARK} (id INT NOT NULL PRIMARY KEY)")).await
}

/// The names of the tables in a database.
async fn tables(database: &Database) -> Result<Vec<String>, UpgradeError> {
    let failed = |why: String| UpgradeError::Scratch(format!("{database}: {why}"));
    let options = Options::new(database.clone());
    let rows = match database {
        Database::Sqlite(_) => return Err(failed("a scratch database is one on a server".to_owned())),
        Database::Postgres(server) => {
            let driver = Postgres::new(server, &options).map_err(failed)?;
            let mut patient =
                Patient::reach(driver, "pg_hba.conf").await.map_err(|finding| failed(finding.found))?;
            let sql = "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename";
            patient.ask(sql).await
        }
        Database::Mysql(server) => {
            let driver = Mysql::new(server, &options).map_err(failed)?;
            let mut patient = Patient::reach(driver, "the account and its host")
                .await
                .map_err(|finding| failed(finding.found))?;
            let sql = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_name";
            patient.ask(sql).await
        }
    };
    let rows = rows.ok_or_else(|| failed("it does not tell which tables it has".to_owned()))?;
    Ok(rows.into_iter().flatten().collect())
}

async fn tell(database: &Database, sql: &str) -> Result<(), UpgradeError> {
    let told = match database {
        Database::Sqlite(_) => Ok(()),
        Database::Postgres(server) => postgres::plain::tell(server, sql).await,
        Database::Mysql(server) => mysql::plain::tell(server, sql).await,
    };
    told.map_err(|why| UpgradeError::Scratch(format!("{database}: {why}")))
}

fn size(database: &Database) -> &'static str {
    match database {
        Database::Mysql(_) => {
            "SELECT CAST(COALESCE(SUM(data_length + index_length), 0) AS SIGNED) FROM information_schema.tables \
             WHERE table_schema = DATABASE()"
        }
        Database::Postgres(_) | Database::Sqlite(_) => "SELECT pg_database_size(current_database())",
    }
}

/// What a migration must keep: rows, and ids that lead somewhere.
struct State {
    rows: Vec<(&'static str, u64)>,
    dangling: Vec<(&'static str, &'static str, u64)>,
}

impl State {
    async fn of(store: &Store, tables: &[Older]) -> Result<Self, UpgradeError> {
        let mut state = Self { rows: Vec::new(), dangling: Vec::new() };
        for table in tables {
            state.rows.push((table.name, table.count(store).await?));
            for (column, count) in table.dangling(store, tables).await? {
                state.dangling.push((table.name, column, count));
            }
        }
        Ok(state)
    }
}

/// What must hold after a migration, whatever it did.
fn checks(before: &State, after: &State, tables: &[Older]) -> Vec<Finding> {
    const REMEDY: &str = "do not upgrade: this is a defect of the new version; report it";
    let verdict = |check, wrong: Vec<String>, fine: String| match wrong.is_empty() {
        true => Finding::ok(check, fine),
        false => Finding::problem(check, wrong.join("; "), REMEDY),
    };
    let lost = before.rows.iter().zip(&after.rows).filter(|(had, has)| had != has);
    let lost = lost.map(|((table, had), (_, has))| format!("{table} had {had} rows and has {has}")).collect();
    let orphaned = before.dangling.iter().zip(&after.dangling).filter(|(had, has)| has.2 > had.2);
    let orphaned = orphaned.map(|((table, column, had), (.., has))| {
        format!("{} more ids in {table}.{column} point nowhere", has - had)
    });
    let is_whole = |name: &str| tables.iter().any(|table| table.name == name && table.is_whole());
    let differing: Vec<String> = TABLES
        .iter()
        .filter(|table| !is_whole(table.name))
        .map(|table| format!("{} lacks columns", table.name))
        .collect();
    let total: u64 = before.rows.iter().map(|(_, rows)| rows).sum();
    vec![
        verdict("rows", lost, format!("all {total} rows are kept")),
        verdict(
            "references",
            orphaned.collect(),
            format!("{} kinds of ids lead where they led", before.dangling.len()),
        ),
        verdict("schema", differing, format!("{} tables are as this program expects them", TABLES.len())),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::finding::Verdict;

    #[test]
    fn rows_that_are_gone_ids_that_lead_nowhere_and_missing_tables_are_problems() {
        let state = |rows, dangling| State {
            rows: vec![("users", rows)],
            dangling: vec![("sessions", "user_id", dangling)],
        };
        let verdicts = |before: State, after: State| {
            checks(&before, &after, &[]).iter().map(|finding| finding.verdict).collect::<Vec<_>>()
        };
        let (ok, problem) = (Verdict::Ok, Verdict::Problem);
        // Without tables at all, the schema is never as expected.
        assert_eq!(verdicts(state(3, 1), state(3, 1)), [ok, ok, problem]);
        assert_eq!(verdicts(state(3, 1), state(2, 0)), [problem, ok, problem]);
        assert_eq!(verdicts(state(3, 1), state(3, 2)), [ok, problem, problem]);
    }
}
