//! Writes while somebody else's transaction holds a row: the queue that fills, deadlines, callers that go away. (A file's: `overload`.)

use crate::engines::{Engine, Site};
use crate::fixture::{CountLinks, Do, LinkById, PATIENCE, id, insert, spend};
use futures_util::FutureExt as _;
use std::time::Duration;
use storage::{Applied, Database, StorageError};
use tokio::time::{Instant, sleep, timeout};

on_every_server![
    a_full_queue_refuses_at_once,
    a_write_past_its_deadline_is_refused_and_never_applied,
    a_caller_that_goes_away_gives_its_write_up,
];

fn is_overloaded(answer: &Result<Applied, StorageError>) -> bool {
    matches!(answer, Err(StorageError::Overloaded { .. }))
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
    let refused = site.store.write(Do(vec![insert(1_000)])).now_or_never().expect("at once");
    assert!(is_overloaded(&refused));
    assert!(site.store.stats().oldest_wait > Duration::ZERO && site.store.stats().overloaded == 1);
    // Reads do not wait for writers.
    assert_eq!(timeout(PATIENCE, site.store.read(CountLinks)).await.unwrap().unwrap(), 1);
    drop(held);
    for write in writes {
        assert_eq!(write.await.unwrap().unwrap(), Applied::Done);
    }
    assert_eq!((site.store.read(CountLinks).await.unwrap(), site.store.stats().queue_depth), (21, 0));
}

async fn a_write_past_its_deadline_is_refused_and_never_applied(engine: Engine) {
    let site = engine
        .open_with(|options| {
            // As long as a busy machine may take for the writes that are not held up.
            options.write_deadline = Duration::from_secs(2);
            options.network.lock_deadline = Duration::from_millis(50);
        })
        .await;
    site.store.write(Do(vec![insert(0)])).await.unwrap();
    let held = Held::row(&site, 0).await;
    let asked = Instant::now();
    let late = site.store.write(Do(vec![insert(1), spend(0, 1)])).await;
    assert!(is_overloaded(&late), "{late:?}");
    assert!(asked.elapsed() >= Duration::from_millis(1_900) && asked.elapsed() < PATIENCE);
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
