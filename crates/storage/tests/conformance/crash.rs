//! Killed under load, many times: whatever was acknowledged is there, whatever was refused is not, and nothing is half there.

use crate::fixture::{Do, child, childs_database, id, insert, spend};
use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use storage::{Options, Store};

const ROUNDS: u64 = 25;
/// `cargo xtask crash` asks for more.
const ROUNDS_VARIABLE: &str = "DOORWARD_CRASH_ROUNDS";
/// Numbers of one round; a command inserts two neighbours.
const NUMBERS: u64 = 1_000_000;

#[derive(Default)]
struct Told {
    acknowledged: HashSet<u64>,
    refused: HashSet<u64>,
}

#[tokio::test]
async fn killed_under_load_nothing_acknowledged_is_lost_and_nothing_refused_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("doorward.db");
    let mut told = Told::default();
    let asked = throwaway::variable(ROUNDS_VARIABLE).and_then(|rounds| rounds.to_str()?.parse().ok());
    for round in 0..asked.unwrap_or(ROUNDS) {
        run_and_kill(&path, round, &mut told);
        // Opening it is all that recovery takes.
        drop(Store::open(&Options::at(&path)).await.unwrap());
        check(&path, &told, round);
    }
    assert!(
        told.acknowledged.len() > 1_000,
        "only {} acknowledged: nothing was tested",
        told.acknowledged.len()
    );
    assert!(told.refused.len() > 50, "only {} refused: nothing was tested", told.refused.len());
}

fn run_and_kill(path: &std::path::Path, round: u64, told: &mut Told) {
    let mut process = child("crash::write_until_killed", path)
        .env("ROUND", round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(process.stdout.take().unwrap());
    let reader = std::thread::spawn(move || {
        let mut lines = Vec::new();
        let mut line = String::new();
        while output.read_line(&mut line).is_ok_and(|count| count > 0) {
            // Without its newline it may be cut off.
            if line.ends_with('\n') {
                lines.push(line.trim_end().to_owned());
            }
            line.clear();
        }
        lines
    });
    // Starting takes a while; then anywhere within a quarter of a second, at another moment each round.
    std::thread::sleep(Duration::from_millis(60 + round * 7_919 % 251));
    process.kill().unwrap();
    process.wait().unwrap();
    for line in reader.join().unwrap() {
        match line.split_once(' ').map(|(what, number)| (what, number.parse::<u64>())) {
            Some(("+", Ok(number))) => assert!(told.acknowledged.insert(number)),
            Some(("-", Ok(number))) => assert!(told.refused.insert(number)),
            // What the test runner says.
            _ => {}
        }
    }
}

fn check(path: &std::path::Path, told: &Told, round: u64) {
    let raw = rusqlite::Connection::open(path).unwrap();
    let checked: String = raw.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(checked, "ok", "after round {round}");
    let mut select = raw.prepare("SELECT id FROM one_time_links").unwrap();
    let there: HashSet<[u8; 16]> =
        select.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    for number in &told.acknowledged {
        for row in [*number, number + 1] {
            assert!(there.contains(id(row).as_bytes()), "round {round}: {row} was acknowledged and is lost");
        }
    }
    for number in &told.refused {
        assert!(!there.contains(id(*number).as_bytes()), "round {round}: {number} was refused and is there");
    }
    // Committed and not yet acknowledged may be there, but never by half.
    for key in &there {
        let number = u64::from_be_bytes(key[..8].try_into().unwrap());
        assert!(
            there.contains(id(number ^ 1).as_bytes()),
            "round {round}: {number} is there without its neighbour"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by another test in a process of its own"]
async fn write_until_killed() {
    let round: u64 = throwaway::variable("ROUND").and_then(|round| round.to_str()?.parse().ok()).unwrap();
    let mut options = Options::at(childs_database());
    // Small limits: checkpoints, full queues and passed deadlines all happen in the little time there is.
    options.wal_soft_limit = 256 * 1024;
    options.max_queued = 48;
    options.write_deadline = Duration::from_millis(5);
    let store = Store::open(&options).await.unwrap().store;
    let next = Arc::new(AtomicU64::new(round * NUMBERS));
    for task in 0..64 {
        let (store, next) = (store.clone(), Arc::clone(&next));
        tokio::spawn(async move {
            loop {
                let number = next.fetch_add(2, Ordering::Relaxed);
                let mut steps = vec![insert(number), insert(number + 1)];
                if task % 8 == 0 {
                    // Refused by its last step.
                    steps.push(spend(u64::MAX, 1));
                }
                let answer = store.write(Do(steps)).await;
                let sign = if answer.as_ref().is_ok_and(|applied| applied.is_done()) { '+' } else { '-' };
                writeln!(std::io::stdout().lock(), "{sign} {number}").unwrap();
                if answer.is_err() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        });
    }
    std::future::pending::<()>().await;
}
