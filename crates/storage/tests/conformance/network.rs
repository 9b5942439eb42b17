//! What only engines on a server meet: several nodes that migrate, race and cross, encryption, servers that are killed, restarted or stand
//! still. (Rows that others hold: `held`. Connections that are cut at a COMMIT: `commits`.)

use crate::engines::{Engine, Site};
use crate::filled::fill;
use crate::fixture::{ADD, AllLinks, Announces, CountLinks, Do, LinkById, id, insert, one, spend};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use storage::{Applied, Database, Options, Schema, StorageError, Store, params};
use throwaway::Setup;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

on_every_server![
    many_nodes_start_at_once_on_an_empty_database,
    a_newer_database_and_another_history_are_refused,
    a_node_goes_on_beside_a_schema_that_a_newer_version_added_to,
    an_abandoned_migration_is_taken_over,
    a_migration_that_ends_in_the_middle_of_a_beat_gives_its_lease_back,
    encryption_is_what_was_asked_for,
    two_nodes_race_and_one_wins,
    crossing_commands_of_two_nodes_all_succeed,
    two_nodes_replace_the_same_row,
    a_server_that_is_killed_under_load_loses_and_doubles_nothing,
    a_server_that_stands_still_delays_no_answer_for_long,
    a_wrong_password_is_told_and_not_shown,
    sessions_that_the_server_ended_are_replaced_unnoticed,
];

async fn many_nodes_start_at_once_on_an_empty_database(engine: Engine) {
    let database = throwaway::shared(engine.server().unwrap()).unwrap();
    let options = Options::new(database.url().parse().unwrap());
    let mut nodes = JoinSet::new();
    for number in 0..8 {
        let options = options.clone();
        nodes.spawn(async move {
            let store = Store::open(&options).await.unwrap().store;
            assert_eq!(store.write(Do(vec![insert(number)])).await.unwrap(), Applied::Done);
            store
        });
    }
    for store in nodes.join_all().await {
        assert_eq!(store.read(CountLinks).await.unwrap(), 8);
        store.close().await;
    }
}

async fn a_newer_database_and_another_history_are_refused(engine: Engine) {
    let site = engine.open().await;
    site.sql("INSERT INTO refinery_schema_history VALUES (99, 'tomorrow', '2030-01-01T00:00:00Z', '1')");
    let error = Store::open(&site.options).await.err().unwrap();
    assert!(matches!(error, storage::OpenError::Newer { found: 99, .. }), "{error:?}");
    site.sql("UPDATE refinery_schema_history SET checksum = '1' WHERE version = 1");
    site.sql("DELETE FROM refinery_schema_history WHERE version = 99");
    let error = Store::open(&site.options).await.err().unwrap();
    assert!(matches!(error, storage::OpenError::Diverged { .. }), "{error:?}");
    // The lease is free again, though the migration failed.
    assert_eq!(site.sql("SELECT count(*) FROM schema_lease").trim(), "0");
}

async fn a_node_goes_on_beside_a_schema_that_a_newer_version_added_to(engine: Engine) {
    let site = engine.open().await;
    let file = crate::fixture::House::new().await;
    fill(&site.store, &file.path(), 10).await;
    // What the next version's first node does in a rolling upgrade: a column in every table that has users' or tokens' rows, and a table.
    for table in ["users", "clients", "sessions", "grants", "refresh_tokens", "one_time_links", "commits"] {
        site.sql(&format!("ALTER TABLE {table} ADD COLUMN tomorrow BIGINT"));
    }
    site.sql("ALTER TABLE one_time_links ADD COLUMN later BIGINT NOT NULL DEFAULT 7");
    site.sql("CREATE TABLE tomorrow (id BIGINT NOT NULL PRIMARY KEY)");
    site.sql("INSERT INTO refinery_schema_history VALUES (99, 'tomorrow', '2030-01-01T00:00:00Z', '1')");
    // The node of this version goes on, on the connections it has and on new ones.
    for round in 0..2 {
        let number = 1_000 + round;
        assert_eq!(site.store.write(Do(vec![insert(number)])).await.unwrap(), Applied::Done);
        assert_eq!(
            site.store.write(Do(vec![spend(number, 5), insert(number + 100)])).await.unwrap(),
            Applied::Done
        );
        assert_eq!(site.store.read(LinkById(number)).await.unwrap().unwrap().spent_at, Some(5));
        assert_eq!(site.store.read(AllLinks).await.unwrap().len() as u64, 10 + 2 * (round + 1));
        end_sessions(engine, &site);
    }
    assert_eq!(site.sql("SELECT count(*) FROM one_time_links WHERE later = 7").trim(), "14");
    assert_eq!((site.store.stats().failed, site.store.trouble()), (0, None));
    // Who starts now is told to be newer.
    let error = Store::open(&site.options).await.err().unwrap();
    assert!(matches!(error, storage::OpenError::Newer { found: 99, .. }), "{error:?}");
}

