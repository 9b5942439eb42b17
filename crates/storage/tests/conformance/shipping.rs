//! What was shipped comes back: as it was at every moment, after kills, after gaps, and not at all when the archive was tampered with.

use crate::fixture::{
    ADD, DELETE, Do, House, INSERT, Key, OURS, SPEND, any, at, child, childs_database, id, insert,
    insert_expiring, one, spend,
};
use protocol::Timestamp;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use storage::archive::{
    ArchiveError, Folder, Restored, Restoring, Sealed, Shipping, Statements, Target, TargetError,
    generations, moment,
};
use storage::recovery::{drill as drill_sealed, restore as restore_sealed, restore_unverified};
use storage::{BackupError, Options, SealFailure, Sealer, Step, Store, params};

/// What the tests write beside the program's own statements.
fn statements() -> Statements {
    Statements::and(&[INSERT, SPEND, DELETE, ADD, TOKEN, KEY, USER])
}

const TOKEN: &str = "INSERT INTO refresh_tokens (id, secret_hash, grant_id, client_id, generation, created_at, expires_at) \
                     VALUES (?, ?, ?, 'c', 0, 0, ?)";
const KEY: &str = "INSERT INTO signing_keys (kid, algorithm, generation, sealed_private_key, created_at, current_at) \
                   VALUES (?, 'EdDSA', ?, x'00', 0, ?)";
const USER: &str = "INSERT INTO users (id, username, username_key, email_verified, claims, platform_owner, created_at, \
                    updated_at) VALUES (?, 'a', 'a', 0, '{}', 0, 0, 0)";

fn restore_by(
    sealer: &dyn Sealer,
    target: &dyn Target,
    restoring: Restoring<'_>,
) -> Result<Restored, ArchiveError> {
    restore_sealed(Sealed { target, sealer, statements: &statements() }, restoring)
}

fn restore(
    target: &dyn Target,
    at: Option<Timestamp>,
    database: &Path,
    force: bool,
) -> Result<Restored, ArchiveError> {
    restore_by(&OURS, target, Restoring { at, database, force })
}

fn drill(target: &dyn Target, scratch: &Path) -> Result<Restored, ArchiveError> {
    drill_sealed(Sealed { target, sealer: &OURS, statements: &statements() }, scratch)
}

/// To a folder, sealed by the tests.
fn to(target: Arc<dyn Target>, now: fn() -> Timestamp) -> Shipping {
    Shipping { statements: statements(), ..Shipping::new(target, Arc::new(Key(OURS.0)), now) }
}

#[expect(
    clippy::disallowed_methods,
    reason = "shipping is told the time; a child process needs the real one"
)]
fn wall_clock() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    at(i64::try_from(since.as_millis()).unwrap())
}

/// A clock that is a millisecond later at every look, so that every batch has a moment of its own.
fn ticking() -> Timestamp {
    static NOW: AtomicI64 = AtomicI64::new(1_795_000_000_000);
    at(NOW.fetch_add(1, Ordering::SeqCst))
}

/// A folder that can be taken away, and counts what it was asked to keep.
#[derive(Debug)]
struct Fickle {
    folder: Folder,
    away: AtomicBool,
    puts: AtomicU64,
}

impl Fickle {
    fn at(path: &Path) -> Arc<Self> {
        Arc::new(Self { folder: Folder::at(path), away: AtomicBool::new(false), puts: AtomicU64::new(0) })
    }

    fn there(&self) -> Result<&Folder, TargetError> {
        if self.away.load(Ordering::SeqCst) { Err(TargetError("away".to_owned())) } else { Ok(&self.folder) }
    }
}

impl std::fmt::Display for Fickle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.folder.fmt(f)
    }
}

