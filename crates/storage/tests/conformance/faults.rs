//! Faults under load, each written once for every engine on a server: killed, restarted, cut off, frozen, out of connections, out of disk, and
//! clocks that disagree. (A file's: `crash`, `disk`, `overload`.)

use crate::clocks::{HOUR, wall};
use crate::engines::Engine;
use crate::fixture::{ADD, CountLinks, Do, LinkById, id, insert_expiring, one};
use crate::load::Load;
use crate::proxy::Network;
use futures_util::FutureExt as _;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use storage::{Applied, OpenError, Options, StorageError, Store, params};
use throwaway::Setup;
use tokio::task::{JoinSet, block_in_place};
use tokio::time::{Instant, sleep, timeout};

on_every_server![
    killed_and_restarted_again_and_again,
    connections_cut_anywhere,
    a_server_that_stands_still_under_load,
    a_node_that_only_reads_notices_that_nothing_answers,
    more_reads_than_connections_and_places_to_wait,
    a_server_without_a_connection_to_spare,
    a_server_whose_disk_is_full,
    a_record_that_a_clock_ahead_sweeps_leads_to_no_second_commit,
];

/// What a busy machine adds to a bound; without the bound they would wait for a server that never answers.
const BUSY: Duration = Duration::from_secs(10);
/// When no test runs any more.
const FAR: i64 = 1 << 60;

async fn is_healthy_again(store: &Store) {
    let began = Instant::now();
    while !store.is_healthy() {
        assert!(began.elapsed() < Duration::from_secs(10), "still in trouble: {:?}", store.trouble());
        sleep(Duration::from_millis(20)).await;
    }
}

async fn killed_and_restarted_again_and_again(engine: Engine) {
    let mut server = block_in_place(|| Setup::new(engine.server().unwrap()).start()).unwrap();
    let options = Options::new(block_in_place(|| server.database()).unwrap().parse().unwrap());
    let open = async || Store::open(&options).await.unwrap().store;
    let nodes = [open().await, open().await];
    let load = Load::begin(&nodes).await;
    for kill in [true, false, true] {
        load.goes_on(150).await;
        block_in_place(|| {
            if kill { server.kill() } else { server.stop() }.unwrap();
            server.start_again().unwrap();
        });
    }
    load.goes_on(150).await;
    let reckoning = load.end(&nodes[0]).await;
    assert!(reckoning.done >= 600 && reckoning.refused > 50, "{reckoning:?}");
    for node in nodes {
        is_healthy_again(&node).await;
        node.close().await;
    }
}

async fn connections_cut_anywhere(engine: Engine) {
    let site = engine.open().await;
    let network = Arc::new(Network::default());
    let few = |options: &mut Options| options.network.write_connections = 2;
    let nodes = [network.store(&site, few).await, network.store(&site, few).await];
    let load = Load::begin(&nodes).await;
    load.goes_on(50).await;
    network.cut_after.store(25_000, Relaxed);
    let began = Instant::now();
    while network.cuts.load(Relaxed) < 150 && began.elapsed() < Duration::from_secs(8) {
        sleep(Duration::from_millis(10)).await;
    }
    network.cut_after.store(0, Relaxed);
    load.goes_on(50).await;
    let reckoning = load.end(&site.store).await;
    assert!(network.cuts.load(Relaxed) > 30, "nothing was tested");
    // It always came back in time.
    assert_eq!(reckoning.undecided, 0);
}

