//! What happens when more comes than the disk takes: refused at once, refused in time, and never both refused and applied.

use crate::fixture::{CountLinks, Do, House, LinkById, PATIENCE, insert};
use futures_util::FutureExt as _;
use std::time::Duration;
use storage::{Applied, Command, Steps, StorageError};
use tokio::time::{Instant, sleep, timeout};

fn is_overloaded(answer: &Result<Applied, StorageError>) -> bool {
    matches!(answer, Err(StorageError::Overloaded { .. }))
}

/// Holds the write lock, as a disk that does not answer would.
fn stall(house: &House) -> rusqlite::Connection {
    let connection = house.raw();
    connection.busy_timeout(Duration::from_secs(10)).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_at_once() {
    let house = House::with(|options| options.max_queued = 50).await;
    let stalled = stall(&house);
    let writes: Vec<_> = (0..50)
        .map(|number| {
            let store = house.store.clone();
            tokio::spawn(async move { store.write(Do(vec![insert(number)])).await })
        })
        .collect();
    while house.store.stats().queue_depth < 50 {
        sleep(Duration::from_millis(1)).await;
    }
    let refused = house.store.write(Do(vec![insert(1_000)])).now_or_never().expect("at once");
    assert!(is_overloaded(&refused));
    assert_eq!(house.store.stats().overloaded, 1);
    assert!(house.store.stats().oldest_wait > Duration::ZERO);
    // Reads do not wait for the writer.
    assert_eq!(timeout(PATIENCE, house.store.read(CountLinks)).await.unwrap().unwrap(), 0);
    stalled.execute_batch("ROLLBACK").unwrap();
    for write in writes {
        assert_eq!(write.await.unwrap().unwrap(), Applied::Done);
    }
    assert_eq!(house.store.read(CountLinks).await.unwrap(), 50);
    assert_eq!(house.store.stats().queue_depth, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_past_its_deadline_is_refused_and_never_applied() {
    let house = House::with(|options| options.write_deadline = Duration::from_secs(1)).await;
    let stalled = stall(&house);
    let asked = Instant::now();
    let store = house.store.clone();
    // One that is still within its deadline when the writer is free again is applied.
    let young = tokio::spawn(async move {
        sleep(Duration::from_millis(800)).await;
        store.write(Do(vec![insert(2)])).await
    });
    let late = house.store.write(Do(vec![insert(1)])).await;
    assert!(is_overloaded(&late), "{late:?}");
    assert!(asked.elapsed() >= Duration::from_secs(1) && asked.elapsed() < PATIENCE);
    stalled.execute_batch("ROLLBACK").unwrap();
    assert_eq!(young.await.unwrap().unwrap(), Applied::Done);
    assert_eq!(house.store.read(LinkById(1)).await.unwrap(), None);
    assert!(house.store.read(LinkById(2)).await.unwrap().is_some());
    assert_eq!(house.store.stats().queue_depth, 0);
}

/// Somebody nobody knows yet, who begins something.
struct Newcomer(u64);

impl Command for Newcomer {
    type Outcome = Applied;
    fn steps(&self, steps: &mut Steps) {
        steps.newcomers();
        Do(vec![insert(self.0)]).steps(steps);
    }
    fn outcome(&self, applied: Applied) -> Applied {
        applied
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn newcomers_fill_half_of_the_queue_and_leave_room_for_those_inside() {
    let house = House::with(|options| options.max_queued = 20).await;
    let stalled = stall(&house);
    let newcomers: Vec<_> = (0..10)
        .map(|number| {
            let store = house.store.clone();
            tokio::spawn(async move { store.write(Newcomer(number)).await })
        })
        .collect();
    while house.store.stats().queue_depth < 10 {
        sleep(Duration::from_millis(1)).await;
    }
    assert!(is_overloaded(&house.store.write(Newcomer(100)).await));
    let store = house.store.clone();
    let inside = tokio::spawn(async move { store.write(Do(vec![insert(200)])).await });
    while house.store.stats().queue_depth < 11 {
        sleep(Duration::from_millis(1)).await;
    }
    stalled.execute_batch("ROLLBACK").unwrap();
    for newcomer in newcomers {
        assert_eq!(newcomer.await.unwrap().unwrap(), Applied::Done);
    }
    assert_eq!(inside.await.unwrap().unwrap(), Applied::Done);
    assert_eq!(house.store.write(Newcomer(100)).await.unwrap(), Applied::Done);
}

/// Deadlines that fall at the very moment the writer takes its batches.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_the_edge_of_the_deadline_the_answer_is_the_truth() {
    let house = House::with(|options| options.write_deadline = Duration::from_millis(4)).await;
    let mut refused = 0;
    let mut applied = 0;
    for round in 0..30_u64 {
        let stalled = stall(&house);
        let writes: Vec<_> = (0..40)
            .map(|number| {
                let (store, number) = (house.store.clone(), round * 100 + number);
                tokio::spawn(async move {
                    sleep(Duration::from_micros(number % 40 * 150)).await;
                    (number, store.write(Do(vec![insert(number)])).await)
                })
            })
            .collect();
        sleep(Duration::from_millis(6)).await;
        stalled.execute_batch("ROLLBACK").unwrap();
        drop(stalled);
        for write in writes {
            let (number, answer) = write.await.unwrap();
            let there = house.store.read(LinkById(number)).await.unwrap().is_some();
            assert_eq!(there, answer.is_ok(), "{number}: {answer:?}");
            assert!(answer.is_ok() || is_overloaded(&answer));
            refused += u32::from(!there);
            applied += u32::from(there);
        }
    }
    assert!(refused > 0 && applied > 0, "{refused} refused, {applied} applied: nothing was tested");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_gives_its_write_up() {
    let house = House::new().await;
    let stalled = stall(&house);
    let gone = timeout(Duration::from_millis(20), house.store.write(Do(vec![insert(1)]))).await;
    assert!(gone.is_err());
    stalled.execute_batch("ROLLBACK").unwrap();
    assert_eq!(house.store.write(Do(vec![insert(2)])).await.unwrap(), Applied::Done);
    assert_eq!(house.store.read(LinkById(1)).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_hard_limit_of_the_log_writes_are_refused_until_the_reader_is_gone() {
    const MIB: u64 = 1024 * 1024;
    let house =
        House::with(|options| (options.wal_soft_limit, options.wal_hard_limit) = (MIB / 2, 2 * MIB)).await;
    house.store.write(Do(vec![insert(0)])).await.unwrap();
    // A reader of another program that holds its snapshot.
    let reader = house.raw();
    reader.execute_batch("BEGIN; SELECT count(*) FROM one_time_links").unwrap();
    let mut number = 1;
    let refused = loop {
        let answer = house.store.write(Do((0..100).map(|row| insert(number * 1_000 + row)).collect())).await;
        if answer.is_err() {
            break answer;
        }
        number += 1;
        assert!(
            number < 5_000,
            "the log grew to {} bytes and nothing was refused",
            house.store.stats().wal_bytes
        );
    };
    assert!(is_overloaded(&refused), "{refused:?}");
    assert!(!house.store.is_healthy());
    assert!(house.store.stats().wal_bytes < 4 * MIB);
    reader.execute_batch("COMMIT").unwrap();
    let mut waited = 0;
    while house.store.write(Do(vec![insert(1)])).await.is_err() {
        sleep(Duration::from_millis(50)).await;
        waited += 1;
        assert!(waited < 100, "writes stay refused: {:?}", house.store.stats());
    }
    assert!(house.store.is_healthy() && house.store.stats().checkpoints > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_stays_near_its_soft_limit_under_load() {
    const MIB: u64 = 1024 * 1024;
    let house = House::with(|options| options.wal_soft_limit = 2 * MIB).await;
    let tasks: Vec<_> = (0..32_u64)
        .map(|task| {
            let store = house.store.clone();
            tokio::spawn(async move {
                for number in 0..60 {
                    let first = (task * 1_000 + number) * 100;
                    store.write(Do((0..50).map(|row| insert(first + row)).collect())).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let stats = house.store.stats();
    assert!(stats.checkpoints > 0, "{stats:?}");
    let log = house.path().with_file_name("doorward.db-wal").metadata().unwrap().len();
    assert!(log < 16 * MIB, "the log has {log} bytes: {stats:?}");
}
