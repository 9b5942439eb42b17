//! What only engines on a server meet: several nodes, rows that others hold, connections that are cut in the middle of a commit, servers that
//! are killed, restarted or stand still.

use crate::engines::{Engine, Site};
use crate::fixture::{ADD, AllLinks, CountLinks, Do, LinkById, id, insert, one, spend};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use storage::{Applied, Database, Options, Schema, StorageError, Store, params};
use throwaway::Setup;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

on_every_server![
    many_nodes_start_at_once_on_an_empty_database,
    a_newer_database_and_another_history_are_refused,
    an_abandoned_migration_is_taken_over,
    encryption_is_what_was_asked_for,
    two_nodes_race_and_one_wins,
    crossing_commands_of_two_nodes_all_succeed,
    two_nodes_replace_the_same_row,
    a_full_queue_refuses_at_once,
    a_write_past_its_deadline_is_refused_and_never_applied,
    a_caller_that_goes_away_gives_its_write_up,
    a_commit_whose_answer_was_lost_is_found_out,
    a_commit_that_cannot_be_found_out_is_undecided,
    a_server_that_is_killed_under_load_loses_and_doubles_nothing,
    a_server_that_stands_still_delays_no_answer_for_long,
    a_wrong_password_is_told_and_not_shown,
    sessions_that_the_server_ended_are_replaced_unnoticed,
];

fn is_overloaded(answer: &Result<Applied, StorageError>) -> bool {
    matches!(answer, Err(StorageError::Overloaded { .. }))
}

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

