//! A rehearsal touches nothing and tells what would happen; an upgrade does that, and keeps what was before.

use crate::filled::{dump, dump_like, fill};
use crate::fixture::{CountLinks, House};
use std::path::{Path, PathBuf};
use storage::doctor::Verdict;
use storage::upgrade::{UpgradeError, rehearse, upgrade};
use storage::{OpenError, Options, Schema, Store};

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
    let refused = upgrade(&house.path()).unwrap_err();
    assert!(matches!(refused, UpgradeError::Open(OpenError::InUse { .. })), "{refused}");
    house.store.close().await;
    let before = dump(&house.path());
    let upgraded = upgrade(&house.path()).unwrap();
    assert!(upgraded.from == 1 && upgraded.to > 1 && !upgraded.applied.is_empty());
    let backup = upgraded.backup.unwrap();
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
    let again = upgrade(&house.path()).unwrap();
    assert!(again.applied.is_empty() && again.backup.is_none());
    let store =
        Store::open(&Options { schema: Schema::AsItIs, ..Options::at(house.path()) }).await.unwrap().store;
    assert_eq!(store.read(CountLinks).await.unwrap(), 300);
}