async fn a_server_that_stands_still_under_load(engine: Engine) {
    let server = block_in_place(|| Setup::new(engine.server().unwrap()).fast().start()).unwrap();
    let mut options = Options::new(block_in_place(|| server.database()).unwrap().parse().unwrap());
    options.write_deadline = Duration::from_millis(600);
    options.network.answer_deadline = Duration::from_millis(500);
    options.network.connect_deadline = Duration::from_millis(500);
    options.network.resolve_deadline = Duration::from_secs(1);
    // On a busy machine the first connection may take longer than the deadline that this is about.
    let open = async || loop {
        match Store::open(&options).await {
            Ok(opened) => break opened.store,
            Err(error) => eprintln!("once more: {error}"),
        }
    };
    let nodes = [open().await, open().await];
    let load = Load::begin(&nodes).await;
    for _ in 0..2 {
        load.goes_on(100).await;
        server.pause().unwrap();
        sleep(Duration::from_millis(2_500)).await;
        for node in &nodes {
            let why = node.trouble().expect("it does not answer");
            assert!(why.contains("answer"), "{why}");
            let asked = Instant::now();
            let answer = node.read(CountLinks).await;
            assert!(
                matches!(answer, Err(StorageError::Unavailable(_) | StorageError::Overloaded { .. })),
                "{answer:?}"
            );
            assert!(asked.elapsed() < options.longest_read() + BUSY);
        }
        server.go_on().unwrap();
        for node in &nodes {
            is_healthy_again(node).await;
        }
    }
    load.goes_on(100).await;
    let reckoning = load.end(&nodes[0]).await;
    assert!(reckoning.turned_away > 0, "{reckoning:?}");
    // What is promised, and a busy machine's seconds.
    assert!(reckoning.slowest < options.longest_write() + BUSY, "{reckoning:?}");
}

async fn a_node_that_only_reads_notices_that_nothing_answers(engine: Engine) {
    let site = engine.open().await;
    let network = Arc::new(Network::default());
    let node = network
        .store(&site, |options| {
            options.write_deadline = Duration::from_millis(300);
            options.network.answer_deadline = Duration::from_millis(300);
        })
        .await;
    assert_eq!(node.read(CountLinks).await.unwrap(), 0);
    network.silent.store(true, Relaxed);
    assert!(matches!(node.read(CountLinks).await, Err(StorageError::Unavailable(_))));
    assert!(node.trouble().is_some_and(|why| why.contains("does not answer")), "{:?}", node.trouble());
    network.silent.store(false, Relaxed);
    is_healthy_again(&node).await;
    assert_eq!(node.read(CountLinks).await.unwrap(), 0);
}

async fn more_reads_than_connections_and_places_to_wait(engine: Engine) {
    let site = engine.open().await;
    let network = Arc::new(Network::default());
    let few = |options: &mut Options| {
        options.network.read_connections = 2;
        options.network.max_queued_reads = 4;
    };
    let node = network.store(&site, few).await;
    let _warm = tokio::join!(node.read(CountLinks), node.read(CountLinks));
    network.silent.store(true, Relaxed);
    let mut reads = JoinSet::new();
    for _ in 0..6 {
        let node = node.clone();
        reads.spawn(async move { node.read(CountLinks).await });
    }
    while node.stats().reads_waiting < 4 {
        sleep(Duration::from_millis(1)).await;
    }
    let refused = node.read(CountLinks).now_or_never().expect("at once");
    assert!(matches!(refused, Err(StorageError::Overloaded { .. })));
    network.silent.store(false, Relaxed);
    assert!(reads.join_all().await.into_iter().all(|read| matches!(read, Ok(0))));
    assert_eq!(node.stats().reads_waiting, 0);
}

async fn a_server_without_a_connection_to_spare(engine: Engine) {
    let setting = if engine == Engine::Mysql { "max-connections" } else { "max_connections" };
    let setup = Setup::new(engine.server().unwrap()).fast().set(setting, "12");
    let server = block_in_place(|| setup.start()).unwrap();
    let options = Options::new(block_in_place(|| server.database()).unwrap().parse().unwrap());
    let open = async || Store::open(&options).await.unwrap().store;
    // Each would use four that write and eight that read.
    let nodes = [open().await, open().await];
    let load = Load::begin(&nodes).await;
    load.goes_on(20).await;
    for _ in 0..5 {
        let mut reads = JoinSet::new();
        for reader in 0..60 {
            let node = nodes[reader % 2].clone();
            reads.spawn(async move { (Instant::now(), node.read(LinkById(0)).await) });
        }
        for (asked, read) in reads.join_all().await {
            assert!(asked.elapsed() < options.longest_read() + BUSY, "{:?}", asked.elapsed());
            assert!(matches!(read, Ok(Some(_)) | Err(StorageError::Unavailable(_))), "{read:?}");
        }
    }
    load.goes_on(50).await;
    let reckoning = load.end(&nodes[0]).await;
    assert!(reckoning.done > 70, "{reckoning:?}");
    let [stays, leaves] = nodes;
    leaves.close().await;
    drop(leaves);
    // With room again, everybody is served.
    is_healthy_again(&stays).await;
    let reads = (0..60).map(|_| {
        let stays = stays.clone();
        async move { stays.read(LinkById(0)).await }
    });
    for read in reads.collect::<JoinSet<_>>().join_all().await {
        assert!(read.is_ok(), "{read:?}");
    }
    // A third finds the server full, or gets in.
    if let Err(error) = Store::open(&options).await {
        assert!(
            matches!(&error, OpenError::Server { why, .. } if why.to_lowercase().contains("too many")),
            "{error}"
        );
    }
}

