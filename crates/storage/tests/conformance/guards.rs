//! What operators hit: two processes on one file, a newer database, a wrong path, damage, modes.

use crate::fixture::{Do, House, LinkById, child, childs_database, insert};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use storage::{OpenError, Options, Store};

async fn open_error(path: &Path) -> OpenError {
    match Store::open(&Options::at(path)).await {
        Ok(_) => panic!("{} should not open", path.display()),
        Err(error) => error,
    }
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_database_in_use_by_another_process_is_refused_with_its_id() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("doorward.db");
    let mut holder =
        child("guards::hold", &path).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    assert!(
        lines.any(|line| line.unwrap().ends_with("holding")),
        "the other process did not open the database"
    );
    let error = open_error(&path).await;
    assert!(matches!(&error, OpenError::InUse { holder: Some(pid), .. } if *pid == holder.id()), "{error:?}");
    assert!(error.to_string().contains(&format!("process id {}", holder.id())), "{error}");
    // When it dies, however it dies, the database is free, and what it had written is there.
    holder.kill().unwrap();
    holder.wait().unwrap();
    let store = Store::open(&Options::at(&path)).await.unwrap().store;
    assert!(store.read(LinkById(1)).await.unwrap().is_some());
}

#[tokio::test]
#[ignore = "run by another test in a process of its own"]
async fn hold() {
    let store = Store::open(&Options::at(childs_database())).await.unwrap().store;
    store.write(Do(vec![insert(1)])).await.unwrap();
    println!("holding");
    std::io::stdout().flush().unwrap();
    let _until_killed = std::io::stdin().read_line(&mut String::new());
}

#[tokio::test]
async fn a_database_in_use_by_this_process_is_refused_too() {
    let house = House::new().await;
    assert!(matches!(open_error(&house.path()).await, OpenError::InUse { .. }));
    house.store.close().await;
    assert!(Store::open(&house.options).await.is_ok());
}

#[tokio::test]
async fn a_newer_database_and_another_history_are_refused() {
    let house = House::new().await;
    house.store.close().await;
    let raw = house.raw();
    raw.execute_batch(
        "INSERT INTO refinery_schema_history VALUES (99, 'tomorrow', '2030-01-01T00:00:00Z', '1')",
    )
    .unwrap();
    let error = open_error(&house.path()).await;
    assert!(matches!(error, OpenError::Newer { found: 99, .. }), "{error:?}");
    assert!(error.to_string().contains("99"), "{error}");
    raw.execute_batch("DELETE FROM refinery_schema_history WHERE version = 99").unwrap();
    raw.execute_batch("UPDATE refinery_schema_history SET checksum = '1' WHERE version = 1").unwrap();
    drop(raw);
    assert!(matches!(open_error(&house.path()).await, OpenError::Diverged { .. }));
}

#[tokio::test]
async fn what_is_no_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("doorward.db");
    let text = "this is not a database, it is a letter to the editor. ".repeat(200);
    std::fs::write(&path, &text).unwrap();
    let error = open_error(&path).await;
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn a_damaged_schema_page_is_refused() {
    let house = House::new().await;
    house.store.close().await;
    let mut bytes = std::fs::read(house.path()).unwrap();
    bytes[100..2_000].fill(0xA5);
    std::fs::write(house.path(), bytes).unwrap();
    let error = open_error(&house.path()).await;
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
}

#[tokio::test]
async fn paths_that_cannot_be_are_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    for path in [file.join("doorward.db"), folder.path().to_owned(), "/proc/doorward/doorward.db".into()] {
        let error = open_error(&path).await;
        assert!(matches!(error, OpenError::Failed { .. } | OpenError::ReadOnly { .. }), "{error:?}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
}

#[tokio::test]
async fn files_are_their_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/deep/doorward.db");
    let store = Store::open(&Options::at(&path)).await.unwrap().store;
    store.write(Do(vec![insert(1)])).await.unwrap();
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let file = path.with_file_name(format!("doorward.db{suffix}"));
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    store.close().await;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let warnings = Store::open(&Options::at(&path)).await.unwrap().warnings;
    assert!(warnings.len() == 1 && warnings[0].contains("644"), "{warnings:?}");
}
