//! What the storage engine does on this machine, as ratios: `cargo run --release -p storage --example engine -- --seconds 5`.
//!
//! The machine is probably shared and its disk cached: compare the columns of one run, never two runs.
#![expect(clippy::print_stdout, reason = "a program whose output is its purpose")]
#![expect(clippy::disallowed_methods, reason = "a program that measures reads the clock")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a measurement that fails should stop"
)]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers for people to read"
)]

use protocol::Timestamp;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use storage::archive::{Folder, Shipping};
use storage::{Applied, Command, Options, Query, Rows, Statement, Steps, StorageError, Store, params};
use tokio::task::JoinSet;

const APPEND: &str = "INSERT INTO append_only (id, hash, made_at) VALUES (?, ?, ?)";
const RANDOM: &str = "INSERT INTO random_index (id, hash, made_at) VALUES (?, ?, ?)";
const TABLES: &str = "
  CREATE TABLE append_only (id BLOB NOT NULL, hash BLOB NOT NULL, made_at INTEGER NOT NULL, PRIMARY KEY (id)) STRICT, WITHOUT ROWID;
  CREATE TABLE random_index (id BLOB NOT NULL, hash BLOB NOT NULL, made_at INTEGER NOT NULL, PRIMARY KEY (id)) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX random_index_by_hash ON random_index (hash);";

/// One row, keyed by a number that grows, with a hash that does not.
struct Insert(&'static str, u64);

impl Command for Insert {
    type Outcome = Applied;
    fn steps(&self, steps: &mut Steps) {
        steps.one(self.0, params![key(self.1).as_slice(), scattered(self.1).as_slice(), 0_i64]);
    }
    fn outcome(&self, applied: Applied) -> Applied {
        applied
    }
}

struct ByKey(u64);

impl Query for ByKey {
    type Output = Option<i64>;
    fn statement(&self) -> Statement {
        Statement::new("SELECT made_at FROM append_only WHERE id = ?", params![key(self.0).as_slice()])
    }
    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(|row| row.get(0))
    }
}

fn key(number: u64) -> [u8; 16] {
    (u128::from(number) << 64).to_be_bytes()
}