async fn an_abandoned_migration_is_taken_over(engine: Engine) {
    let mut site = engine.open_with(|options| options.schema = Schema::UpTo(1)).await;
    site.store.close().await;
    site.options.schema = Schema::Newest;
    // A node that died while it migrated: migrations are missing, and its lease is there.
    let holder = match engine {
        Engine::Postgres | Engine::Pooled | Engine::Newest => "'\\x00000000000000000000000000000001'",
        Engine::Mysql => "x'00000000000000000000000000000001'",
        Engine::Sqlite => unreachable!("not on a server"),
    };
    site.sql(&format!("INSERT INTO schema_lease (id, holder, beat) VALUES (1, {holder}, 7)"));
    site.options.network.lease_deadline = Duration::from_millis(700);
    let asked = Instant::now();
    let store = site.another_node().await;
    assert!(asked.elapsed() >= Duration::from_millis(700), "it was not waited for");
    assert_eq!(store.write(Do(vec![insert(1)])).await.unwrap(), Applied::Done);
    assert_eq!(site.sql("SELECT count(*) FROM schema_lease").trim(), "0");
}

/// With a beat every millisecond, nearly every migration ends while one is under way.
async fn a_migration_that_ends_in_the_middle_of_a_beat_gives_its_lease_back(engine: Engine) {
    for _ in 0..6 {
        let site =
            engine.open_with(|options| options.network.lease_deadline = Duration::from_millis(6)).await;
        assert_eq!(site.sql("SELECT count(*) FROM schema_lease").trim(), "0");
        site.store.close().await;
    }
}

async fn encryption_is_what_was_asked_for(engine: Engine) {
    let server = Setup::new(engine.server().unwrap()).fast().start().unwrap();
    let url = server.database().unwrap();
    let certificate = server.certificate();
    let roots = format!("&sslrootcert={}", certificate.display());
    // Mode, roots, and whether it works.
    let cases = [
        ("disable", "", true),
        ("prefer", "", true),
        ("require", "", true),
        ("require", roots.as_str(), true),
        ("verify-ca", roots.as_str(), true),
        ("verify-full", roots.as_str(), true),
        // It signed its certificate itself: none of the system's authorities did.
        ("verify-ca", "", false),
        ("verify-full", "", false),
    ];
    for (mode, roots, works) in cases {
        let options = Options::new(format!("{url}?sslmode={mode}{roots}").parse().unwrap());
        let opened = Store::open(&options).await;
        assert_eq!(opened.is_ok(), works, "{mode}{roots}: {:?}", opened.err().map(|error| error.to_string()));
        if let Ok(opened) = opened {
            opened.store.close().await;
        }
    }
}

async fn two_nodes_race_and_one_wins(engine: Engine) {
    let site = engine.open().await;
    let nodes = [site.store.clone(), site.another_node().await];
    for round in 0..15 {
        // With a second step, so that losing has something to undo.
        assert_eq!(nodes[0].write(Do(vec![insert(round)])).await.unwrap(), Applied::Done);
        let mut racers = JoinSet::new();
        for racer in 0..30_u64 {
            let store = nodes[racer as usize % 2].clone();
            racers.spawn(async move {
                let steps = vec![spend(round, racer as i64), insert(1_000 + round * 100 + racer)];
                store.write(Do(steps)).await.unwrap().is_done().then_some(racer as i64)
            });
        }
        let winners: Vec<i64> = racers.join_all().await.into_iter().flatten().collect();
        assert_eq!(winners.len(), 1);
        assert_eq!(nodes[1].read(LinkById(round)).await.unwrap().unwrap().spent_at, Some(winners[0]));
        assert_eq!(nodes[0].read(CountLinks).await.unwrap(), (round as i64 + 1) * 2);
    }
    assert_eq!(nodes[0].stats().failed + nodes[1].stats().failed, 0);
}

