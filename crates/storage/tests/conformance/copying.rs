//! A copy carries everything, goes on where it stopped, overwrites nothing, and is compared before anybody may use it.

use crate::filled::{change, dump, fill};
use crate::fixture::{Do, House, insert};
use std::time::Duration;
use storage::copy::{Comparison, CopyError, Difference, copy, unfinished, verify};
use storage::{OpenError, Options, Schema, Store};

const ROWS: u64 = 700;

async fn empty() -> House {
    House::with(|options| options.scan_deadline = Duration::from_secs(10)).await
}

async fn filled() -> House {
    filled_with(ROWS).await
}

async fn filled_with(rows: u64) -> House {
    let house = empty().await;
    fill(&house.store, &house.path(), rows).await;
    house
}

#[tokio::test]
async fn everything_arrives_and_comes_back() {
    let (here, there, back) = (filled().await, empty().await, empty().await);
    let report = copy(&here.store, &there.store, false, |_| {}).await.unwrap();
    assert!(report.tables.iter().all(|table| table.is_equal() && table.source.rows == ROWS), "{report:?}");
    assert_eq!((report.resumed_after, report.copied), (None, ROWS * report.tables.len() as u64));
    copy(&there.store, &back.store, false, |_| {}).await.unwrap();
    // Not by our own comparison, but by what is in the files.
    let (here, back) = (dump(&here.path()), dump(&back.path()));
    assert!(here.len() > 1_000_000 && here == back);
}

/// A kind of database to copy to or from.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Engine {
    Sqlite,
    Server(throwaway::Engine),
}