fn mixed(number: u64) -> u64 {
    let mut x = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

fn scattered(number: u64) -> [u8; 32] {
    let mut hash = [0; 32];
    for (index, part) in hash.chunks_mut(8).enumerate() {
        part.copy_from_slice(&mixed(number ^ ((index as u64) << 56)).to_be_bytes());
    }
    hash
}

async fn open(folder: &Path, name: &str, change: impl FnOnce(&mut Options)) -> Store {
    let mut options = Options::at(folder.join(name));
    change(&mut options);
    let store = Store::open(&options).await.expect("opens").store;
    rusqlite::Connection::open(folder.join(name)).unwrap().execute_batch(TABLES).unwrap();
    store
}

/// Closed loop: each submitter waits for its answer. Writes per second, and the median of one.
async fn closed_loop(store: &Store, sql: &'static str, submitters: u64, length: Duration) -> (f64, Duration) {
    let next = Arc::new(AtomicU64::new(store.stats().commands + 1));
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    let started = Instant::now();
    for _ in 0..submitters {
        let (store, next, stop) = (store.clone(), Arc::clone(&next), Arc::clone(&stop));
        tasks.spawn(async move {
            let mut waits = Vec::new();
            while !stop.load(Relaxed) {
                let asked = Instant::now();
                store.write(Insert(sql, next.fetch_add(1, Relaxed))).await.unwrap();
                waits.push(asked.elapsed());
            }
            waits
        });
    }
    tokio::time::sleep(length).await;
    stop.store(true, Relaxed);
    let mut waits = tasks.join_all().await.concat();
    let rate = waits.len() as f64 / started.elapsed().as_secs_f64();
    waits.sort_unstable();
    (rate, waits[waits.len() / 2])
}

async fn writes(folder: &Path, length: Duration) {
    println!("Durable writes/s, closed loop (append-only keys)");
    println!(
        "{:>12} {:>14} {:>14} {:>7} {:>12}",
        "submitters", "one each", "group commit", "ratio", "median wait"
    );
    for submitters in [1, 16, 256, 4_096] {
        let each = open(folder, &format!("each-{submitters}.db"), |options| options.max_batch = 1).await;
        let (alone, _) = closed_loop(&each, APPEND, submitters, length).await;
        each.close().await;
        let group = open(folder, &format!("group-{submitters}.db"), |_| {}).await;
        let (together, median) = closed_loop(&group, APPEND, submitters, length).await;
        group.close().await;
        println!(
            "{submitters:>12} {alone:>14.0} {together:>14.0} {:>6.1}x {median:>12.1?}",
            together / alone
        );
    }
    println!();
}

/// What shipping costs whoever writes: the same loop with and without, taking turns, because the machine is not always the same. The
/// processor's time per write says more than the rate where others use the machine too.
async fn shipping(folder: &Path, length: Duration) {
    const ROUNDS: usize = 5;
    println!(
        "Durable writes/s, closed loop (append-only keys), changes shipped to a folder each second; medians of {ROUNDS}"
    );
    println!(
        "{:>12} {:>14} {:>14} {:>7} {:>16} {:>16} {:>16}",
        "submitters", "not shipped", "shipped", "ratio", "writer's CPU", "with shipping", "shipper's CPU"
    );
    for submitters in [1, 16, 256] {
        let mut rounds = [Vec::new(), Vec::new()];
        for round in 0..ROUNDS * 2 {
            let name = format!("ship-{submitters}-{round}");
            rounds[round % 2].push(ship_round(folder, &name, round % 2 == 1, submitters, length).await);
        }
        let median = |shipped: usize, field: fn(&[f64; 3]) -> f64| {
            let mut values: Vec<f64> = rounds[shipped].iter().map(field).collect();
            values.sort_by(f64::total_cmp);
            values[ROUNDS / 2]
        };
        println!(
            "{submitters:>12} {:>14.0} {:>14.0} {:>6.2}x {:>13.2} us {:>13.2} us {:>13.2} us",
            median(0, |round| round[0]),
            median(1, |round| round[0]),
            median(1, |round| round[0]) / median(0, |round| round[0]),
            median(0, |round| round[1]),
            median(1, |round| round[1]),
            median(1, |round| round[2]),
        );
    }
    println!();
}

/// Writes per second, and the processor's time of writer and shipper per write, in microseconds.
async fn ship_round(folder: &Path, name: &str, shipped: bool, submitters: u64, length: Duration) -> [f64; 3] {
    let database = format!("{name}.db");
    // The tables are made by another connection: with shipping, that would be a gap.
    open(folder, &database, |_| {}).await.close().await;
    let mut options = Options::at(folder.join(&database));
    let target = Arc::new(Folder::at(folder.join(name)));
    options.shipping = shipped.then(|| Shipping::new(target, wall_clock));
    let store = Store::open(&options).await.expect("opens").store;
    while store.shipping().is_some_and(|shipping| shipping.shipped_until.is_none()) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let before = ["storage-writer", "storage-ship"].map(cpu_of);
    let (rate, _) = closed_loop(&store, APPEND, submitters, length).await;
    let per_write = |thread: usize, name| {
        (cpu_of(name) - before[thread]) as f64 / 1_000.0 / store.stats().commands as f64
    };
    let measured = [rate, per_write(0, "storage-writer"), per_write(1, "storage-ship")];
    let stats = store.shipping().unwrap_or_default();
    assert_eq!((stats.failures, stats.gaps), (0, 0), "it did not keep up");
    store.close().await;
    measured
}

/// Nanoseconds that threads of this name have run, by the kernel's count.
fn cpu_of(name: &str) -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    let named =
        tasks.filter(|task| std::fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim() == name));
    named.map(|task| ran(&std::fs::read_to_string(task.join("schedstat")).unwrap())).sum()
}

fn ran(schedstat: &str) -> u64 {
    schedstat.split(' ').next().unwrap().parse().unwrap()
}

fn wall_clock() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_millis(since.as_millis() as i64)
}

async fn keys(folder: &Path, length: Duration) {
    println!("Inserts/s by one writer, commands of 1,000 rows, no waiting for company");
    let mut rates = Vec::new();
    for (name, sql) in [("append-only keys", APPEND), ("one random unique index", RANDOM)] {
        let store = open(folder, &format!("keys-{}.db", rates.len()), |_| {}).await;
        let started = Instant::now();
        let mut rows = 0;
        while started.elapsed() < length * 2 {
            store.write(Thousand(sql, rows)).await.unwrap();
            rows += 1_000;
        }
        let rate = rows as f64 / started.elapsed().as_secs_f64();
        println!("{name:>26} {rate:>10.0}/s");
        rates.push(rate);
        store.close().await;
    }
    println!("{:>26} {:>9.1}x\n", "ratio", rates[0] / rates[1]);
}

