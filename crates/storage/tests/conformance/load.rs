//! Commands of several steps from many callers, for as long as a fault lasts; and afterwards the reckoning: what was acknowledged is there,
//! what was refused is not, what is undecided is there whole or not at all, and nothing was applied twice. Knows no fault.

use crate::fixture::{ADD, AllLinks, Do, id, insert, one, spend};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use storage::{Applied, Step, StorageError, Store, params};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// Callers of each store.
const CALLERS: u64 = 8;
/// Numbers below are the tallies of callers.
const FIRST: u64 = 1_000;

/// Load that goes on until it is ended.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    callers: JoinSet<Vec<Told>>,
}

/// What is asked for. All but the first need no look at their counts before they are committed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// One is added to the caller's tally, and two rows are inserted.
    Tallied,
    /// Two rows are inserted.
    Rows,
    /// One row is inserted.
    Row,
}

impl Kind {
    fn of(number: u64) -> Self {
        [Self::Tallied, Self::Row, Self::Tallied, Self::Rows, Self::Row][(number / 2 % 5) as usize]
    }

    fn steps(self, caller: u64, number: u64) -> Vec<Step> {
        let refused = number.is_multiple_of(7);
        // Callers' tallies are there.
        let first = if refused && self != Self::Tallied { caller } else { number };
        let mut steps = match self {
            Self::Tallied => {
                vec![one(ADD, params![1_i64, id(caller)]), insert(number), insert(number + 1)]
            }
            Self::Rows => vec![insert(first), insert(number + 1)],
            Self::Row => vec![insert(first)],
        };
        if refused && self == Self::Tallied {
            steps.push(spend(u64::MAX, 1));
        }
        steps
    }
}

/// What one caller was told of one command.
struct Told {
    caller: u64,
    number: u64,
    answer: Result<Applied, StorageError>,
    took: Duration,
}

/// What came of it all.
#[derive(Debug, Default)]
pub(crate) struct Reckoning {
    pub(crate) done: u64,
    pub(crate) refused: u64,
    /// Overloaded or unavailable.
    pub(crate) turned_away: u64,
    pub(crate) undecided: u64,
    pub(crate) slowest: Duration,
}

impl Load {
    /// Commands of each [`Kind`] in turn. Every seventh is refused: by its last step, or because its row is there already.
    pub(crate) async fn begin(stores: &[Store]) -> Self {
        let (stop, done, next) = (Arc::default(), Arc::default(), Arc::new(AtomicU64::new(FIRST)));
        let callers = stores.len() as u64 * CALLERS;
        let tallies = (0..callers).map(insert).collect();
        assert_eq!(stores[0].write(Do(tallies)).await.unwrap(), Applied::Done);
        let mut load = Self { stop, done, callers: JoinSet::new() };
        for caller in 0..callers {
            let store = stores[caller as usize % stores.len()].clone();
            let (stop, done, next) = (Arc::clone(&load.stop), Arc::clone(&load.done), Arc::clone(&next));
            load.callers.spawn(async move {
                let mut told = Vec::new();
                while !stop.load(Relaxed) {
                    let number = next.fetch_add(2, Relaxed);
                    let asked = Instant::now();
                    let answer = store.write(Do(Kind::of(number).steps(caller, number))).await;
                    done.fetch_add(u64::from(matches!(answer, Ok(Applied::Done))), Relaxed);
                    if answer.is_err() {
                        sleep(Duration::from_millis(2)).await;
                    }
                    told.push(Told { caller, number, answer, took: asked.elapsed() });
                }
                told
            });
        }
        load
    }

    /// Waits until so many more commands were acknowledged.
    pub(crate) async fn goes_on(&self, more: u64) {
        let (until, began) = (self.done.load(Relaxed) + more, Instant::now());
        while self.done.load(Relaxed) < until {
            assert!(began.elapsed() < Duration::from_secs(60), "the load stands still");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends it, and compares what was said with what is there.
    pub(crate) async fn end(mut self, store: &Store) -> Reckoning {
        self.stop.store(true, Relaxed);
        let mut all = Vec::new();
        while let Some(told) = self.callers.join_next().await {
            all.extend(told.unwrap());
        }
        let rows: HashMap<_, _> =
            store.read(AllLinks).await.unwrap().into_iter().map(|link| (link.id, link.expires_at)).collect();
        let (mut reckoning, mut tallies) = (Reckoning::default(), HashMap::<u64, i64>::new());
        for Told { caller, number, answer, took } in all {
            let kind = Kind::of(number);
            let there = [number, number + 1].map(|number| rows.contains_key(&id(number)));
            assert_eq!(there[0] && kind != Kind::Row, there[1], "{number} is there by half: {answer:?}");
            *tallies.entry(caller).or_default() += i64::from(there[0] && kind == Kind::Tallied);
            let must_be_there = match answer {
                Ok(Applied::Done) => Some(true),
                Ok(Applied::Refused { step }) => {
                    let by = if kind == Kind::Tallied { 3 } else { 0 };
                    assert_eq!((step, number % 7), (by, 0), "{number} was applied and tried again");
                    Some(false)
                }
                Err(StorageError::Overloaded { .. } | StorageError::Unavailable(_)) => Some(false),
                Err(StorageError::Undecided(_)) => None,
                Err(ref other) => panic!("{number}: {other:?}"),
            };
            assert!(must_be_there.is_none_or(|must| must == there[0]), "{number}: {answer:?}, but {there:?}");
            reckoning.slowest = reckoning.slowest.max(took);
            match answer {
                Ok(Applied::Done) => reckoning.done += 1,
                Ok(Applied::Refused { .. }) => reckoning.refused += 1,
                Err(StorageError::Undecided(_)) => reckoning.undecided += 1,
                Err(_) => reckoning.turned_away += 1,
            }
        }
        for (caller, count) in tallies {
            assert_eq!(rows[&id(caller)] - 1_000, count, "each of caller {caller} was applied once, whole");
        }
        println!("{reckoning:?}");
        reckoning
    }
}