/// An empty store, and what must outlive it.
async fn empty_on(engine: Engine) -> (Store, Box<dyn std::any::Any>) {
    match engine {
        Engine::Sqlite => {
            let house = empty().await;
            (house.store.clone(), Box::new(house))
        }
        Engine::Server(engine) => {
            let database = throwaway::shared(engine).unwrap();
            let options = Options::new(database.url().parse().unwrap());
            (Store::open(&options).await.unwrap().store, Box::new(database))
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn between_any_two_engines_everything_arrives_and_comes_back() {
    const SOME: u64 = 300;
    let servers = throwaway::Engine::ALL.into_iter().filter(|engine| !engine.is_missing());
    let engines: Vec<Engine> = std::iter::once(Engine::Sqlite).chain(servers.map(Engine::Server)).collect();
    let here = filled_with(SOME).await;
    let expected = dump(&here.path());
    for from in &engines {
        let (source, _source) = empty_on(*from).await;
        copy(&here.store, &source, false, |_| {}).await.unwrap();
        for to in &engines {
            let ((there, _there), back) = (empty_on(*to).await, empty().await);
            let report = copy(&source, &there, false, |_| {}).await.unwrap();
            assert!(
                report.tables.iter().all(|table| table.is_equal() && table.source.rows == SOME),
                "{from:?} {to:?}"
            );
            copy(&there, &back.store, false, |_| {}).await.unwrap();
            assert!(dump(&back.path()) == expected, "{from:?} to {to:?}");
            // A row that was damaged there is named.
            change(&there, "DELETE FROM clients WHERE id = '2ké'").await;
            change(&there, "UPDATE users SET updated_at = 7 WHERE username_key = '5K'").await;
            let tables = verify(&source, &there, |_| {}).await.unwrap();
            let differing: Vec<_> = tables
                .iter()
                .filter_map(|table| table.difference.as_ref())
                .map(ToString::to_string)
                .collect();
            assert!(differing.len() == 2 && differing[0].ends_with("differs in updated_at"), "{differing:?}");
            assert_eq!(differing[1], "\"2ké\" is missing in the destination");
            there.close().await;
        }
        source.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_copy_to_a_server_goes_on() {
    for engine in throwaway::Engine::ALL {
        if engine.is_missing() {
            continue;
        }
        let (here, back, (there, _database)) =
            (filled().await, empty().await, empty_on(Engine::Server(engine)).await);
        let (mut interrupted, mut millis) = (0, 4);
        loop {
            let copying = copy(&here.store, &there, false, |_| {});
            match tokio::time::timeout(Duration::from_millis(millis), copying).await {
                Ok(Ok(_)) => break,
                // What the copy that was given up had handed in was still on its way.
                Ok(Err(CopyError::Contended { .. })) => {}
                Ok(Err(error)) => panic!("{error}"),
                Err(_elapsed) => interrupted += 1,
            }
            millis = millis * 3 / 2;
            settle(&there).await;
        }
        assert!(interrupted > 2, "{engine:?}");
        copy(&there, &back.store, false, |_| {}).await.unwrap();
        assert!(dump(&here.path()) == dump(&back.path()), "{engine:?}");
    }
}

#[tokio::test]
async fn what_was_interrupted_anywhere_goes_on_and_ends_equal() {
    let (here, there) = (filled().await, empty().await);
    let (mut interrupted, mut micros) = (0, 300);
    let resumed = loop {
        let copying = copy(&here.store, &there.store, false, |_| {});
        // Given up at a later moment each time: after the mark, within a table, between two, while comparing.
        match tokio::time::timeout(Duration::from_micros(micros), copying).await {
            Ok(Ok(report)) => break report.resumed_after.is_some(),
            Ok(Err(error)) => panic!("{error}"),
            Err(_elapsed) => interrupted += 1,
        }
        settle(&there.store).await;
        micros = micros * 4 / 3;
    };
    assert!(interrupted > 5 && resumed, "{interrupted}");
    assert_eq!(unfinished(&there.store).await.unwrap(), None);
    assert!(dump(&here.path()) == dump(&there.path()));
}

/// What a copy that was given up had handed in may still be written: waits behind it.
async fn settle(there: &Store) {
    change(there, "UPDATE copies SET finished = finished").await;
}

/// Copies until some rows have arrived, and stops.
async fn stop_halfway(here: &Store, there: &Store) {
    let mut copying = Box::pin(copy(here, there, false, |_| {}));
    loop {
        let slice = tokio::time::timeout(Duration::from_millis(1), &mut copying).await;
        assert!(slice.is_err(), "it ended before it was stopped");
        if unfinished(there).await.unwrap().is_some_and(|unfinished| unfinished.rows > 0) {
            drop(copying);
            return settle(there).await;
        }
    }
}

#[tokio::test]
async fn an_unfinished_copy_says_so_and_belongs_to_its_source() {
    let (here, other, there) = (filled().await, filled().await, empty().await);
    change(&other.store, "DELETE FROM server_secrets WHERE name = '1k'").await;
    stop_halfway(&here.store, &there.store).await;
    let mark = unfinished(&there.store).await.unwrap().unwrap();
    assert!(mark.rows > 0 && mark.tables < mark.of, "{mark:?}");
    let refused = copy(&other.store, &there.store, false, |_| {}).await;
    assert!(matches!(refused, Err(CopyError::OfAnother)), "{refused:?}");
    let third = empty().await;
    let refused = copy(&there.store, &third.store, false, |_| {}).await;
    assert!(matches!(refused, Err(CopyError::SourceUnfinished)), "{refused:?}");
    assert_eq!(unfinished(&third.store).await.unwrap(), None);
    // Begun anew, it can be another's.
    let report = copy(&other.store, &there.store, true, |_| {}).await.unwrap();
    assert_eq!(report.resumed_after, None);
    assert!(dump(&other.path()) == dump(&there.path()));
}

#[tokio::test]
async fn a_source_with_a_living_node_is_left_alone() {
    let (here, there) = (filled_with(10).await, empty().await);
    change(&here.store, "INSERT INTO nodes (id, name, version, started_at, beats, settled) VALUES (zeroblob(16), 'node-7', '1', 0, 0, 0)").await;
    let beating = tokio::spawn({
        let store = here.store.clone();
        async move {
            loop {
                change(&store, "UPDATE nodes SET beats = beats + 1").await;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    });
    let refused = copy(&here.store, &there.store, false, |_| {}).await.unwrap_err();
    assert!(refused.to_string().contains("node-7 still uses the source"), "{refused}");
    assert_eq!(unfinished(&there.store).await.unwrap(), None);
    // It was killed: its row is there, and its heart stands still.
    beating.abort();
    let _aborted = beating.await;
    // A beat that was under way has come to its end: writes are done in order.
    change(&here.store, "UPDATE nodes SET version = '1'").await;
    copy(&here.store, &there.store, false, |_| {}).await.unwrap();
}

#[tokio::test]
async fn nothing_is_overwritten() {
    let (here, there) = (filled().await, empty().await);
    there.store.write(Do(vec![insert(1)])).await.unwrap();
    for start_over in [false, true] {
        let refused = copy(&here.store, &there.store, start_over, |_| {}).await;
        assert!(matches!(refused, Err(CopyError::NotEmpty { table: "one_time_links" })), "{refused:?}");
    }
    assert_eq!(unfinished(&there.store).await.unwrap(), None);
    assert_eq!(dump(&there.path()).lines().count(), 1);
}

#[tokio::test]
async fn a_copy_that_was_finished_is_recognised_as_long_as_it_is_equal() {
    let (here, there) = (filled().await, empty().await);
    copy(&here.store, &there.store, false, |_| {}).await.unwrap();
    let before = dump(&there.path());
    for start_over in [false, true] {
        let again = copy(&here.store, &there.store, start_over, |_| {}).await.unwrap();
        let all = again.tables.len() as u64 * ROWS;
        assert_eq!((again.resumed_after, again.copied), (Some(all), 0));
    }
    assert!(dump(&there.path()) == before);
    // Whoever has used it since has made it another.
    change(&there.store, "UPDATE users SET updated_at = 5 WHERE username_key = '0k'").await;
    let refused = copy(&here.store, &there.store, false, |_| {}).await;
    assert!(matches!(refused, Err(CopyError::NotEmpty { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_source_that_was_written_to_meanwhile_is_found_out() {
    let (here, there) = (filled().await, empty().await);
    stop_halfway(&here.store, &there.store).await;
    change(&here.store, "UPDATE users SET updated_at = 5 WHERE username_key = '0k'").await;
    let refused = copy(&here.store, &there.store, false, |_| {}).await.unwrap_err();
    assert!(refused.to_string().contains("differs from its source in users:"), "{refused}");
    assert!(unfinished(&there.store).await.unwrap().is_some());
    copy(&here.store, &there.store, true, |_| {}).await.unwrap();
    assert!(dump(&here.path()) == dump(&there.path()));
}

#[tokio::test]
async fn two_copies_into_one_place_do_not_mix() {
    let (here, there) = (filled().await, empty().await);
    stop_halfway(&here.store, &there.store).await;
    let (first, second) = tokio::join!(
        copy(&here.store, &there.store, false, |_| {}),
        copy(&here.store, &there.store, false, |_| {})
    );
    let (won, lost): (Vec<_>, Vec<_>) = [first, second].into_iter().partition(Result::is_ok);
    assert!(won.len() == 1 && matches!(lost[..], [Err(CopyError::Contended { .. })]), "{won:?} {lost:?}");
    assert!(dump(&here.path()) == dump(&there.path()));
}

#[tokio::test]
async fn the_first_row_that_differs_is_named() {
    let (here, there) = (filled().await, empty().await);
    copy(&here.store, &there.store, false, |_| {}).await.unwrap();
    let damages = [
        (
            "UPDATE server_secrets SET created_at = 7 WHERE name >= '5K'",
            "server_secrets",
            "\"5K\" differs in created_at",
        ),
        (
            "DELETE FROM clients WHERE id IN ('2ké', '7k ')",
            "clients",
            "\"2ké\" is missing in the destination",
        ),
        (
            "INSERT INTO revocations (id, revoked_at, expires_at) VALUES (zeroblob(16), 1, 2)",
            "revocations",
            "is in the destination only",
        ),
        (
            "UPDATE consents SET scope = scope || ' ', claims = 'x' WHERE client_id = '86K '",
            "consents",
            "\"86K \" differs in scope, claims",
        ),
    ];
    for (damage, ..) in damages {
        change(&there.store, damage).await;
    }
    let tables = verify(&here.store, &there.store, |_| {}).await.unwrap();
    let differing: Vec<&Comparison> = tables.iter().filter(|table| !table.is_equal()).collect();
    assert_eq!(differing.len(), damages.len(), "{differing:?}");
    for (_, table, expected) in damages {
        let found = differing.iter().find(|comparison| comparison.table == table).unwrap();
        let difference = found.difference.as_ref().unwrap().to_string();
        assert!(difference.contains(expected), "{difference} is not {expected}");
        assert_ne!(found.source.checksum, found.destination.checksum);
    }
    // The other way round, what was missing is too much.
    let tables = verify(&there.store, &here.store, |_| {}).await.unwrap();
    let clients = tables.iter().find(|table| table.table == "clients").unwrap();
    assert_eq!(clients.difference, Some(Difference::Extra { key: "\"2ké\"".to_owned() }));
    assert_eq!((clients.source.rows, clients.destination.rows), (ROWS - 2, ROWS));
}

#[tokio::test]
async fn a_source_must_be_there_and_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("doorward.db");
    let as_it_is = Options { schema: Schema::AsItIs, ..Options::at(&path) };
    assert!(matches!(Store::open(&as_it_is).await, Err(OpenError::Missing { .. })));
    assert!(!path.exists());
    drop(Store::open(&Options { schema: Schema::UpTo(1), ..Options::at(&path) }).await.unwrap());
    let Err(refused) = Store::open(&as_it_is).await else { panic!("opened") };
    assert!(matches!(refused, OpenError::Older { found: 1, .. }), "{refused}");
    drop(Store::open(&Options::at(&path)).await.unwrap());
    assert!(Store::open(&as_it_is).await.is_ok());
}
