//! A rehearsal touches nothing and tells what would happen; an upgrade does that, and keeps what was before.

use crate::engines::Engine;
use crate::filled::{dump, dump_like, fill};
use crate::fixture::{CountLinks, House, OURS};
use std::path::{Path, PathBuf};
use storage::doctor::Verdict;
use storage::upgrade::{UpgradeError, clear_scratch, rehearse, rehearse_on_server, upgrade};
use storage::{Database, OpenError, Options, Schema, Store};

on_every_server![
    a_rehearsal_on_a_server_carries_an_older_schema_and_leaves_nothing,
    a_scratch_database_that_holds_anything_else_is_left_alone,
];

/// An installation that the first version of the schema made.
async fn old() -> House {
    let house = House::with(|options| options.schema = Schema::UpTo(1)).await;
    fill(&house.store, &house.path(), 300).await;
    house
}

/// But for the log and its index, which SQLite makes for whoever reads.
fn names(database: &Path) -> Vec<PathBuf> {
    let mut names: Vec<_> =
        std::fs::read_dir(database.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|name| {
        !name.to_string_lossy().ends_with("-wal") && !name.to_string_lossy().ends_with("-shm")
    });
    names.sort();
    names
}

#[tokio::test]
async fn a_rehearsal_reports_and_touches_nothing() {
    let house = old().await;
    // While it is in use, and when it is not.
    for closed in [false, true] {
        if closed {
            house.store.close().await;
        }
        let (files, bytes) = (names(&house.path()), std::fs::read(house.path()).unwrap());
        let rehearsal = rehearse(&house.path()).unwrap();
        assert!(rehearsal.found == 1 && rehearsal.known > 1);
        assert!((1..=rehearsal.known - rehearsal.found).contains(&(rehearsal.applied.len() as i64)));
        assert!(
            rehearsal.checks.len() == 4 && rehearsal.checks.iter().all(|check| check.verdict == Verdict::Ok),
            "{rehearsal:?}"
        );
        assert!(
            rehearsal.disk_needed > rehearsal.bytes_before && rehearsal.bytes_after > rehearsal.bytes_before
        );
        let clone = rehearsal.clone_path().to_owned();
        let migrated =
            Store::open(&Options { schema: Schema::AsItIs, ..Options::at(&clone) }).await.unwrap().store;
        assert_eq!(migrated.read(CountLinks).await.unwrap(), 300);
        migrated.close().await;
        drop(rehearsal);
        assert!(!clone.exists());
        assert_eq!(names(&house.path()), files);
        assert!(std::fs::read(house.path()).unwrap() == bytes);
    }
    let as_it_is = Options { schema: Schema::AsItIs, ..Options::at(house.path()) };
    assert!(matches!(Store::open(&as_it_is).await, Err(OpenError::Older { found: 1, .. })));
}

#[tokio::test]
async fn a_rehearsal_finds_a_schema_that_is_not_ours() {
    let house = old().await;
    house.store.close().await;
    let raw = rusqlite::Connection::open(house.path()).unwrap();
    raw.execute_batch("ALTER TABLE clients ADD COLUMN planted TEXT").unwrap();
    drop(raw);
    let rehearsal = rehearse(&house.path()).unwrap();
    let wrong: Vec<_> = rehearsal.checks.iter().filter(|check| check.verdict == Verdict::Problem).collect();
    assert!(wrong.len() == 1 && wrong[0].found.contains("planted"), "{wrong:?}");
}