impl Target for Fickle {
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), TargetError> {
        self.puts.fetch_add(1, Ordering::SeqCst);
        self.there()?.put(name, bytes)
    }
    fn get(&self, name: &str) -> Result<Option<Vec<u8>>, TargetError> {
        self.there()?.get(name)
    }
    fn list(&self, prefix: &str) -> Result<Vec<String>, TargetError> {
        self.there()?.list(prefix)
    }
    fn delete(&self, name: &str) -> Result<(), TargetError> {
        self.there()?.delete(name)
    }
}

/// A store that ships to a folder.
async fn shipping(target: &Arc<Fickle>, change: impl FnOnce(&mut Options, &mut Shipping)) -> House {
    House::with(|options| {
        let mut shipping = Shipping {
            every: Duration::from_millis(1),
            ..to(Arc::clone(target) as Arc<dyn Target>, ticking)
        };
        change(options, &mut shipping);
        options.shipping = Some(shipping);
    })
    .await
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..3_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

/// A store that is closed before its first base is there leaves everything to the next start's.
async fn based(store: &Store) {
    until("a first base", || store.shipping().unwrap().shipped_until.is_some()).await;
}

async fn all_shipped(store: &Store) {
    until("everything shipped", || store.shipping().unwrap().lag.is_zero()).await;
}

type Rows = Vec<(Vec<u8>, i64, Option<i64>)>;

fn rows(database: &Path) -> Rows {
    let raw = rusqlite::Connection::open(database).unwrap();
    let mut select = raw.prepare("SELECT id, expires_at, spent_at FROM one_time_links ORDER BY id").unwrap();
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn restored(target: &dyn Target, when: Option<Timestamp>) -> Result<(Restored, Rows), ArchiveError> {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("restored.db");
    let restored = restore(target, when, &database, false)?;
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == "restored.db" || name == "restored.db.lock"), "{left:?}");
    Ok((restored, rows(&database)))
}

/// A number that looks random and is the same in every run.
fn mixed(seed: u64) -> u64 {
    let mut x = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x ^ (x >> 27)
}

