//! A disk that is full or read-only, really: each test runs in a process with a small file system of its own (a tmpfs in a private
//! mount namespace).

use crate::fixture::{CountLinks, Do, LinkById, child, childs_database, insert};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command as Process;
use std::time::Duration;
use storage::{OpenError, Options, StorageError, Store};

/// Runs one test of this binary on a file system of four megabytes. Where namespaces are not allowed, only a developer's machine may
/// go without; on CI (the variable `CI`) it is a failure.
fn on_a_small_disk(test: &str) {
    let allowed =
        Process::new("unshare").args(["-rm", "true"]).output().is_ok_and(|output| output.status.success());
    if !allowed {
        assert!(
            throwaway::variable("CI").is_none(),
            "these tests need `unshare -rm` (user and mount namespaces)"
        );
        eprintln!("NOT TESTED: `unshare -rm` is not allowed here, so there is no small disk to fill");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let inner = child(test, &folder.path().join("doorward.db"));
    let script = "mount -t tmpfs -o size=4m doorward \"$1\"; shift; exec \"$@\"";
    let output = Process::new("unshare")
        .args(["-rm", "sh", "-ec", script, "sh"])
        .arg(folder.path())
        .arg(inner.get_program())
        .args(inner.get_args())
        .env("DATABASE", folder.path().join("doorward.db"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Takes all room but `spare` bytes; dropping the file's name gives it back.
fn fill(folder: &Path, spare: usize) -> std::path::PathBuf {
    let path = folder.join("ballast");
    let mut file = File::create(&path).unwrap();
    let mut written = 0;
    while let Ok(count @ 1..) = file.write(&[0; 4_096]) {
        written += count;
    }
    file.set_len(written.saturating_sub(spare) as u64).unwrap();
    path
}

#[test]
fn a_full_disk_refuses_writes_keeps_reads_and_heals() {
    on_a_small_disk("disk::full");
}

#[test]
fn a_full_disk_at_start_is_told() {
    on_a_small_disk("disk::full_at_start");
}

#[test]
fn a_read_only_disk_is_told() {
    on_a_small_disk("disk::read_only");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by another test in a process of its own"]
async fn full() {
    let path = childs_database();
    let store = Store::open(&Options::at(&path)).await.unwrap().store;
    let ballast = fill(path.parent().unwrap(), 700_000);
    let mut acknowledged = 0;
    let error = loop {
        match store.write(Do(vec![insert(acknowledged * 2), insert(acknowledged * 2 + 1)])).await {
            Ok(applied) => assert!(applied.is_done()),
            Err(error) => break error,
        }
        acknowledged += 1;
        assert!(acknowledged < 100_000, "the disk was never full");
    };
    assert!(
        matches!(&error, StorageError::Unavailable(why) if why.contains("space") || why.contains("full")),
        "{error:?}"
    );
    assert!(acknowledged > 10);
    assert!(!store.is_healthy());
    // What was acknowledged can be read, what was refused is not there.
    assert_eq!(store.read(CountLinks).await.unwrap(), acknowledged as i64 * 2);
    assert_eq!(store.read(LinkById(acknowledged * 2)).await.unwrap(), None);
    // With room, it heals by itself: nothing needs to be restarted, no write needs to try.
    std::fs::remove_file(ballast).unwrap();
    let mut waited = 0;
    while !store.is_healthy() {
        tokio::time::sleep(Duration::from_millis(100)).await;
        waited += 1;
        assert!(waited < 100, "still in trouble: {:?}", store.trouble());
    }
    assert!(
        store
            .write(Do(vec![insert(acknowledged * 2), insert(acknowledged * 2 + 1)]))
            .await
            .unwrap()
            .is_done()
    );
    store.close().await;
    let again = Store::open(&Options::at(&path)).await.unwrap().store;
    assert_eq!(again.read(CountLinks).await.unwrap(), acknowledged as i64 * 2 + 2);
    again.close().await;
    let raw = rusqlite::Connection::open(&path).unwrap();
    let checked: String = raw.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(checked, "ok");
}

#[tokio::test]
#[ignore = "run by another test in a process of its own"]
async fn full_at_start() {
    let path = childs_database();
    let ballast = fill(path.parent().unwrap(), 8_192);
    let Err(error) = Store::open(&Options::at(&path)).await else { panic!("opened on a full disk") };
    assert!(matches!(error, OpenError::DiskFull { .. }) || error.to_string().contains("disk"), "{error:?}");
    std::fs::remove_file(ballast).unwrap();
    assert!(Store::open(&Options::at(&path)).await.is_ok());
}

#[tokio::test]
#[ignore = "run by another test in a process of its own"]
async fn read_only() {
    let path = childs_database();
    let store = Store::open(&Options::at(&path)).await.unwrap().store;
    store.close().await;
    drop(store);
    // The handle for syncing stays open for reading; a remount minds only files open for writing.
    let remounted =
        Process::new("mount").args(["-o", "remount,ro"]).arg(path.parent().unwrap()).status().unwrap();
    assert!(remounted.success());
    let Err(error) = Store::open(&Options::at(&path)).await else { panic!("opened on a read-only disk") };
    assert!(matches!(error, OpenError::ReadOnly { .. }), "{error:?}");
    assert!(error.to_string().contains("read-only"), "{error}");
}