async fn crossing_commands_of_two_nodes_all_succeed(engine: Engine) {
    let site = engine.open_with(|options| options.write_deadline = Duration::from_secs(20)).await;
    let nodes = [site.store.clone(), site.another_node().await];
    assert_eq!(nodes[0].write(Do(vec![insert(1), insert(2), insert(3)])).await.unwrap(), Applied::Done);
    let mut tasks = JoinSet::new();
    for task in 0..12_u64 {
        let store = nodes[task as usize % 2].clone();
        tasks.spawn(async move {
            for round in 0..8 {
                // In every order: whoever locks in this order meets who locks in that.
                let mut rows = [1, 2, 3];
                rows.rotate_left(((task + round) % 3) as usize);
                if task % 3 == 0 {
                    rows.reverse();
                }
                let steps = rows.map(|row| one(ADD, params![1_i64, id(row)])).to_vec();
                assert_eq!(store.write(Do(steps)).await.unwrap(), Applied::Done);
            }
        });
    }
    tasks.join_all().await;
    for link in nodes[0].read(AllLinks).await.unwrap() {
        assert_eq!(link.expires_at, 1_000 + 12 * 8);
    }
}

async fn two_nodes_replace_the_same_row(engine: Engine) {
    use protocol::Timestamp;
    use storage::revocation::{LiveRevocations, Revocation, RevokeAccessToken};
    let site = engine.open().await;
    let nodes = [site.store.clone(), site.another_node().await];
    let mut tasks = JoinSet::new();
    for number in 0..60_usize {
        let store = nodes[number % 2].clone();
        tasks.spawn(async move {
            let (revoked_at, expires_at) =
                (Timestamp::from_millis(number as i64), Timestamp::from_millis(1_000));
            store
                .announce(RevokeAccessToken(Revocation { id: [9; 16], revoked_at, expires_at }))
                .await
                .unwrap();
        });
    }
    tasks.join_all().await;
    assert_eq!(nodes[0].read(LiveRevocations(Timestamp::from_millis(0))).await.unwrap().len(), 1);
    let stats = [nodes[0].stats(), nodes[1].stats()];
    assert_eq!(stats.iter().map(|stats| stats.commands).sum::<u64>(), 60);
    assert_eq!(
        stats.iter().map(|stats| stats.refused_commands).sum::<u64>(),
        0,
        "replacing is never refused"
    );
}

async fn a_server_that_is_killed_under_load_loses_and_doubles_nothing(engine: Engine) {
    let mut server = Setup::new(engine.server().unwrap()).start().unwrap();
    let options = Options::new(server.database().unwrap().parse().unwrap());
    let store = Store::open(&options).await.unwrap().store;
    assert_eq!(store.write(Do(vec![insert(0)])).await.unwrap(), Applied::Done);
    let (next, stop) = (Arc::new(AtomicU64::new(1)), Arc::new(AtomicU32::new(0)));
    let mut writers = JoinSet::new();
    for _ in 0..16 {
        let (store, next, stop) = (store.clone(), Arc::clone(&next), Arc::clone(&stop));
        writers.spawn(async move {
            let mut answers = Vec::new();
            while stop.load(Relaxed) == 0 {
                let number = next.fetch_add(1, Relaxed);
                let steps = vec![one(ADD, params![1_i64, id(0)]), insert(number)];
                answers.push((number, store.write(Do(steps)).await));
            }
            answers
        });
    }
    for _ in 0..2 {
        sleep(Duration::from_millis(700)).await;
        tokio::task::block_in_place(|| {
            server.kill().unwrap();
            server.start_again().unwrap();
        });
    }
    sleep(Duration::from_millis(1_000)).await;
    stop.store(1, Relaxed);
    let (mut applied, mut undecided) = (0, 0);
    for (number, answer) in writers.join_all().await.into_iter().flatten() {
        let there = store.read(LinkById(number)).await.unwrap().is_some();
        match answer {
            Ok(Applied::Done) => assert!(there, "{number} was acknowledged and is lost"),
            Err(StorageError::Undecided(_)) => undecided += 1,
            Err(StorageError::Overloaded { .. } | StorageError::Unavailable(_)) => {
                assert!(!there, "{number} was refused and is there");
            }
            other => panic!("{number}: {other:?}"),
        }
        applied += i64::from(there);
    }
    assert!(applied > 20, "only {applied} applied: nothing was tested");
    let sum = store.read(LinkById(0)).await.unwrap().unwrap().expires_at - 1_000;
    assert_eq!(sum, applied, "each was applied once, with all of its steps ({undecided} undecided)");
    store.close().await;
}