#[tokio::test]
async fn an_upgrade_keeps_everything_and_what_was_before() {
    let house = old().await;
    let refused = upgrade(&house.path(), Some(&OURS)).unwrap_err();
    assert!(matches!(refused, UpgradeError::Open(OpenError::InUse { .. })), "{refused}");
    house.store.close().await;
    let before = dump(&house.path());
    let upgraded = upgrade(&house.path(), Some(&OURS)).unwrap();
    assert!(upgraded.from == 1 && upgraded.to > 1 && !upgraded.applied.is_empty());
    let backup = upgraded.backup.unwrap();
    assert!(storage::check_seal(&backup, Some(&OURS)).unwrap());
    let raw = |path: &Path| {
        let history = "SELECT max(version) FROM refinery_schema_history";
        rusqlite::Connection::open(path).unwrap().query_row(history, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!((raw(&backup), raw(&house.path())), (1, upgraded.to));
    assert!(
        before.lines().count() > 3_000
            && dump(&backup) == before
            && dump_like(&house.path(), &backup).contains(&before)
    );
    // Once more there is nothing to do.
    let again = upgrade(&house.path(), Some(&OURS)).unwrap();
    assert!(again.applied.is_empty() && again.backup.is_none());
    let store =
        Store::open(&Options { schema: Schema::AsItIs, ..Options::at(house.path()) }).await.unwrap().store;
    assert_eq!(store.read(CountLinks).await.unwrap(), 300);
}

/// An empty database on the engine's server.
fn empty_on(engine: Engine) -> (throwaway::Database, Database) {
    let database = throwaway::shared(engine.server().unwrap()).unwrap();
    let url = database.url().parse().unwrap();
    (database, url)
}

fn sql(database: &throwaway::Database, statement: &str) -> String {
    tokio::task::block_in_place(|| database.sql(statement)).unwrap()
}

/// An installation on a server with the oldest schema that was ever served from one, in which every table has so many rows.
async fn old_on(engine: Engine, rows: u64) -> (throwaway::Database, Database) {
    let (there, url) = empty_on(engine);
    let file = House::with(|options| options.schema = Schema::UpTo(1)).await;
    let options = Options { schema: Schema::UpTo(2), ..Options::new(url.clone()) };
    let store = Store::open(&options).await.unwrap().store;
    fill(&store, &file.path(), rows).await;
    store.close().await;
    (there, url)
}

async fn a_rehearsal_on_a_server_carries_an_older_schema_and_leaves_nothing(engine: Engine) {
    // More than one slice of rows.
    let ((_there, installation), (place, scratch)) = (old_on(engine, 1_100).await, empty_on(engine));
    let as_it_is = |database: &Database| Options { schema: Schema::AsItIs, ..Options::new(database.clone()) };
    for _again in 0..2 {
        let rehearsal = rehearse_on_server(&installation, &scratch).await.unwrap();
        assert!(rehearsal.found == 2 && rehearsal.known > 2);
        assert!(rehearsal.rows > 10_000 && rehearsal.rows.is_multiple_of(1_100), "{rehearsal:?}");
        assert!(rehearsal.checks.len() == 3 && rehearsal.bytes_after > 0, "{rehearsal:?}");
        assert!(rehearsal.checks.iter().all(|check| check.verdict == Verdict::Ok), "{rehearsal:?}");
        let migrated = Store::open(&as_it_is(&scratch)).await.unwrap().store;
        assert_eq!(migrated.read(CountLinks).await.unwrap(), 1_100);
        migrated.close().await;
        // The second time it was not cleared, as after an interruption.
    }
    clear_scratch(&scratch).await.unwrap();
    let count = "SELECT count(*) FROM information_schema.tables WHERE table_schema IN ('public', database())";
    let count = if engine == Engine::Postgres { count.replace(", database()", "") } else { count.to_owned() };
    assert_eq!(sql(&place, &count).trim(), "0");
    // The installation is as it was.
    let refused = Store::open(&as_it_is(&installation)).await;
    assert!(matches!(refused, Err(OpenError::Older { found: 2, .. })));
}

async fn a_scratch_database_that_holds_anything_else_is_left_alone(engine: Engine) {
    let ((_there, installation), (place, scratch)) = (old_on(engine, 10).await, empty_on(engine));
    sql(&place, "CREATE TABLE precious (id INT)");
    let refused = rehearse_on_server(&installation, &scratch).await.unwrap_err();
    assert!(refused.to_string().contains("is not empty: it has the table precious"), "{refused}");
    clear_scratch(&scratch).await.unwrap();
    assert_eq!(sql(&place, "SELECT count(*) FROM precious").trim(), "0");
    for other in [installation.clone(), "sqlite:scratch.db".parse().unwrap()] {
        let refused = rehearse_on_server(&installation, &other).await.unwrap_err();
        assert!(refused.to_string().contains("must be another database on a server"), "{refused}");
    }
}
