//! How work is asked for: by callers that each wait for their answer (a closed loop), or at a rate whatever becomes of it (an open loop). Knows
//! no store and no row.

use crate::contract::StorageError;
use crate::engine::clock;
use crate::measure::MeasureError;
use crate::measure::waits::Waits;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// So long the open loop sleeps when nothing is due: the runtime's timer counts milliseconds, which is too coarse.
const NAP: Duration = Duration::from_micros(50);

/// What a loop saw.
pub(super) struct Seen {
    pub(super) waits: Waits,
    pub(super) took: Duration,
    /// Turned away because too much was waiting.
    pub(super) refused: u64,
}

impl Seen {
    pub(super) fn nothing() -> Self {
        Self { waits: Waits::new(), took: Duration::ZERO, refused: 0 }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.waits.add(&other.waits);
        self.took += other.took;
        self.refused += other.refused;
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate, for people")]
    pub(super) fn per_second(&self) -> f64 {
        self.waits.latency().count as f64 / self.took.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

/// What callers of one loop share.
#[derive(Clone)]
struct Shared {
    seen: Arc<Mutex<Seen>>,
    failure: Arc<Mutex<Option<MeasureError>>>,
    stop: Arc<AtomicBool>,
}

impl Shared {
    fn new() -> Self {
        Self { seen: Arc::new(Mutex::new(Seen::nothing())), failure: Arc::default(), stop: Arc::default() }
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Counts an answer to what was due at an instant. The first failure ends the loop.
    fn answered(&self, due: Instant, answer: Result<(), MeasureError>) {
        match answer {
            Ok(()) => lock(&self.seen).waits.record(due.elapsed()),
            Err(MeasureError::Store(StorageError::Overloaded { .. })) => lock(&self.seen).refused += 1,
            Err(error) => {
                lock(&self.failure).get_or_insert(error);
                self.stop.store(true, Ordering::Relaxed);
            }
        }
    }

    fn ended(self, took: Duration) -> Result<Seen, MeasureError> {
        if let Some(failure) = lock(&self.failure).take() {
            return Err(failure);
        }
        let seen = std::mem::replace(&mut *lock(&self.seen), Seen::nothing());
        Ok(Seen { took, ..seen })
    }
}

/// A loop that is given up ends.
struct StopOnLeaving(Arc<AtomicBool>);

impl Drop for StopOnLeaving {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// So many callers, each waiting for its answer before it asks again; until `length` is over, or `most` were asked for. Each is told how many
/// came before.
pub(super) async fn closed<A, F>(
    callers: usize,
    length: Duration,
    most: u64,
    ask: A,
) -> Result<Seen, MeasureError>
where
    A: Fn(u64) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<(), MeasureError>> + Send + 'static,
{
    let (shared, next) = (Shared::new(), Arc::new(AtomicU64::new(0)));
    let _on_leaving = StopOnLeaving(Arc::clone(&shared.stop));
    let (done, mut all_done) = mpsc::channel::<()>(1);
    let began = clock::now();
    for _ in 0..callers {
        let (ask, shared, next, done) = (ask.clone(), shared.clone(), Arc::clone(&next), done.clone());
        tokio::spawn(async move {
            let _gone = done;
            while !shared.stopped() {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= most {
                    break;
                }
                let since = clock::now();
                let answer = ask(number).await;
                shared.answered(since, answer);
                // An answer that never waits must not keep the thread from the others.
                tokio::task::consume_budget().await;
            }
        });
    }
    drop(done);
    // Nothing is ever sent: the channel closes when the last caller is gone.
    let early = tokio::time::timeout(length, all_done.recv()).await.is_ok();
    shared.stop.store(true, Ordering::Relaxed);
    if !early {
        all_done.recv().await;
    }
    shared.ended(began.elapsed())
}

/// So many per second, whatever becomes of them, until `length` is over or `over` says so; a wait counts from the instant at which something was
/// due, so that a stall is charged to everything it held up.
pub(super) async fn open<A, F>(
    rate: u32,
    length: Duration,
    mut over: impl FnMut() -> bool + Send + 'static,
    ask: A,
) -> Result<Seen, MeasureError>
where
    A: Fn(u64) -> F + Send + 'static,
    F: Future<Output = Result<(), MeasureError>> + Send + 'static,
{
    let shared = Shared::new();
    let _on_leaving = StopOnLeaving(Arc::clone(&shared.stop));
    let (done, mut all_done) = mpsc::channel::<()>(1);
    let (asking, runtime, began) = (shared.clone(), Handle::current(), clock::now());
    // A thread of its own: what it spawns is what callers would be.
    let generate = move || {
        let (mut number, mut due) = (0, began);
        while !asking.stopped() && due.duration_since(began) < length && !over() {
            let now = clock::now();
            while due <= now && due.duration_since(began) < length {
                let (answer, shared, gone) = (ask(number), asking.clone(), done.clone());
                runtime.spawn(async move {
                    let _gone = gone;
                    shared.answered(due, answer.await);
                });
                number += 1;
                due = began + Duration::from_secs_f64(as_float(number) / f64::from(rate));
            }
            std::thread::sleep(NAP);
        }
        clock::now()
    };
    let thread = std::thread::Builder::new().name("measure-load".to_owned()).spawn(generate);
    let thread = thread.map_err(|error| MeasureError::Failed(error.to_string()))?;
    all_done.recv().await;
    let ended = thread.join().unwrap_or_else(|_| clock::now());
    shared.ended(ended.saturating_duration_since(began))
}

#[expect(clippy::cast_precision_loss, reason = "a count of requests is far below 2^52")]
fn as_float(number: u64) -> f64 {
    number as f64
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn an_open_loop_charges_a_stall_to_all_that_it_held_up() {
        let seen = open(
            1_000,
            Duration::from_millis(200),
            || false,
            |number| async move {
                if number == 0 {
                    // The one thread that answers stands still.
                    std::thread::sleep(Duration::from_millis(100));
                }
                Ok(())
            },
        );
        let latency = seen.await.expect("measured").waits.latency();
        assert_eq!(latency.count, 200);
        // A hundred fell due meanwhile; on average they waited half of it.
        assert!(latency.p99 > Duration::from_millis(90), "{latency:?}");
    }

    #[tokio::test]
    async fn a_closed_loop_asks_no_more_than_it_may_and_ends_by_itself() {
        let asked = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&asked);
        let seen = closed(4, Duration::from_secs(60), 50, move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            async { Ok(()) }
        });
        assert_eq!(seen.await.expect("measured").waits.latency().count, 50);
        assert_eq!(asked.load(Ordering::Relaxed), 50);
    }

    #[tokio::test]
    async fn what_is_turned_away_is_counted_and_a_failure_ends_the_loop() {
        let overloaded = StorageError::Overloaded { retry_after: Duration::ZERO };
        let seen = open(
            1_000,
            Duration::from_millis(50),
            || false,
            move |_| {
                let overloaded = overloaded.clone();
                async { Err(overloaded.into()) }
            },
        );
        let seen = seen.await.expect("measured");
        assert_eq!((seen.refused, seen.waits.latency().count), (50, 0));
        let failed = closed(2, Duration::from_secs(60), u64::MAX, |_| async { Err(MeasureError::Refused) });
        assert!(matches!(failed.await, Err(MeasureError::Refused)));
    }
}
