//! A backup taken while the server writes is one instant of it, and comes back as it was.

use crate::fixture::{AllLinks, CountLinks, Do, House, Key, LinkById, OURS, child, childs_database, insert};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use storage::{
    BackupError, BackupReport, OpenError, Options, SealFailure, Store, backup as sealed_backup, check_seal,
    restore as put_back,
};

fn backup(database: &Path, target: &Path) -> Result<BackupReport, BackupError> {
    sealed_backup(database, target, &OURS)
}

fn restore(backup: &Path, database: &Path, force: bool) -> Result<BackupReport, BackupError> {
    put_back(backup, database, force, Some(&OURS))
}

fn restore_unverified(backup: &Path, database: &Path) -> Result<BackupReport, BackupError> {
    put_back(backup, database, false, None)
}

fn links(report: &BackupReport) -> u64 {
    report.tables.iter().find(|(name, _)| name == "one_time_links").unwrap().1
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_by_another_process_under_load_is_one_instant() {
    let house = House::new().await;
    let folder = tempfile::tempdir().unwrap();
    house.store.write(Do((0..2_000).map(insert).collect())).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let writer = {
        let (store, stop) = (house.store.clone(), Arc::clone(&stop));
        tokio::spawn(async move {
            let mut number = 2_000;
            while !stop.load(Ordering::Relaxed) {
                // Two rows together: a copy that holds one without the other is not an instant.
                assert!(store.write(Do(vec![insert(number), insert(number + 1)])).await.unwrap().is_done());
                number += 2;
            }
            number
        })
    };
    let before = house.store.read(CountLinks).await.unwrap() as u64;
    let target = folder.path().join("copy.db");
    let mut process = child("backups::back_up", &house.path()).env("TARGET", &target).spawn().unwrap();
    let status = tokio::task::block_in_place(|| process.wait().unwrap());
    stop.store(true, Ordering::Relaxed);
    let written = writer.await.unwrap();
    assert!(status.success() && written > before);
    assert_eq!(names(folder.path()), ["copy.db"]);
    assert_eq!(target.metadata().unwrap().permissions().mode() & 0o777, 0o600);

    let database = folder.path().join("restored/doorward.db");
    let report = restore(&target, &database, false).unwrap();
    assert!(links(&report) >= before && links(&report).is_multiple_of(2), "{report:?}");
    assert!(report.schema_version >= 1 && report.kept_aside.is_none(), "{report:?}");
    // The page of the seal stays behind.
    assert_eq!(report.bytes + 4_096, target.metadata().unwrap().len());
    let restored = Store::open(&Options::at(&database)).await.unwrap().store;
    let rows = restored.read(AllLinks).await.unwrap();
    assert_eq!(rows.len() as u64, links(&report));
    assert_eq!(rows[..], house.store.read(AllLinks).await.unwrap()[..rows.len()]);
}

#[test]
#[ignore = "run by another test in a process of its own"]
fn back_up() {
    let target = throwaway::variable("TARGET").unwrap();
    let report = backup(&childs_database(), Path::new(&target)).unwrap();
    assert!(links(&report) >= 2_000 && report.bytes > 100_000);
}

#[tokio::test]
async fn nothing_is_overwritten_and_a_replaced_database_is_kept() {
    let house = House::new().await;
    let folder = tempfile::tempdir().unwrap();
    let (copy, database) = (folder.path().join("copy.db"), house.path());
    house.store.write(Do(vec![insert(1)])).await.unwrap();
    backup(&database, &copy).unwrap();
    assert!(matches!(backup(&database, &copy), Err(BackupError::Exists { .. })));
    house.store.write(Do(vec![insert(2)])).await.unwrap();
    assert!(matches!(restore(&copy, &database, true), Err(BackupError::Open(OpenError::InUse { .. }))));
    house.store.close().await;
    assert!(matches!(restore(&copy, &database, false), Err(BackupError::Exists { .. })));
    for round in 1..3 {
        let report = restore(&copy, &database, true).unwrap();
        let aside = report.kept_aside.unwrap();
        assert_eq!(aside, database.with_file_name(format!("doorward.db.before-restore-{round}")));
        let kept = rusqlite::Connection::open(&aside).unwrap();
        let rows: i64 = kept.query_row("SELECT count(*) FROM one_time_links", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, if round == 1 { 2 } else { 1 });
    }
    let store = Store::open(&house.options).await.unwrap().store;
    assert!(store.read(LinkById(1)).await.unwrap().is_some());
    assert_eq!(store.read(LinkById(2)).await.unwrap(), None);
    // An idle database, closed or open, is backed up alike.
    store.close().await;
    assert_eq!(links(&backup(&database, &folder.path().join("idle.db")).unwrap()), 1);
}

#[tokio::test]
async fn what_should_not_be_copied_or_put_back_is_refused() {
    let house = House::new().await;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    assert!(matches!(backup(&at("none.db"), &at("copy.db")), Err(BackupError::Missing { .. })));
    assert!(matches!(restore(&at("none.db"), &at("new.db"), false), Err(BackupError::Missing { .. })));

    rusqlite::Connection::open(at("foreign.db")).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    assert!(matches!(restore_unverified(&at("foreign.db"), &at("new.db")), Err(BackupError::Foreign { .. })));

    std::fs::write(at("text.db"), "not a database at all, only words ".repeat(100)).unwrap();
    assert!(matches!(
        restore_unverified(&at("text.db"), &at("new.db")),
        Err(BackupError::Open(OpenError::Damaged { .. }))
    ));

    house.store.write(Do((0..5_000).map(insert).collect())).await.unwrap();
    backup(&house.path(), &at("good.db")).unwrap();
    // A hole in the middle: the header is right, the rows are not.
    let mut bytes = std::fs::read(at("good.db")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8_192].fill(0x5A);
    std::fs::write(at("hole.db"), bytes).unwrap();
    for refused in
        [restore(&at("hole.db"), &at("new.db"), false), restore_unverified(&at("hole.db"), &at("new.db"))]
    {
        assert!(matches!(refused, Err(BackupError::Damaged { .. })), "{refused:?}");
    }

    std::fs::copy(at("good.db"), at("newer.db")).unwrap();
    rusqlite::Connection::open(at("newer.db"))
        .unwrap()
        .execute_batch(
            "INSERT INTO refinery_schema_history VALUES (99, 'tomorrow', '2030-01-01T00:00:00Z', '1')",
        )
        .unwrap();
    let refused = restore_unverified(&at("newer.db"), &at("new.db"));
    assert!(matches!(refused, Err(BackupError::Open(OpenError::Newer { found: 99, .. }))), "{refused:?}");
    assert!(!at("new.db").exists());
    assert!(names(folder.path()).iter().all(|name| !name.contains("partial") && !name.contains("restoring")));
}

#[tokio::test]
async fn a_backup_of_one_file_is_sealed_and_every_changed_letter_is_found() {
    let house = House::new().await;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    house.store.write(Do((0..50).map(insert).collect())).await.unwrap();
    backup(&house.path(), &at("copy.db")).unwrap();
    assert!(check_seal(&at("copy.db"), Some(&OURS)).unwrap());
    let whole = std::fs::read(at("copy.db")).unwrap();

    // A letter of a row: sound to SQLite, and another purpose than was written.
    let mut changed = whole.clone();
    let letter = whole.windows(4).position(|window| window == b"test").unwrap();
    changed[letter] = b'b';
    std::fs::write(at("changed.db"), changed).unwrap();
    for error in [
        restore(&at("changed.db"), &at("new.db"), false).unwrap_err(),
        check_seal(&at("changed.db"), None).unwrap_err(),
    ] {
        assert!(error.to_string().contains("not as it was when it was sealed"), "{error}");
    }
    // Whoever edits a copy on purpose may say so.
    restore_unverified(&at("changed.db"), &at("edited.db")).unwrap();

    // Another installation's, and one that nobody sealed.
    sealed_backup(&house.path(), &at("theirs.db"), &Key([2; 8])).unwrap();
    let error = restore(&at("theirs.db"), &at("new.db"), false).unwrap_err();
    assert!(matches!(error, BackupError::Unproven { why: SealFailure::AnotherKey(_), .. }), "{error}");
    assert!(error.to_string().contains("0202020202020202") && error.to_string().contains("--unverified"));
    std::fs::write(at("bare.db"), &whole[..whole.len() - 4_096]).unwrap();
    let error = restore(&at("bare.db"), &at("new.db"), false).unwrap_err();
    assert!(matches!(error, BackupError::Unproven { why: SealFailure::Missing, .. }), "{error}");
    assert!(!at("new.db").exists());

    // A log that somebody put beside it is not part of what was sealed.
    let other = rusqlite::Connection::open(at("other.db")).unwrap();
    std::fs::write(at("other.db"), &whole[..whole.len() - 4_096]).unwrap();
    other.pragma_update(None, "journal_mode", "WAL").unwrap();
    other.execute_batch("DELETE FROM one_time_links").unwrap();
    std::fs::copy(at("other.db-wal"), at("copy.db-wal")).unwrap();
    let report = restore(&at("copy.db"), &at("new.db"), false).unwrap();
    assert_eq!(links(&report), 50);
}

#[tokio::test]
async fn a_schema_that_others_added_to_is_neither_copied_nor_put_back() {
    let house = House::new().await;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    backup(&house.path(), &at("good.db")).unwrap();
    let trigger = "CREATE TRIGGER mine AFTER INSERT ON sessions BEGIN DELETE FROM audit_events; END";
    rusqlite::Connection::open(at("good.db")).unwrap().execute_batch(trigger).unwrap();
    house.raw().execute_batch(trigger).unwrap();
    for refused in [restore_unverified(&at("good.db"), &at("new.db")), backup(&house.path(), &at("copy.db"))]
    {
        let error = refused.unwrap_err();
        assert!(matches!(error, BackupError::Altered { .. }), "{error}");
        assert!(error.to_string().contains("trigger mine"), "{error}");
    }
    assert!(!at("new.db").exists() && !at("copy.db").exists());
}

#[tokio::test]
async fn logs_of_a_database_that_is_gone_do_not_become_those_of_the_restored_one() {
    let house = House::new().await;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    house.store.write(Do((0..50).map(insert).collect())).await.unwrap();
    backup(&house.path(), &at("copy.db")).unwrap();
    // The log of another database with the same tables, as one is left when a file is removed by hand.
    let bytes = std::fs::read(at("copy.db")).unwrap();
    std::fs::write(at("other.db"), &bytes[..bytes.len() - 4_096]).unwrap();
    let other = rusqlite::Connection::open(at("other.db")).unwrap();
    other.pragma_update(None, "journal_mode", "WAL").unwrap();
    other.execute_batch("DELETE FROM one_time_links").unwrap();
    std::fs::copy(at("other.db-wal"), at("new.db-wal")).unwrap();

    let report = restore(&at("copy.db"), &at("new.db"), false).unwrap();
    assert_eq!((links(&report), report.kept_aside), (50, None));
    assert!(at("new.db.before-restore-1-wal").exists(), "what was there is kept");
    let store = Store::open(&Options::at(at("new.db"))).await.unwrap().store;
    assert_eq!(store.read(CountLinks).await.unwrap(), 50);
    store.close().await;
    // Nor is a copy written beside a log.
    std::fs::copy(at("other.db-wal"), at("next.db-wal")).unwrap();
    let error = backup(&house.path(), &at("next.db")).unwrap_err();
    assert!(matches!(&error, BackupError::Exists { path } if *path == at("next.db-wal")), "{error}");
}
