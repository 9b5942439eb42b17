//! Connections that are cut at a COMMIT, whose answer nobody hears: whether it took place is found out, or it is said that nobody knows.

use crate::engines::{Engine, Site};
use crate::fixture::{ADD, CountLinks, Do, LinkById, id, insert, one};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;
use storage::{Applied, Database, Options, StorageError, Store, params};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

on_every_server![
    a_commit_whose_answer_was_lost_is_found_out,
    a_commit_that_travels_with_its_steps_is_found_out_too,
    a_commit_that_cannot_be_found_out_is_undecided,
];

mod newest_postgres {
    use crate::engines::Engine;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_commit_whose_answer_was_lost_is_found_out() {
        if !Engine::Newest.is_missing() {
            super::a_commit_whose_answer_was_lost_is_found_out(Engine::Newest).await;
        }
    }
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

/// What a connection is in the middle of.
#[derive(Default)]
struct Session {
    in_transaction: bool,
    /// Whole transactions are prepared on it: MariaDB's, and nothing else is.
    prepares_blocks: bool,
}

impl Session {
    /// Whether what is asked ends with a COMMIT, or is one statement that commits by itself: PostgreSQL's Bind outside of a transaction, or
    /// MariaDB's execution of a block.
    fn commits(&mut self, asked: &[u8]) -> bool {
        let says = |word: &[u8]| asked.windows(word.len()).any(|window| window == word);
        let (prepare, execute) = (Some(&0x16), Some(&0x17));
        self.prepares_blocks |= asked.get(4) == prepare && asked.ends_with(b"COMMIT;END");
        let ends = asked.ends_with(b"COMMIT\0") || asked.ends_with(b"COMMIT");
        self.in_transaction =
            (self.in_transaction || says(b"BEGIN ISOLATION")) && !ends && !says(b"ROLLBACK");
        ends || (!self.in_transaction && asked[0] == b'B')
            || (self.prepares_blocks && asked.get(4) == execute)
    }
}

async fn carry(client: TcpStream, server: TcpStream, cuts: Arc<AtomicU32>, closed: Arc<AtomicU32>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (mut asked, mut answered) = ([0; 65_536], [0; 65_536]);
    let mut session = Session::default();
    loop {
        tokio::select! {
            read = from_client.read(&mut asked) => {
                let Ok(count @ 1..) = read else { return };
                let cut = if session.commits(&asked[..count]) {
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

async fn a_commit_that_travels_with_its_steps_is_found_out_too(engine: Engine) {
    let site = engine.open().await;
    let (proxy, store) = through_proxy(&site, |_| {}).await;
    assert_eq!(store.write(Do(vec![insert(0), insert(1)])).await.unwrap(), Applied::Done);
    let mut next = 1;
    for round in 0..12 {
        // One statement, or two; nobody looks at their counts.
        let rows: Vec<u64> = (0..1 + round % 2).map(|row| next + 1 + row).collect();
        next += rows.len() as u64;
        proxy.cuts.store(round as u32 % 3 + 1, Relaxed);
        let steps = rows.iter().map(|row| insert(*row)).collect();
        assert_eq!(store.write(Do(steps)).await.unwrap(), Applied::Done, "{round}");
        // A row that was there before is refused, whether or not the first refusal was heard.
        proxy.cuts.store(round as u32 % 2 + 1, Relaxed);
        let steps = vec![insert(10_000 + round), insert(0)];
        assert_eq!(store.write(Do(steps)).await.unwrap(), Applied::Refused { step: 1 }, "{round}");
        assert_eq!(store.write(Do(vec![insert(1)])).await.unwrap(), Applied::Refused { step: 0 }, "{round}");
    }
    assert_eq!(site.store.read(CountLinks).await.unwrap(), next as i64 + 1);
    let stats = store.stats();
    assert!(stats.resolved >= 12 && stats.undecided == 0, "{stats:?}");
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
