//! The conformance list: each function is one promise of the contract, run on every engine.

use crate::engines::Engine;
use crate::fixture::{
    ADD, AllLinks, CountLinks, DELETE, Do, Endless, House, INSERT, LinkById, SPEND, any, at, id, insert, one,
    spend,
};
use std::sync::Arc;
use storage::{Access, Applied, Query, Rows, Statement, StorageError, Store, params};
use tokio::task::JoinSet;

on_every_engine![
    closing_does_what_was_queued,
    a_closed_store_refuses,
    a_command_is_applied_and_read_back,
    a_command_without_steps_is_done,
    several_steps_are_applied_together_or_not_at_all,
    a_wrong_row_count_refuses,
    too_many_rows_are_put_back,
    any_accepts_any_number_of_rows,
    a_taken_key_is_an_outcome,
    one_of_many_wins,
    no_update_is_lost,
    writes_of_one_caller_keep_their_order,
    a_read_sees_what_was_acknowledged_from_any_thread,
    refused_commands_leave_no_trace_among_others,
    a_wrong_statement_fails_alone,
    queries_together_see_one_snapshot,
    a_scan_is_stopped_at_its_deadline,
    a_defect_in_a_query_costs_one_answer,
    a_column_of_another_kind_is_damage,
    counters_count,
];
on_other_postgres![
    closing_does_what_was_queued,
    a_closed_store_refuses,
    a_command_is_applied_and_read_back,
    a_command_without_steps_is_done,
    several_steps_are_applied_together_or_not_at_all,
    a_wrong_row_count_refuses,
    too_many_rows_are_put_back,
    any_accepts_any_number_of_rows,
    a_taken_key_is_an_outcome,
    one_of_many_wins,
    no_update_is_lost,
    writes_of_one_caller_keep_their_order,
    a_read_sees_what_was_acknowledged_from_any_thread,
    refused_commands_leave_no_trace_among_others,
    a_wrong_statement_fails_alone,
    queries_together_see_one_snapshot,
    a_scan_is_stopped_at_its_deadline,
    a_defect_in_a_query_costs_one_answer,
    a_column_of_another_kind_is_damage,
    counters_count,
];

async fn done(store: &Store, steps: Vec<storage::Step>) {
    assert_eq!(store.write(Do(steps)).await.unwrap(), Applied::Done);
}

async fn a_command_is_applied_and_read_back(engine: Engine) {
    let site = engine.open().await;
    let store = &site.store;
    assert_eq!(store.read(LinkById(1)).await.unwrap(), None);
    done(store, vec![insert(1)]).await;
    let link = store.read(LinkById(1)).await.unwrap().unwrap();
    assert_eq!((link.id, link.expires_at, link.spent_at), (id(1), 1_000, None));
    done(store, vec![spend(1, 5)]).await;
    assert_eq!(store.read(LinkById(1)).await.unwrap().unwrap().spent_at, Some(5));
}

async fn a_command_without_steps_is_done(engine: Engine) {
    let site = engine.open().await;
    let store = &site.store;
    done(store, vec![]).await;
}

async fn several_steps_are_applied_together_or_not_at_all(engine: Engine) {
    let site = engine.open().await;
    let store = &site.store;
    done(store, vec![insert(1), insert(2)]).await;
    // The third step has nothing to spend: neither the insert nor the first spend stays.
    let refused = store.write(Do(vec![insert(3), spend(1, 5), spend(99, 5)])).await.unwrap();
    assert_eq!(refused, Applied::Refused { step: 2 });
    assert_eq!(store.read(LinkById(3)).await.unwrap(), None);
    assert_eq!(store.read(LinkById(1)).await.unwrap().unwrap().spent_at, None);
    // The same when a key is taken half-way.
    let refused = store.write(Do(vec![spend(1, 5), insert(2), insert(4)])).await.unwrap();
    assert_eq!(refused, Applied::Refused { step: 1 });
    assert_eq!(store.read(LinkById(1)).await.unwrap().unwrap().spent_at, None);
    assert_eq!(store.read(CountLinks).await.unwrap(), 2);
}