async fn a_server_that_stands_still_delays_no_answer_for_long(engine: Engine) {
    let server = Setup::new(engine.server().unwrap()).fast().start().unwrap();
    let mut options = Options::new(server.database().unwrap().parse().unwrap());
    options.write_deadline = Duration::from_millis(500);
    options.scan_deadline = Duration::from_millis(500);
    options.network.answer_deadline = Duration::from_secs(1);
    options.network.connect_deadline = Duration::from_secs(1);
    options.network.resolve_deadline = Duration::from_secs(1);
    let store = Store::open(&options).await.unwrap().store;
    assert_eq!(store.write(Do(vec![insert(1)])).await.unwrap(), Applied::Done);
    store.read(LinkById(1)).await.unwrap();
    server.pause().unwrap();
    let asked = Instant::now();
    let (write, read, scan) =
        tokio::join!(store.write(Do(vec![insert(2)])), store.read(LinkById(1)), store.read(AllLinks));
    assert!(write.is_err() && read.is_err() && scan.is_err(), "{write:?} {read:?} {scan:?}");
    assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
    assert!(!store.is_healthy());
    server.go_on().unwrap();
    let mut waited = 0;
    while !store.is_healthy() {
        sleep(Duration::from_millis(50)).await;
        waited += 1;
        assert!(waited < 200, "{:?}", store.trouble());
    }
    assert_eq!(store.write(Do(vec![insert(3)])).await.unwrap(), Applied::Done);
    // It has connections to answer that were asked for meanwhile.
    let mut there = store.read(LinkById(2)).await;
    while there.is_err() && waited < 400 {
        sleep(Duration::from_millis(50)).await;
        there = store.read(LinkById(2)).await;
        waited += 1;
    }
    let there = there.unwrap().is_some();
    assert!(!there || matches!(write, Err(StorageError::Undecided(_))), "{write:?}");
    store.close().await;
}

async fn a_wrong_password_is_told_and_not_shown(engine: Engine) {
    let site = engine.open().await;
    let mut options = site.options.clone();
    let (Database::Postgres(server) | Database::Mysql(server)) = &mut options.database else {
        unreachable!("not on a server")
    };
    server.password = Some("s3cret".to_owned());
    server.user = Some("nobody".to_owned());
    let error = Store::open(&options).await.err().unwrap().to_string();
    assert!(error.contains("cannot be used") && !error.contains("s3cret"), "{error}");
    assert!(!format!("{options:?}").contains("s3cret"));
}

async fn sessions_that_the_server_ended_are_replaced_unnoticed(engine: Engine) {
    let site = engine.open().await;
    for round in 0..3_u64 {
        // All lanes and several readers have a session.
        let mut tasks = JoinSet::new();
        for number in 0..40 {
            let store = site.store.clone();
            tasks.spawn(async move {
                store.write(Do(vec![insert(round * 100 + number)])).await.unwrap();
                store.read(LinkById(round * 100 + number)).await.unwrap().unwrap();
                store.read(AllLinks).await.unwrap();
            });
        }
        tasks.join_all().await;
        end_sessions(engine, &site);
    }
    assert_eq!(site.store.read(CountLinks).await.unwrap(), 120);
    assert_eq!(site.store.stats().failed, 0);
}

/// Ends every session on the site's database but the administrator's.
fn end_sessions(engine: Engine, site: &Site) {
    if engine == Engine::Postgres {
        site.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
        return;
    }
    let ours =
        "SELECT id FROM information_schema.processlist WHERE db = database() AND id <> connection_id()";
    let sessions = site.sql(ours);
    assert!(sessions.lines().count() >= 2, "{sessions}");
    for session in sessions.lines() {
        site.sql(&format!("KILL {session}"));
    }
}