async fn an_abandoned_migration_is_taken_over(engine: Engine) {
    let mut site = engine.open_with(|options| options.schema = Schema::UpTo(1)).await;
    site.store.close().await;
    site.options.schema = Schema::Newest;
    // A node that died while it migrated: migrations are missing, and its lease is there.
    let holder = match engine {
        Engine::Postgres => "'\\x00000000000000000000000000000001'",
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
            store.write(RevokeAccessToken(Revocation { id: [9; 16], revoked_at, expires_at })).await.unwrap();
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

/// A transaction of somebody else's that holds a row, until it is dropped.
#[expect(dead_code, reason = "held, not used")]
enum Held {
    Postgres(tokio_postgres::Client),
    Mysql(mysql_async::Conn),
}

impl Held {
    async fn row(site: &Site, number: u64) -> Self {
        let id = id(number);
        match &site.options.database {
            Database::Postgres(server) => Self::on_postgres(server, id.as_bytes()).await,
            Database::Mysql(server) => Self::on_mysql(server, id.as_bytes()).await,
            Database::Sqlite(_) => unreachable!("not on a server"),
        }
    }

    async fn on_postgres(server: &storage::Server, id: &[u8]) -> Self {
        let (host, port) = &server.hosts[0];
        let mut config = tokio_postgres::Config::new();
        config.host(host).port(*port).dbname(&server.name).user(server.user.as_deref().unwrap_or_default());
        config.password(server.password.as_deref().unwrap_or_default());
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("BEGIN").await.unwrap();
        let sql = "UPDATE one_time_links SET expires_at = expires_at WHERE id = $1";
        let held = client.execute(sql, &[&id]).await.unwrap();
        assert_eq!(held, 1);
        Self::Postgres(client)
    }

    async fn on_mysql(server: &storage::Server, id: &[u8]) -> Self {
        use mysql_async::prelude::Queryable as _;
        let (host, port) = &server.hosts[0];
        let options = mysql_async::OptsBuilder::default()
            .ip_or_hostname(host)
            .tcp_port(*port)
            .db_name(Some(&server.name))
            .user(server.user.as_deref())
            .pass(server.password.as_deref())
            .prefer_socket(false)
            .client_found_rows(true);
        let mut conn = mysql_async::Conn::new(options).await.unwrap();
        conn.query_drop("BEGIN").await.unwrap();
        let sql = "UPDATE one_time_links SET expires_at = expires_at WHERE id = ?";
        conn.exec_drop(sql, (id,)).await.unwrap();
        assert_eq!(conn.affected_rows(), 1);
        Self::Mysql(conn)
    }
}

async fn a_full_queue_refuses_at_once(engine: Engine) {
    let site = engine
        .open_with(|options| {
            options.max_queued = 20;
            options.network.write_connections = 1;
            options.network.max_batch = 1;
            options.network.lock_deadline = Duration::from_secs(3);
        })
        .await;
    site.store.write(Do(vec![insert(0)])).await.unwrap();
    let held = Held::row(&site, 0).await;
    let mut writes = vec![tokio::spawn({
        let store = site.store.clone();
        async move { store.write(Do(vec![spend(0, 1)])).await }
    })];
    sleep(Duration::from_millis(50)).await;
    for number in 1..=20 {
        let store = site.store.clone();
        writes.push(tokio::spawn(async move { store.write(Do(vec![insert(number)])).await }));
    }
    while site.store.stats().queue_depth < 20 {
        sleep(Duration::from_millis(1)).await;
    }
    let asked = Instant::now();
    assert!(is_overloaded(&site.store.write(Do(vec![insert(1_000)])).await));
    assert!(asked.elapsed() < Duration::from_millis(100));
    assert!(site.store.stats().oldest_wait > Duration::ZERO && site.store.stats().overloaded == 1);
    // Reads do not wait for writers.
    assert_eq!(timeout(Duration::from_millis(500), site.store.read(CountLinks)).await.unwrap().unwrap(), 1);
    drop(held);
    for write in writes {
        assert_eq!(write.await.unwrap().unwrap(), Applied::Done);
    }
    assert_eq!((site.store.read(CountLinks).await.unwrap(), site.store.stats().queue_depth), (21, 0));
}

async fn a_write_past_its_deadline_is_refused_and_never_applied(engine: Engine) {
    let site = engine
        .open_with(|options| {
            options.write_deadline = Duration::from_millis(300);
            options.network.lock_deadline = Duration::from_millis(50);
        })
        .await;
    site.store.write(Do(vec![insert(0)])).await.unwrap();
    let held = Held::row(&site, 0).await;
    let asked = Instant::now();
    let late = site.store.write(Do(vec![insert(1), spend(0, 1)])).await;
    assert!(is_overloaded(&late), "{late:?}");
    assert!(asked.elapsed() >= Duration::from_millis(280) && asked.elapsed() < Duration::from_millis(1_500));
    // Others are not in the way of it.
    assert_eq!(site.store.write(Do(vec![insert(2)])).await.unwrap(), Applied::Done);
    drop(held);
    assert_eq!(site.store.write(Do(vec![spend(0, 2)])).await.unwrap(), Applied::Done);
    assert_eq!(site.store.read(LinkById(1)).await.unwrap(), None);
}

async fn a_caller_that_goes_away_gives_its_write_up(engine: Engine) {
    let site = engine.open_with(|options| options.network.write_connections = 1).await;
    site.store.write(Do(vec![insert(0)])).await.unwrap();
    let held = Held::row(&site, 0).await;
    let first = tokio::spawn({
        let store = site.store.clone();
        async move { store.write(Do(vec![spend(0, 1)])).await }
    });
    sleep(Duration::from_millis(50)).await;
    // The one lane is busy: this one waits in the queue.
    assert!(timeout(Duration::from_millis(50), site.store.write(Do(vec![insert(1)]))).await.is_err());
    drop(held);
    assert_eq!(first.await.unwrap().unwrap(), Applied::Done);
    assert_eq!(site.store.write(Do(vec![insert(2)])).await.unwrap(), Applied::Done);
    assert_eq!(site.store.read(LinkById(1)).await.unwrap(), None);
}

/// What stands between a store and its server, and cuts connections at a COMMIT.
pub(crate) struct Proxy {
    port: u16,
    /// Commits still to be cut: even ones before they reach the server, odd ones after the server has answered.
    pub(crate) cuts: Arc<AtomicU32>,
    /// Whether whoever connects after a cut is turned away.
    pub(crate) closed: Arc<AtomicU32>,
}

impl Proxy {
    async fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            cuts: Arc::default(),
            closed: Arc::default(),
        };
        let (cuts, closed) = (Arc::clone(&proxy.cuts), Arc::clone(&proxy.closed));
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                if closed.load(Relaxed) == 2 {
                    continue;
                }
                let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                tokio::spawn(carry(client, server, Arc::clone(&cuts), Arc::clone(&closed)));
            }
        });
        proxy
    }
}