async fn a_wrong_row_count_refuses(engine: Engine) {
    let site = engine.open().await;
    let store = &site.store;
    done(store, vec![insert(1)]).await;
    done(store, vec![spend(1, 5)]).await;
    for _ in 0..2 {
        assert_eq!(store.write(Do(vec![spend(1, 6)])).await.unwrap(), Applied::Refused { step: 0 });
    }
    assert_eq!(store.read(LinkById(1)).await.unwrap().unwrap().spent_at, Some(5));
}

async fn too_many_rows_are_put_back(engine: Engine) {
    let site = engine.open().await;
    let store = &site.store;
    done(store, vec![insert(1), insert(2), insert(3)]).await;
    let all = "UPDATE one_time_links SET spent_at = ?";
    assert_eq!(store.write(Do(vec![one(all, params![at(9)])])).await.unwrap(), Applied::Refused { step: 0 });
    assert!(store.read(AllLinks).await.unwrap().iter().all(|link| link.spent_at.is_none()));
}

async fn any_accepts_any_number_of_rows(engine: Engine) {
    let site = engine.open().await;
    let store = &site.store;
    let all = "UPDATE one_time_links SET spent_at = ?";
    done(store, vec![any(all, params![at(9)])]).await;
    done(store, vec![insert(1), insert(2), any(all, params![at(9)])]).await;
    assert!(store.read(AllLinks).await.unwrap().iter().all(|link| link.spent_at == Some(9)));
}

async fn a_taken_key_is_an_outcome(engine: Engine) {
    let site = engine.open().await;
    let store = &site.store;
    done(store, vec![insert(1)]).await;
    assert_eq!(store.write(Do(vec![insert(1)])).await.unwrap(), Applied::Refused { step: 0 });
    let user = |number, key: &str| {
        one(
            "INSERT INTO users (id, username, username_key, email_verified, claims, platform_owner, created_at, updated_at) \
             VALUES (?, ?, ?, 0, '{}', 0, 0, 0)",
            params![id(number), key, key],
        )
    };
    done(store, vec![user(1, "ada")]).await;
    // A secondary unique key counts like the primary one.
    assert_eq!(store.write(Do(vec![insert(2), user(2, "ada")])).await.unwrap(), Applied::Refused { step: 1 });
    assert_eq!(store.read(LinkById(2)).await.unwrap(), None);
    // Keys are compared byte by byte.
    done(store, vec![user(3, "Ada")]).await;
}

async fn one_of_many_wins(engine: Engine) {
    let site = engine.open().await;
    let store = &site.store;
    for round in 0..20 {
        done(store, vec![insert(round)]).await;
        let mut racers = JoinSet::new();
        for racer in 0..100 {
            let store = store.clone();
            racers.spawn(async move {
                store.write(Do(vec![spend(round, racer)])).await.unwrap().is_done().then_some(racer)
            });
        }
        let winners: Vec<i64> = racers.join_all().await.into_iter().flatten().collect();
        assert_eq!(winners.len(), 1);
        assert_eq!(store.read(LinkById(round)).await.unwrap().unwrap().spent_at, Some(winners[0]));
    }
}