struct Thousand(&'static str, u64);

impl Command for Thousand {
    type Outcome = Applied;
    fn steps(&self, steps: &mut Steps) {
        for number in self.1..self.1 + 1_000 {
            Insert(self.0, number).steps(steps);
        }
    }
    fn outcome(&self, applied: Applied) -> Applied {
        applied
    }
}

/// Nanoseconds this thread has run, by the kernel's count.
fn thread_cpu() -> u64 {
    ran(&std::fs::read_to_string("/proc/thread-self/schedstat").unwrap())
}

async fn read_for(store: &Store, length: Duration, rows: u64) -> (u64, u64) {
    let (started, cpu) = (Instant::now(), thread_cpu());
    let mut reads = 0;
    while started.elapsed() < length {
        for _ in 0..100 {
            reads += 1;
            assert!(store.read(ByKey(mixed(reads) % rows)).await.unwrap().is_some());
        }
    }
    (reads, thread_cpu() - cpu)
}

async fn reads(folder: &Path, length: Duration) {
    const ROWS: u64 = 1_000_000;
    println!("Reads by key, inline, of {ROWS} rows");
    for (name, mapped) in [("system calls", 0), ("mapped", 1 << 30)] {
        let store = open(folder, &format!("reads-{mapped}.db"), |options| options.mapped = mapped).await;
        for first in (0..ROWS).step_by(1_000) {
            store.write(Thousand(APPEND, first)).await.unwrap();
        }
        let (quiet, cpu) = read_for(&store, length, ROWS).await;
        let per_read = Duration::from_nanos(cpu / quiet);
        let writing = {
            let store = store.clone();
            tokio::spawn(async move { closed_loop(&store, RANDOM, 16, length).await })
        };
        let (busy, busy_cpu) = read_for(&store, length, ROWS).await;
        let busy_per_read = Duration::from_nanos(busy_cpu / busy);
        writing.await.unwrap();
        println!(
            "{name:>14}: {:>8.0}/s on one thread, {per_read:.2?} CPU each; beside a busy writer {busy_per_read:.2?} CPU each",
            quiet as f64 / length.as_secs_f64()
        );
        store.close().await;
    }
    println!();
}

/// Open loop: writes arrive at a rate, whatever the engine does; waits count from when they should have begun.
async fn open_loop(folder: &Path, length: Duration) {
    const RATE: u64 = 20_000;
    println!("Open loop, {RATE} durable writes/s");
    for (name, sql) in [("append-only keys", APPEND), ("one random unique index", RANDOM)] {
        let store = open(folder, &format!("open-{}.db", name.len()), |_| {}).await;
        // A thread of its own, because the runtime's timer counts milliseconds.
        let (generator, runtime) = (store.clone(), tokio::runtime::Handle::current());
        let generated = std::thread::spawn(move || {
            let mut tasks = Vec::new();
            let mut wal = 0;
            let started = Instant::now();
            while started.elapsed() < length {
                let due = (started.elapsed().as_secs_f64() * RATE as f64) as u64;
                for number in tasks.len() as u64..due {
                    let (store, begun) =
                        (generator.clone(), started + Duration::from_secs_f64(number as f64 / RATE as f64));
                    tasks.push(runtime.spawn(async move {
                        store.write(Insert(sql, number)).await.map(|_| begun.elapsed())
                    }));
                }
                wal = wal.max(generator.stats().wal_bytes);
                std::thread::sleep(Duration::from_micros(50));
            }
            (tasks, wal)
        });
        let (tasks, wal) = tokio::task::block_in_place(|| generated.join().unwrap());
        let sent = tasks.len();
        let mut waits = Vec::new();
        for task in tasks {
            waits.push(task.await.unwrap());
        }
        let refused = waits.iter().filter(|wait| wait.is_err()).count();
        let mut waits: Vec<Duration> = waits.into_iter().flatten().collect();
        waits.sort_unstable();
        let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize];
        let stats = store.stats();
        println!(
            "{name:>26}: p50 {:.2?}, p99 {:.2?}, p99.9 {:.2?}, worst {:.2?}; {} of {sent} refused",
            at(0.5),
            at(0.99),
            at(0.999),
            at(1.0),
            refused
        );
        println!(
            "{:>26}  batches of {:.1} on average, {} at most; {} checkpoints, log at most {:.0} MiB; slowest commit {:.2?}",
            "",
            stats.mean_batch(),
            stats.largest_batch,
            stats.checkpoints,
            wal as f64 / 1_048_576.0,
            stats.slowest_commit
        );
        store.close().await;
    }
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut seconds = 2;
    let mut only = None;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seconds" => {
                seconds = arguments.next().and_then(|value| value.parse().ok()).expect("--seconds N")
            }
            "--only" => only = arguments.next(),
            _ => panic!("usage: engine [--seconds N] [--only writes|shipping|keys|reads|open]"),
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let (folder, length) = (folder.path(), Duration::from_secs(seconds));
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    if wanted("writes") {
        writes(folder, length).await;
    }
    if wanted("shipping") {
        shipping(folder, length).await;
    }
    if wanted("keys") {
        keys(folder, length).await;
    }
    if wanted("reads") {
        reads(folder, length).await;
    }
    if wanted("open") {
        open_loop(folder, length * 4).await;
    }
}