/// Steps of all kinds, some of which are refused, some only after they have changed something.
fn anything(seed: u64) -> Vec<Step> {
    let number = mixed(seed) % 40;
    match mixed(seed ^ 0xA5A5) % 8 {
        0..3 => vec![insert_expiring(number, i64::try_from(seed).unwrap())],
        3 => vec![spend(number, 5)],
        4 => vec![any(DELETE, params![id(number)])],
        5 => vec![any(ADD, params![i64::try_from(seed).unwrap(), id(number)]), spend(number, 6)],
        6 => vec![insert(100 + seed), insert(number)],
        _ => vec![one(DELETE, params![id(number)]), insert(number), spend(number, 7)],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_moment_is_restored_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let target = Fickle::at(folder.path());
    let house = shipping(&target, |options, shipping| {
        // Checkpoints and several bases happen meanwhile.
        options.wal_soft_limit = 64 * 1024;
        shipping.base_every = Duration::from_millis(150);
    })
    .await;
    all_shipped(&house.store).await;
    let mut moments: BTreeMap<i64, Rows> = BTreeMap::new();
    let mut refused = 0;
    for seed in 0..400 {
        // Two at once, so that refused and applied commands share batches.
        let (one, two) = tokio::join!(
            house.store.write(Do(anything(seed))),
            house.store.write(Do(anything(seed + 10_000)))
        );
        refused += [one, two].iter().filter(|answer| !answer.as_ref().unwrap().is_done()).count();
        if seed % 20 == 0 {
            moments.insert(ticking().millis(), rows(&house.path()));
            all_shipped(&house.store).await;
        }
    }
    // The last base is finished: one that is made meanwhile moves the newest moment on between two looks at it.
    house.store.close().await;
    assert!(refused > 50, "only {refused} refused: nothing was tested");
    let listed = generations(&*target).unwrap();
    assert!(
        listed.len() == 1 && listed[0].bases.len() > 1 && !listed[0].gap && listed[0].segments > 20,
        "{listed:?}"
    );
    for (moment, expected) in &moments {
        let (report, found) = restored(&*target, Some(at(*moment))).unwrap();
        assert_eq!(&found, expected, "at {moment}: {report:?}");
        assert!(report.until.millis() < *moment);
    }
    let (report, found) = restored(&*target, None).unwrap();
    assert_eq!(found, rows(&house.path()));
    assert_eq!(Some(report.until), house.store.shipping().unwrap().shipped_until);
    assert!(moments.len() == 20 && house.store.shipping().unwrap().failures == 0);

    let early = restored(&*target, Some(at(5))).unwrap_err();
    assert!(matches!(early, ArchiveError::TooEarly { .. }), "{early}");
    assert!(early.to_string().contains("the oldest moment in"), "{early}");
    let empty = restored(&Folder::at(folder.path().join("none")), None).unwrap_err();
    assert!(empty.to_string().ends_with("holds no backup"), "{empty}");
    let drilled = drill(&*target, &folder.path().join("scratch.db")).unwrap();
    assert!(drilled.until == report.until && !folder.path().join("scratch.db").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_ships_the_rest_and_each_start_is_a_generation_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let target = Fickle::at(folder.path());
    let house = shipping(&target, |_, shipping| shipping.every = Duration::from_secs(3_600)).await;
    based(&house.store).await;
    house.store.write(Do(vec![insert(1)])).await.unwrap();
    house.store.close().await;
    assert_eq!(restored(&*target, None).unwrap().1, rows(&house.path()));
    let before = ticking();
    for number in 2..4 {
        let store = Store::open(&house.options).await.unwrap().store;
        based(&store).await;
        store.write(Do(vec![insert(number)])).await.unwrap();
        store.close().await;
    }
    assert_eq!(generations(&*target).unwrap().len(), 3);
    assert_eq!(restored(&*target, None).unwrap().1.len(), 3);
    assert_eq!(restored(&*target, Some(before)).unwrap().1.len(), 1);

    // The database is not overwritten, unless it is meant.
    let refused = restore(&*target, Some(before), &house.path(), false).unwrap_err();
    assert!(matches!(refused, ArchiveError::Database(BackupError::Exists { .. })), "{refused}");
    let report = restore(&*target, Some(before), &house.path(), true).unwrap();
    assert!(report.report.kept_aside.is_some() && rows(&house.path()).len() == 1);
    // What goes on from there is a new generation, and what was before stays restorable.
    let store = Store::open(&house.options).await.unwrap().store;
    based(&store).await;
    store.write(Do(vec![insert(9)])).await.unwrap();
    store.close().await;
    assert_eq!(restored(&*target, None).unwrap().1.len(), 2);

    // Another database does not mix its backups with these.
    let other = shipping(&target, |_, _| {}).await;
    until("it is refused", || other.store.shipping().unwrap().failures > 0).await;
    other.store.write(Do(vec![insert(1)])).await.unwrap();
    other.store.close().await;
    assert_eq!(generations(&*target).unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_away_costs_no_write_and_a_gap_begins_a_new_generation() {
    let folder = tempfile::tempdir().unwrap();
    let target = Fickle::at(folder.path());
    let house = shipping(&target, |_, shipping| shipping.max_buffered = 200_000).await;
    all_shipped(&house.store).await;
    // For a short while, nothing is lost.
    target.away.store(true, Ordering::SeqCst);
    for number in 0..50 {
        assert!(house.store.write(Do(vec![insert(number)])).await.unwrap().is_done());
    }
    until("it was tried", || house.store.shipping().unwrap().failures > 0).await;
    assert!(house.store.is_healthy() && !house.store.shipping().unwrap().lag.is_zero());
    target.away.store(false, Ordering::SeqCst);
    all_shipped(&house.store).await;
    assert_eq!((generations(&*target).unwrap().len(), house.store.shipping().unwrap().gaps), (1, 0));
    assert_eq!(restored(&*target, None).unwrap().1.len(), 50);
    let before = ticking();

    // For longer than the buffer lasts, the log begins anew.
    target.away.store(true, Ordering::SeqCst);
    for first in (50..4_050).step_by(100) {
        assert!(house.store.write(Do((first..first + 100).map(insert).collect())).await.unwrap().is_done());
    }
    until("it overflowed", || house.store.shipping().unwrap().gaps == 1).await;
    target.away.store(false, Ordering::SeqCst);
    all_shipped(&house.store).await;
    assert_eq!(restored(&*target, None).unwrap().1.len(), 4_050);
    assert_eq!(restored(&*target, Some(before)).unwrap().1.len(), 50);

    // So it does when another program wrote: the log does not know what.
    house
        .raw()
        .execute_batch("DELETE FROM one_time_links WHERE spent_at IS NULL AND id > x'00000000000000FF'")
        .unwrap();
    house.store.write(Do(vec![insert(9_000)])).await.unwrap();
    until("it was noticed", || house.store.shipping().unwrap().gaps == 2).await;
    all_shipped(&house.store).await;
    assert_eq!(restored(&*target, None).unwrap().1, rows(&house.path()));
    assert_eq!(generations(&*target).unwrap().len(), 3);
}

/// A segment whose body says that it unpacks to four gigabytes, with the digest that it should have then.
fn boastful(segment: &[u8]) -> Vec<u8> {
    const HEAD: usize = 8 + 6 * 8 + 32;
    const PROOF: usize = 32 + 40;
    let (content, proof) = segment.split_at(segment.len() - PROOF);
    let mut content = content.to_vec();
    content[HEAD..HEAD + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    let digest = Sha256::digest(&content);
    [&content, digest.as_slice(), &proof[32..]].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_with_our_key_wrote_is_neither_restored_nor_drilled() {
    let folder = tempfile::tempdir().unwrap();
    let target = Fickle::at(folder.path());
    let house = shipping(&target, |_, _| {}).await;
    based(&house.store).await;
    house.store.write(Do(vec![insert(1)])).await.unwrap();
    house.store.close().await;
    let mut names = target.list("").unwrap();
    names.sort();
    let segment = names.iter().find(|name| name.contains("/log/")).unwrap();
    let manifest = names.iter().find(|name| name.ends_with("/manifest")).unwrap();
    let good = |name: &str| target.get(name).unwrap().unwrap();
    let (good_segment, good_manifest) = (good(segment), good(manifest));

    // What an archive was before it was sealed: the digests are right, and who made them is not known.
    let lines = String::from_utf8(good_manifest.clone()).unwrap();
    let unsealed = lines.lines().take(2).map(|line| line.to_owned() + "\n").collect::<String>();
    let mut earlier = b"DWSHIP\x00\x01".to_vec();
    earlier.extend_from_slice(&good_segment[8..]);
    for (name, bytes) in [(manifest, unsealed.into_bytes()), (segment, earlier)] {
        let kept = good(name);
        target.put(name, &bytes).unwrap();
        let scratch = folder.path().join("scratch.db");
        for error in [restored(&*target, None).unwrap_err(), drill(&*target, &scratch).unwrap_err()] {
            assert!(matches!(error, ArchiveError::Unproven { why: SealFailure::Missing, .. }), "{error}");
            assert!(error.to_string().contains("doorward restore --unverified"), "{error}");
        }
        assert!(!scratch.exists());
        target.put(name, &kept).unwrap();
    }

    // Another key's.
    let database = folder.path().join("new/doorward.db");
    let restoring = Restoring { at: None, database: &database, force: false };
    let error = restore_by(&Key([2; 8]), &*target, restoring).unwrap_err();
    assert!(matches!(error, ArchiveError::Unproven { why: SealFailure::AnotherKey(_), .. }), "{error}");
    assert!(error.to_string().contains("sealed under master key 0101010101010101"), "{error}");

    // Without the key all else is still asked: a statement that the program never writes is not run.
    let error = restore_unverified(&*target, restoring).unwrap_err();
    assert!(error.to_string().contains("a statement this program does not know"), "{error}");
    assert!(!database.exists());
    target.delete(segment).unwrap();
    assert_eq!(restore_unverified(&*target, restoring).unwrap().commands, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_cannot_be_replayed_ends_the_log_and_everything_is_in_the_next_base() {
    let folder = tempfile::tempdir().unwrap();
    let target = Fickle::at(folder.path());
    let house = shipping(&target, |_, shipping| shipping.statements = Statements::ours()).await;
    based(&house.store).await;
    house.store.write(Do(vec![insert(1)])).await.unwrap();
    until("a new generation", || generations(&*target).unwrap().len() == 2).await;
    all_shipped(&house.store).await;
    assert_eq!(house.store.shipping().unwrap().gaps, 1);
    assert_eq!(restored(&*target, None).unwrap().1.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_or_changed_is_refused_with_the_moment_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let target = Fickle::at(folder.path());
    let house = shipping(&target, |_, _| {}).await;
    all_shipped(&house.store).await;
    for number in 0..5 {
        house.store.write(Do(vec![insert(number)])).await.unwrap();
        all_shipped(&house.store).await;
    }
    house.store.close().await;
    let mut names = target.list("").unwrap();
    names.sort();
    let segments: Vec<&String> = names.iter().filter(|name| name.contains("/log/")).collect();
    let part = names.iter().find(|name| name.ends_with("/00000")).unwrap();
    let manifest = names.iter().find(|name| name.ends_with("/manifest")).unwrap();
    assert_eq!(segments.len(), 5);
    let good = |name: &str| target.get(name).unwrap().unwrap();
    let change = |name: &str| {
        let mut bytes = good(name);
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        Some(bytes)
    };
    let cut = |name: &str| Some(good(name)[..good(name).len() / 2].to_vec());
    let cases = [
        (segments[2], None, "follows segments that are missing", Some(2)),
        (segments[2], change(segments[2]), "was changed or cut off", Some(2)),
        (segments[2], cut(segments[2]), "was changed or cut off", Some(2)),
        // Whole, but another's.
        (segments[3], Some(good(segments[4])), "is not what its name says", Some(3)),
        // What cannot be unpacked in any memory: the digest is ours to make, the seal is not.
        (
            segments[3],
            Some(boastful(&good(segments[3]))),
            "that this installation's key did not make",
            Some(3),
        ),
        (part, None, "is missing", None),
        (part, change(part), "was changed or cut off", None),
        (manifest, change(manifest), "was changed", None),
        (manifest, cut(manifest), "is cut off", None),
    ];
    for (name, bytes, why, rows_before) in cases {
        let kept = good(name);
        match &bytes {
            Some(bytes) => target.put(name, bytes).unwrap(),
            None => target.delete(name).unwrap(),
        }
        let error = restored(&*target, None).unwrap_err();
        assert!(error.to_string().contains(why), "{name}: {error}");
        let (ArchiveError::Damaged { until, .. } | ArchiveError::Unproven { until, .. }) = &error else {
            panic!("{error}")
        };
        assert_eq!(until.is_some(), rows_before.is_some(), "{error}");
        if let (Some(until), Some(rows)) = (*until, rows_before) {
            assert!(error.to_string().contains(&format!("--at {}", moment(until))), "{error}");
            assert_eq!(restored(&*target, Some(until)).unwrap().1.len(), rows);
        }
        assert!(drill(&*target, &folder.path().join("scratch.db")).is_err());
        target.put(name, &kept).unwrap();
    }
    assert_eq!(restored(&*target, None).unwrap().1.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_does_not_fit_its_base_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let target = Fickle::at(folder.path());
    let house = shipping(&target, |_, _| {}).await;
    all_shipped(&house.store).await;
    house.store.write(Do(vec![insert(1)])).await.unwrap();
    all_shipped(&house.store).await;
    house.store.close().await;
    // The same row, inserted again by a segment whose base has it: a base of a later moment under the name of the first.
    let store = Store::open(&house.options).await.unwrap().store;
    based(&store).await;
    store.write(Do(vec![insert(2)])).await.unwrap();
    store.close().await;
    let mut names = target.list("").unwrap();
    names.sort();
    let bases: Vec<&String> = names.iter().filter(|name| name.contains("/base-")).collect();
    let [first_part, first_manifest, second_part, second_manifest] = bases[..] else { panic!("{bases:?}") };
    let second = String::from_utf8(target.get(second_manifest).unwrap().unwrap()).unwrap();
    assert!(second.contains("\"batch\":0"));
    let part = target.get(second_part).unwrap().unwrap();
    target.put(first_part, &part).unwrap();
    let at_of =
        |name: &str| name.split('/').nth(1).unwrap().rsplit('-').next().unwrap().parse::<i64>().unwrap();
    let error = restored(&*target, Some(at(at_of(second_manifest) - 1))).unwrap_err();
    assert!(error.to_string().contains("was changed or cut off"), "{first_manifest}: {error}");
    assert_eq!(restored(&*target, None).unwrap().1.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_finds_what_a_server_could_not_run_with() {
    let token = |expires_at: i64| one(TOKEN, params![id(1), [7_u8; 32].as_slice(), id(2), expires_at]);
    let key = |kid: &str, generation: i64| one(KEY, params![kid, generation, 5_i64]);
    for (steps, finding) in [
        (vec![token(i64::MAX)], Some("refresh tokens that live have a grant (1 do not)")),
        (vec![token(5)], None),
        (vec![one(USER, params![id(1)])], Some("an installation with users has a key that signs")),
        (vec![one(USER, params![id(1)]), key("one", 1)], None),
        (vec![key("one", 1), key("two", 2)], Some("at most one signing key of an algorithm is current")),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let target = Fickle::at(folder.path());
        let house = shipping(&target, |_, _| {}).await;
        based(&house.store).await;
        assert!(house.store.write(Do(steps)).await.unwrap().is_done());
        house.store.close().await;
        let drilled = drill(&*target, &folder.path().join("scratch.db"));
        let found = drilled.as_ref().err().map(ToString::to_string);
        match finding {
            Some(finding) => {
                assert!(found.is_some_and(|found| found.contains(finding)), "{finding}: {drilled:?}")
            }
            None => assert_eq!(found, None),
        }
        assert!(!folder.path().join("scratch.db").exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn old_bases_and_their_log_are_removed_once_a_newer_base_is_old_enough() {
    let folder = tempfile::tempdir().unwrap();
    let target = Fickle::at(folder.path());
    let house = shipping(&target, |_, shipping| {
        shipping.base_every = Duration::from_millis(30);
        // The ticking clock: this many looks at it.
        shipping.keep = Duration::from_millis(2_000);
    })
    .await;
    let bases = || generations(&*target).unwrap().first().map_or(0, |generation| generation.bases.len());
    all_shipped(&house.store).await;
    let mut oldest = HashSet::new();
    for number in 0..4_000 {
        house.store.write(Do(vec![insert(number)])).await.unwrap();
        if number % 200 == 0 {
            all_shipped(&house.store).await;
            tokio::time::sleep(Duration::from_millis(40)).await;
            oldest.extend(generations(&*target).unwrap()[0].bases.first().copied());
        }
    }
    all_shipped(&house.store).await;
    assert!(oldest.len() > 1 && bases() > 1, "nothing was removed: {oldest:?}");
    house.store.close().await;
    let listed = generations(&*target).unwrap();
    let first = listed[0].bases[0];
    assert!(!listed[0].gap);
    // Every moment that is to be kept can be had.
    let (_, found) = restored(&*target, Some(first)).unwrap();
    assert!(!found.is_empty());
    assert_eq!(restored(&*target, None).unwrap().1, rows(&house.path()));
}

/// What a killed process said, by its own clock, before it was killed.
#[derive(Default)]
struct Told(Mutex<Vec<(i64, u64)>>);

#[test]
fn killed_under_load_everything_acknowledged_before_the_last_shipped_moment_is_there() {
    const ROUNDS: u64 = 12;
    let folder = tempfile::tempdir().unwrap();
    let (database, archive) = (folder.path().join("doorward.db"), folder.path().join("archive"));
    let target = Folder::at(&archive);
    let (mut acknowledged, mut compared) = (Vec::new(), 0);
    for round in 0..ROUNDS {
        acknowledged.extend(run_and_kill(&database, &archive, round));
        if generations(&target).unwrap().is_empty() {
            continue;
        }
        let (report, found) = restored(&target, None).unwrap();
        let there: HashSet<Vec<u8>> = found.into_iter().map(|(id, ..)| id).collect();
        // An answer within the last millisecond may be of a later batch than the last one shipped.
        for (_, number) in acknowledged.iter().filter(|(when, _)| *when < report.until.millis()) {
            assert!(
                there.contains(id(*number).as_bytes().as_slice()),
                "round {round}: {number} was acknowledged and is lost"
            );
            compared += 1;
        }
        for key in &there {
            let number = u64::from_be_bytes(key[..8].try_into().unwrap());
            assert!(
                there.contains(id(number ^ 1).as_bytes().as_slice()),
                "round {round}: {number} without its neighbour"
            );
        }
    }
    assert!(compared > 1_000, "only {compared} compared: nothing was tested");
    assert!(generations(&target).unwrap().len() > 2);
}

fn run_and_kill(database: &Path, archive: &Path, round: u64) -> Vec<(i64, u64)> {
    let mut process = child("shipping::ship_until_killed", database)
        .env("ARCHIVE", archive)
        .env("ROUND", round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(process.stdout.take().unwrap());
    let told = Arc::new(Told::default());
    let reader = {
        let told = Arc::clone(&told);
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let words = line.strip_prefix("+ ").and_then(|line| line.strip_suffix(" ."));
                if let Some((when, number)) = words.and_then(|words| words.split_once(' ')) {
                    told.0.lock().unwrap().push((when.parse().unwrap(), number.parse().unwrap()));
                }
            }
        })
    };
    std::thread::sleep(Duration::from_millis(150 + round * 7_919 % 401));
    process.kill().unwrap();
    process.wait().unwrap();
    reader.join().unwrap();
    std::mem::take(&mut *told.0.lock().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by another test in a process of its own"]
async fn ship_until_killed() {
    let round: u64 = throwaway::variable("ROUND").and_then(|round| round.to_str()?.parse().ok()).unwrap();
    let target = Arc::new(Folder::at(throwaway::variable("ARCHIVE").unwrap()));
    let shipping = Shipping {
        every: Duration::from_millis(10),
        base_every: Duration::from_millis(80),
        ..to(target, wall_clock)
    };
    let options =
        Options { wal_soft_limit: 256 * 1024, shipping: Some(shipping), ..Options::at(childs_database()) };
    let store = Store::open(&options).await.unwrap().store;
    let next = Arc::new(AtomicU64::new(round * 1_000_000));
    for _ in 0..16 {
        let (store, next) = (store.clone(), Arc::clone(&next));
        tokio::spawn(async move {
            loop {
                let number = next.fetch_add(2, Ordering::Relaxed);
                let answer = store.write(Do(vec![insert(number), insert(number + 1)])).await;
                if answer.is_ok_and(|applied| applied.is_done()) {
                    // The moment is taken after the answer: whatever is shipped up to a later one holds it.
                    writeln!(std::io::stdout().lock(), "+ {} {number} .", wall_clock().millis()).unwrap();
                }
            }
        });
    }
    std::future::pending::<()>().await;
}