async fn no_update_is_lost(engine: Engine) {
    let site = engine.open().await;
    let store = &site.store;
    done(store, vec![insert(1)]).await;
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let store = store.clone();
        tasks.spawn(async move {
            for _ in 0..10 {
                done(&store, vec![one(ADD, params![1_i64, id(1)])]).await;
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(store.read(LinkById(1)).await.unwrap().unwrap().expires_at, 1_000 + 500);
}

async fn writes_of_one_caller_keep_their_order(engine: Engine) {
    let site = engine.open().await;
    let store = &site.store;
    done(store, vec![insert(1)]).await;
    let set = "UPDATE one_time_links SET expires_at = ? WHERE id = ? AND expires_at = ?";
    let mut before = 1_000_i64;
    for value in 1..200_i64 {
        done(store, vec![one(set, params![value, id(1), before])]).await;
        before = value;
    }
}

async fn a_read_sees_what_was_acknowledged_from_any_thread(engine: Engine) {
    let site = engine.open().await;
    let store = &site.store;
    let runtime = tokio::runtime::Handle::current();
    for number in 0..30 {
        done(store, vec![insert(number)]).await;
        // New threads, with new connections, and this one.
        std::thread::scope(|scope| {
            for _ in 0..3 {
                let runtime = runtime.clone();
                scope.spawn(move || {
                    assert!(runtime.block_on(store.read(LinkById(number))).unwrap().is_some())
                });
            }
        });
        assert!(store.read(LinkById(number)).await.unwrap().is_some());
        assert_eq!(store.read(AllLinks).await.unwrap().len() as u64, number + 1);
    }
}

async fn refused_commands_leave_no_trace_among_others(engine: Engine) {
    let site = engine.open().await;
    let store = &site.store;
    let mut tasks = JoinSet::new();
    for number in 0..400_u64 {
        let store = store.clone();
        // Every third fails in its last step, together with others in its batch that do not.
        let steps = if number % 3 == 0 {
            vec![insert(number), spend(99_999, 1)]
        } else {
            vec![insert(number), spend(number, 1)]
        };
        tasks.spawn(async move { (number, store.write(Do(steps)).await.unwrap()) });
    }
    for (number, applied) in tasks.join_all().await {
        let expected = if number % 3 == 0 { Applied::Refused { step: 1 } } else { Applied::Done };
        assert_eq!(applied, expected);
        assert_eq!(store.read(LinkById(number)).await.unwrap().is_some(), applied.is_done());
    }
}

async fn a_wrong_statement_fails_alone(engine: Engine) {
    let site = engine.open().await;
    let store = &site.store;
    let wrong = [
        one("INSERT INTO no_such_table (id) VALUES (?)", params![1_i64]),
        one(DELETE, params![]),
        // A NULL where none may be is a defect, not a refusal.
        one(INSERT, params![id(1), None::<String>, "test", at(0), at(0)]),
    ];
    let mut tasks = JoinSet::new();
    for number in 0..60_u64 {
        let (store, wrong) = (store.clone(), wrong[number as usize % wrong.len()].clone());
        tasks.spawn(async move {
            let (right, wrong) = tokio::join!(
                store.write(Do(vec![insert(1_000 + number)])),
                store.write(Do(vec![insert(number), wrong]))
            );
            assert_eq!(right.unwrap(), Applied::Done);
            assert!(matches!(wrong, Err(StorageError::Statement(_))), "{wrong:?}");
        });
    }
    tasks.join_all().await;
    assert_eq!(store.read(CountLinks).await.unwrap(), 60);
}

async fn queries_together_see_one_snapshot(engine: Engine) {
    let site = engine.open().await;
    let store = &site.store;
    done(store, vec![insert(1), insert(2)]).await;
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let mover = {
        let (store, stop) = (store.clone(), Arc::clone(&stop));
        tokio::spawn(async move {
            let mut moved = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                done(&store, vec![one(ADD, params![1_i64, id(1)]), one(ADD, params![-1_i64, id(2)])]).await;
                moved += 1;
            }
            moved
        })
    };
    for _ in 0..2_000 {
        let (one, count, two) = store.read_together((LinkById(1), CountLinks, LinkById(2))).await.unwrap();
        assert_eq!(one.unwrap().expires_at + two.unwrap().expires_at, 2_000);
        assert_eq!(count, 2);
    }
    let (all, one) = store.read_together((AllLinks, LinkById(1))).await.unwrap();
    assert_eq!(all[0], one.unwrap());
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(mover.await.unwrap() > 0);
}

async fn a_scan_is_stopped_at_its_deadline(engine: Engine) {
    let site = engine.open().await;
    let store = &site.store;
    let stopped = store.read(Endless).await;
    assert!(
        matches!(&stopped, Err(StorageError::Unavailable(why)) if why.contains("deadline")),
        "{stopped:?}"
    );
    // The pool goes on, and reads by key never waited for it.
    let (slow, slower, quick) =
        tokio::join!(store.read(Endless), store.read(Endless), store.read(CountLinks));
    assert!(slow.is_err() && slower.is_err());
    assert_eq!(quick.unwrap(), 0);
    assert_eq!(store.read(AllLinks).await.unwrap(), vec![]);
}

/// A query whose reading of rows is wrong.
struct Defective;

impl Query for Defective {
    type Output = ();
    const ACCESS: Access = Access::Scan;
    fn statement(&self) -> Statement {
        Statement::new("SELECT 1", params![])
    }
    fn read(_: &mut Rows<'_>) -> Result<(), StorageError> {
        panic!("a defect that the test put here")
    }
}

async fn a_defect_in_a_query_costs_one_answer(engine: Engine) {
    let site = engine.open().await;
    let store = &site.store;
    for _ in 0..5 {
        assert!(matches!(store.read(Defective).await, Err(StorageError::Unavailable(_))));
    }
    assert_eq!(store.read(AllLinks).await.unwrap(), vec![]);
}

/// Reads text where an integer is expected.
struct Mistaken;

impl Query for Mistaken {
    type Output = Option<i64>;
    fn statement(&self) -> Statement {
        Statement::new("SELECT purpose FROM one_time_links", params![])
    }
    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(|row| row.get(0))
    }
}

async fn a_column_of_another_kind_is_damage(engine: Engine) {
    let site = engine.open().await;
    let store = &site.store;
    done(store, vec![insert(1)]).await;
    assert!(matches!(store.read(Mistaken).await, Err(StorageError::Corrupt(_))));
    assert!(store.read(LinkById(1)).await.unwrap().is_some());
}

async fn counters_count(engine: Engine) {
    let site = engine.open().await;
    let store = &site.store;
    done(store, vec![insert(1)]).await;
    store.write(Do(vec![one(SPEND, params![at(1), id(2)])])).await.unwrap();
    store.read(LinkById(1)).await.unwrap();
    store.read(AllLinks).await.unwrap();
    let stats = store.stats();
    assert_eq!((stats.commands, stats.refused_commands, stats.point_reads, stats.scans), (2, 1, 1, 1));
    assert_eq!((stats.queue_depth, stats.overloaded, stats.failed), (0, 0, 0));
    assert!(stats.batches >= 1 && stats.slowest_commit >= stats.last_commit);
    assert_eq!(stats.wal_bytes > 0, engine == Engine::Sqlite);
    assert!(store.is_healthy());
}

#[tokio::test]
async fn a_file_that_was_closed_is_complete_by_itself() {
    let house = House::new().await;
    done(&house.store, vec![insert(1)]).await;
    house.store.close().await;
    // Everything is in the one file: a copy of it alone is a copy of the database.
    let copy = house.path().with_file_name("copy.db");
    std::fs::copy(house.path(), &copy).unwrap();
    for path in [house.path(), copy] {
        let again = Store::open(&storage::Options::at(path)).await.unwrap().store;
        assert!(again.read(LinkById(1)).await.unwrap().is_some());
    }
}

async fn a_closed_store_refuses(engine: Engine) {
    let site = engine.open().await;
    done(&site.store, vec![insert(1)]).await;
    site.store.read(LinkById(1)).await.unwrap();
    site.store.close().await;
    site.store.close().await;
    assert!(matches!(site.store.write(Do(vec![insert(2)])).await, Err(StorageError::Unavailable(_))));
    assert!(matches!(site.store.read(LinkById(1)).await, Err(StorageError::Unavailable(_))));
    assert!(matches!(site.store.read(AllLinks).await, Err(StorageError::Unavailable(_))));
    assert!(!site.store.is_healthy());
    let again = site.another_node().await;
    assert_eq!(again.read(CountLinks).await.unwrap(), 1);
}

async fn closing_does_what_was_queued(engine: Engine) {
    let house = engine.open().await;
    let writes: Vec<_> = (0..500)
        .map(|number| {
            let store = house.store.clone();
            tokio::spawn(async move { store.write(Do(vec![insert(number)])).await })
        })
        .collect();
    house.store.close().await;
    let mut applied = 0;
    for write in writes {
        applied += i64::from(write.await.unwrap().is_ok());
    }
    let again = house.another_node().await;
    assert_eq!(again.read(CountLinks).await.unwrap(), applied);
}