async fn a_server_whose_disk_is_full(engine: Engine) {
    let Some(setup) = Setup::new(engine.server().unwrap()).on_a_small_disk(200) else { return };
    let mut server = block_in_place(|| setup.start()).unwrap();
    let mut options = Options::new(block_in_place(|| server.database()).unwrap().parse().unwrap());
    options.network.resolve_deadline = Duration::from_secs(3);
    let open = async || Store::open(&options).await.unwrap().store;
    let nodes = [open().await, open().await];
    let load = Load::begin(&nodes).await;
    load.goes_on(50).await;
    let ballast = block_in_place(|| server.fill_disk(256 * 1024)).unwrap();
    let began = Instant::now();
    let trouble = loop {
        if let Some(why) = nodes[0].trouble() {
            break why;
        }
        assert!(began.elapsed() < Duration::from_secs(40), "the disk was never full");
        sleep(Duration::from_millis(5)).await;
    };
    println!("after {:?}: {trouble}", began.elapsed());
    sleep(Duration::from_millis(500)).await;
    std::fs::remove_file(ballast).unwrap();
    // Some servers end when they cannot write their log: whoever runs them starts them again.
    block_in_place(|| server.start_if_it_ended()).unwrap();
    load.goes_on(100).await;
    for node in &nodes {
        is_healthy_again(node).await;
    }
    let reckoning = load.end(&nodes[1]).await;
    assert!(reckoning.turned_away + reckoning.undecided > 0, "{reckoning:?}");
}

async fn a_record_that_a_clock_ahead_sweeps_leads_to_no_second_commit(engine: Engine) {
    let site = engine.open().await;
    let (proxy, store) = crate::commits::through_proxy(&site, |_| {}).await;
    assert_eq!(store.write(Do(vec![insert_expiring(1, FAR)])).await.unwrap(), Applied::Done);
    // The answer to the next commit is lost, and nobody can be asked about it for now.
    proxy.closed.store(1, Relaxed);
    proxy.cuts.store(1, Relaxed);
    let writing = tokio::spawn({
        let store = store.clone();
        async move { store.write(Do(vec![one(ADD, params![1_i64, id(1)])])).await }
    });
    while site.store.read(LinkById(1)).await.unwrap().unwrap().expires_at == FAR {
        sleep(Duration::from_millis(5)).await;
    }
    // Meanwhile a node whose clock is an hour ahead sweeps.
    let report = site.store.sweep(wall() + HOUR).await.unwrap();
    assert!(report.deleted.iter().any(|(table, count)| *table == "commits" && *count > 1), "{report:?}");
    proxy.closed.store(0, Relaxed);
    let answer = timeout(Duration::from_secs(15), writing).await.unwrap().unwrap();
    assert!(matches!(answer, Err(StorageError::Undecided(_))), "nobody can know any more: {answer:?}");
    assert_eq!(site.store.read(LinkById(1)).await.unwrap().unwrap().expires_at, FAR + 1);
    // The mark stays where the records were: what is recorded after it is found out again.
    is_healthy_again(&store).await;
    sleep(Duration::from_millis(2)).await;
    proxy.cuts.store(2, Relaxed);
    for _ in 0..2 {
        assert_eq!(store.write(Do(vec![one(ADD, params![1_i64, id(1)])])).await.unwrap(), Applied::Done);
    }
    assert_eq!(site.store.read(LinkById(1)).await.unwrap().unwrap().expires_at, FAR + 3);
}