async fn carry(client: TcpStream, server: TcpStream, cuts: Arc<AtomicU32>, closed: Arc<AtomicU32>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (mut asked, mut answered) = ([0; 65_536], [0; 65_536]);
    loop {
        tokio::select! {
            read = from_client.read(&mut asked) => {
                let Ok(count @ 1..) = read else { return };
                let commits = asked[..count].ends_with(b"COMMIT\0") || asked[..count].ends_with(b"COMMIT");
                let cut = if commits {
                    cuts.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).ok()
                } else {
                    None
                };
                if cut.is_some() {
                    closed.fetch_update(Relaxed, Relaxed, |state| (state == 1).then_some(2)).ok();
                }
                if cut.is_some_and(|left| left % 2 == 0) {
                    return;
                }
                if to_server.write_all(&asked[..count]).await.is_err() {
                    return;
                }
                if cut.is_some() {
                    // The server has done it; nobody hears of it.
                    let _answer = from_server.read(&mut answered).await.unwrap();
                    return;
                }
            }
            read = from_server.read(&mut answered) => {
                let Ok(count @ 1..) = read else { return };
                if to_client.write_all(&answered[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// A store that reaches its database through a proxy.
pub(crate) async fn through_proxy(site: &Site, change: impl FnOnce(&mut Options)) -> (Proxy, Store) {
    let mut options = site.options.clone();
    let (Database::Postgres(server) | Database::Mysql(server)) = &mut options.database else {
        unreachable!("not on a server")
    };
    let proxy = Proxy::before(server.hosts[0].1).await;
    server.hosts = vec![("127.0.0.1".to_owned(), proxy.port)];
    server.tls.mode = storage::TlsMode::Disable;
    change(&mut options);
    let store = Store::open(&options).await.unwrap().store;
    (proxy, store)
}

async fn a_commit_whose_answer_was_lost_is_found_out(engine: Engine) {
    let site = engine.open().await;
    let (proxy, store) = through_proxy(&site, |_| {}).await;
    assert_eq!(store.write(Do(vec![insert(1)])).await.unwrap(), Applied::Done);
    for round in 0..12 {
        proxy.cuts.store(round % 3 + 1, Relaxed);
        let mut writes = JoinSet::new();
        for number in 0..4_u64 {
            let store = store.clone();
            writes.spawn(async move {
                let steps =
                    vec![one(ADD, params![1_i64, id(1)]), insert(100 + u64::from(round) * 4 + number)];
                store.write(Do(steps)).await.unwrap()
            });
        }
        assert!(writes.join_all().await.into_iter().all(Applied::is_done));
    }
    // Once each: not lost, not twice.
    assert_eq!(site.store.read(LinkById(1)).await.unwrap().unwrap().expires_at, 1_000 + 48);
    assert_eq!(site.store.read(CountLinks).await.unwrap(), 49);
    let stats = store.stats();
    assert!(stats.resolved >= 12 && stats.undecided == 0, "{stats:?}");
    assert!(store.is_healthy());
}

async fn a_commit_that_cannot_be_found_out_is_undecided(engine: Engine) {
    let site = engine.open().await;
    let short = |options: &mut Options| options.network.resolve_deadline = Duration::from_millis(400);
    let (proxy, store) = through_proxy(&site, short).await;
    assert_eq!(store.write(Do(vec![insert(1)])).await.unwrap(), Applied::Done);
    proxy.closed.store(1, Relaxed);
    proxy.cuts.store(1, Relaxed);
    let answer = store.write(Do(vec![insert(2)])).await;
    assert!(matches!(answer, Err(StorageError::Undecided(_))), "{answer:?}");
    assert!(!store.is_healthy() && store.stats().undecided == 1);
    // When the server can be reached again, it heals by itself.
    proxy.closed.store(0, Relaxed);
    let mut waited = 0;
    while !store.is_healthy() {
        sleep(Duration::from_millis(50)).await;
        waited += 1;
        assert!(waited < 100, "{:?}", store.trouble());
    }
    assert_eq!(store.write(Do(vec![insert(3)])).await.unwrap(), Applied::Done);
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
        match engine {
            Engine::Mysql => {
                let ours = "SELECT id FROM information_schema.processlist WHERE db = database() AND id <> connection_id()";
                let sessions = site.sql(ours);
                assert!(sessions.lines().count() >= 2, "{sessions}");
                for session in sessions.lines() {
                    site.sql(&format!("KILL {session}"));
                }
            }
            _ => {
                site.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
            }
        }
    }
    assert_eq!(site.store.read(CountLinks).await.unwrap(), 120);
    assert_eq!(site.store.stats().failed, 0);
}
