//! Threads that do not come back. Each thread that serves connections polls one task after the other; a task that blocks (a slow disk under
//! an inline read, a lock, a computation) holds up every connection of its thread. Two things notice it: a request's own clock, exactly and
//! with its route, when the poll ends; and a watchdog, about once a second, while it lasts. Knows no route's meaning.
//!
//! A thread that is merely starved of CPU looks the same: the report says whether it was running.

use super::flood::Flood;
use meter::{Histogram, Reading};
use std::cell::OnceCell;
use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{Builder as ThreadBuilder, JoinHandle};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// How often the watchdog looks. More often would wake an idle machine.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// It formats a line of the log now and then.
const WATCHDOG_STACK: usize = 256 * 1024;

thread_local! {
    static PULSE: OnceCell<Arc<Pulse>> = const { OnceCell::new() };
}

/// The threads that are watched, and what was seen. A cheap clone. The default watches nothing.
#[derive(Clone, Debug, Default)]
pub struct Stalls(Arc<Seen>);

#[derive(Debug)]
struct Seen {
    /// A poll that takes longer is a stall; zero watches nothing.
    threshold: Duration,
    pulses: Mutex<Vec<Arc<Pulse>>>,
    /// What threads may be doing; the first is nothing that has a name.
    names: Mutex<Vec<&'static str>>,
    times: Histogram,
    lasting: AtomicUsize,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            threshold: Duration::ZERO,
            pulses: Mutex::default(),
            names: Mutex::new(vec![""]),
            times: Histogram::of_durations(),
            lasting: AtomicUsize::new(0),
        }
    }
}

/// One thread, as others see it.
#[derive(Debug)]
pub struct Pulse {
    name: String,
    /// `PID/task/TID` below `/proc`; known once the thread runs.
    task: Mutex<Option<String>>,
    /// Counts what the thread does: polls, and returns from sleep.
    beats: AtomicU64,
    /// Whether it waits for events.
    parked: AtomicBool,
    /// What it does, as a place in `names`.
    doing: AtomicU32,
}

/// What a thread does, for as long as it does it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Doing(u32);

impl Stalls {
    /// Watches the threads that are started with it; a poll that takes longer than `threshold` is a stall. Zero watches nothing.
    pub fn over(threshold: Duration) -> Self {
        Self(Arc::new(Seen { threshold, ..Seen::default() }))
    }

    /// A runtime of one thread that lets requests gather in a flood, and that thread's pulse: the thread calls [`Pulse::begin`].
    ///
    /// # Errors
    /// When the system has no room for its files.
    pub fn runtime(&self, name: String, flood: &Flood) -> io::Result<(Runtime, Arc<Pulse>)> {
        let pulse = Arc::new(Pulse {
            name,
            task: Mutex::default(),
            beats: AtomicU64::new(0),
            parked: AtomicBool::new(true),
            doing: AtomicU32::new(0),
        });
        let mut builder = Builder::new_current_thread();
        let (flood, parking) = (flood.clone(), Arc::clone(&pulse));
        builder.enable_all().on_thread_park(move || {
            parking.parked.store(true, Relaxed);
            flood.gather();
        });
        if self.is_on() {
            let unparked = Arc::clone(&pulse);
            builder.on_thread_unpark(move || {
                unparked.parked.store(false, Relaxed);
                unparked.beat();
            });
            locked(&self.0.pulses).push(Arc::clone(&pulse));
        }
        Ok((builder.build()?, pulse))
    }

    /// Starts the watchdog. Dropped, it ends.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn watch(&self) -> io::Result<Watchdog> {
        let end = Arc::new((Mutex::new(false), Condvar::new()));
        let thread = if self.is_on() {
            let (seen, end) = (Arc::clone(&self.0), Arc::clone(&end));
            let builder = ThreadBuilder::new().name("watchdog".to_owned()).stack_size(WATCHDOG_STACK);
            Some(builder.spawn(move || keep_watch(&seen, &end))?)
        } else {
            None
        };
        Ok(Watchdog { end, thread })
    }

    /// How long threads were blocked.
    pub fn times(&self) -> Reading {
        self.0.times.read()
    }

    /// How many threads are blocked now, as far as the watchdog saw.
    pub fn lasting(&self) -> usize {
        self.0.lasting.load(Relaxed)
    }

    fn is_on(&self) -> bool {
        !self.0.threshold.is_zero()
    }

    /// Something that threads may be doing.
    pub(crate) fn named(&self, name: &'static str) -> Doing {
        let mut names = locked(&self.0.names);
        names.push(name);
        Doing(u32::try_from(names.len() - 1).unwrap_or(0))
    }

    /// One poll of a request took so long.
    pub(crate) fn polled(&self, doing: Doing, took: Duration) {
        if took > self.0.threshold && self.is_on() {
            self.0.times.record(took);
            let route = self.0.name(doing.0);
            let blocked_ms = millis(took);
            tracing::warn!(route, blocked_ms, "a request blocked its thread, and every connection on it");
        }
    }
}

/// This thread begins, or goes on with, something. A request pays for it.
pub(crate) fn doing(what: Doing) {
    PULSE.with(|pulse| {
        if let Some(pulse) = pulse.get() {
            pulse.doing.store(what.0, Relaxed);
        }
    });
}

/// This thread polls a connection.
pub(crate) fn beat() {
    PULSE.with(|pulse| {
        if let Some(pulse) = pulse.get() {
            pulse.beat();
        }
    });
}

impl Pulse {
    /// The calling thread is the one that runs the runtime, until the guard is dropped.
    pub fn begin(self: &Arc<Self>) -> Begun {
        let task = std::fs::read_link("/proc/thread-self").ok();
        *locked(&self.task) = task.map(|task| task.to_string_lossy().into_owned());
        // A thread that runs several runtimes, as tests do, is known by the first.
        PULSE.with(|pulse| pulse.set(Arc::clone(self)).ok());
        Begun(Arc::clone(self))
    }

    fn beat(&self) {
        // Only its own thread writes: no need for an addition that others wait for.
        self.beats.store(self.beats.load(Relaxed).wrapping_add(1), Relaxed);
    }

    /// What it does, if it has not come back since.
    fn stuck_since(&self, beats: u64) -> bool {
        !self.parked.load(Relaxed) && self.beats.load(Relaxed) == beats
    }

    /// What the system says: running (R), asleep (S) or waiting for a disk (D), and where in the kernel.
    fn state(&self) -> (String, String) {
        let read = |what: &str| {
            let task = locked(&self.task).clone()?;
            std::fs::read_to_string(format!("/proc/{task}/{what}")).ok()
        };
        let stat = read("stat").unwrap_or_default();
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        (state.map(String::from).unwrap_or_default(), read("wchan").unwrap_or_default())
    }
}

/// A thread that runs its runtime.
#[must_use = "a thread that does not run its runtime is not watched"]
#[derive(Debug)]
pub struct Begun(Arc<Pulse>);

impl Drop for Begun {
    fn drop(&mut self) {
        // Whoever has nothing to do any more is not blocked.
        self.0.parked.store(true, Relaxed);
    }
}

impl Seen {
    fn name(&self, doing: u32) -> &'static str {
        locked(&self.names).get(doing as usize).copied().unwrap_or_default()
    }

    fn pulses(&self) -> Vec<Arc<Pulse>> {
        locked(&self.pulses).clone()
    }
}

/// Looks after the threads until it is dropped.
#[must_use = "it ends when it is dropped"]
#[derive(Debug)]
pub struct Watchdog {
    end: Arc<End>,
    thread: Option<JoinHandle<()>>,
}

type End = (Mutex<bool>, Condvar);

impl Drop for Watchdog {
    fn drop(&mut self) {
        *locked(&self.end.0) = true;
        self.end.1.notify_all();
        if let Some(thread) = self.thread.take() {
            // It has nothing to say that would matter now.
            thread.join().ok();
        }
    }
}

/// A thread under watch.
struct Watched {
    pulse: Arc<Pulse>,
    /// Since when, and at which beat, it was found busy.
    busy: Option<(Instant, u64)>,
    reported: bool,
    in_request: bool,
}

fn keep_watch(seen: &Seen, end: &End) {
    let watched = |pulse| Watched { pulse, busy: None, reported: false, in_request: false };
    let mut threads: Vec<Watched> = seen.pulses().into_iter().map(watched).collect();
    loop {
        let some_blocked = threads.iter().any(|thread| thread.reported);
        if ends_within(end, if some_blocked { seen.threshold } else { LOOK_EVERY }) {
            return;
        }
        for thread in &mut threads {
            thread.look(seen);
        }
        // An idle machine is not woken a second time.
        if threads.iter().any(|thread| thread.busy.is_some() && !thread.reported) {
            if ends_within(end, seen.threshold) {
                return;
            }
            for thread in &mut threads {
                thread.look_again(seen);
            }
        }
        seen.lasting.store(threads.iter().filter(|thread| thread.reported).count(), Relaxed);
    }
}

impl Watched {
    fn look(&mut self, seen: &Seen) {
        if let Some((since, beats)) = self.busy
            && self.reported
        {
            if self.pulse.stuck_since(beats) {
                return;
            }
            self.over(seen, since);
        }
        let beats = self.pulse.beats.load(Relaxed);
        self.busy = (!self.pulse.parked.load(Relaxed)).then(|| (monotonic(), beats));
    }

    fn look_again(&mut self, seen: &Seen) {
        match self.busy {
            Some((since, beats)) if self.pulse.stuck_since(beats) => {
                if !std::mem::replace(&mut self.reported, true) {
                    self.report(seen, since);
                }
            }
            _ => self.busy = None,
        }
    }

    fn report(&mut self, seen: &Seen, since: Instant) {
        let doing = self.pulse.doing.load(Relaxed);
        self.in_request = doing != 0;
        let (state, kernel) = self.pulse.state();
        tracing::warn!(
            thread = self.pulse.name,
            route = seen.name(doing),
            state,
            kernel,
            blocked_ms = millis(since.elapsed()),
            "a thread is blocked, and every connection on it"
        );
    }

    fn over(&mut self, seen: &Seen, since: Instant) {
        self.reported = false;
        let took = since.elapsed();
        // A request has counted its own.
        if !self.in_request {
            seen.times.record(took);
        }
        let blocked_ms = millis(took);
        tracing::info!(thread = self.pulse.name, blocked_ms, "the thread goes on");
    }
}

/// Waits so long, or for the end.
fn ends_within(end: &End, time: Duration) -> bool {
    let ended = locked(&end.0);
    let waited = end.1.wait_timeout_while(ended, time, |ended| !*ended);
    *waited.unwrap_or_else(PoisonError::into_inner).0
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::disallowed_methods, reason = "how long a thread was blocked is measured, not decided by")]
fn monotonic() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits for what the watchdog does in its own time.
    fn until(what: &str, holds: impl Fn() -> bool) {
        let began = monotonic();
        while !holds() {
            assert!(began.elapsed() < Duration::from_secs(30), "{what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_thread_that_blocks_is_seen_while_it_lasts_and_counted_when_it_goes_on() {
        let stalls = Stalls::over(Duration::from_millis(50));
        let (runtime, pulse) = stalls.runtime("under test".to_owned(), &Flood::default()).expect("a runtime");
        let watchdog = stalls.watch().expect("a watchdog");
        let (go_on, wait) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let _begun = pulse.begin();
            runtime.block_on(async {
                tokio::time::sleep(Duration::from_millis(10)).await;
                // Not in async fashion: that is the point.
                wait.recv().expect("a word");
                tokio::time::sleep(Duration::from_millis(10)).await;
            });
        });
        until("it is seen", || stalls.lasting() == 1);
        assert_eq!(stalls.times().count(), 0, "it lasts");
        go_on.send(()).expect("it waits");
        until("it is over", || stalls.lasting() == 0 && stalls.times().count() == 1);
        assert!(stalls.times().time() >= Duration::from_millis(50), "{:?}", stalls.times().time());
        thread.join().expect("it ends");
        drop(watchdog);
    }

    #[test]
    fn a_thread_that_sleeps_or_works_in_small_pieces_is_not_blocked() {
        let stalls = Stalls::over(Duration::from_millis(200));
        let (runtime, pulse) = stalls.runtime("under test".to_owned(), &Flood::default()).expect("a runtime");
        let _watchdog = stalls.watch().expect("a watchdog");
        let _begun = pulse.begin();
        runtime.block_on(async {
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            let began = monotonic();
            while began.elapsed() < Duration::from_millis(1_500) {
                beat();
                tokio::task::yield_now().await;
            }
        });
        assert_eq!((stalls.times().count(), stalls.lasting()), (0, 0));
    }

    #[test]
    fn a_poll_over_the_threshold_is_counted_and_nothing_is_when_it_is_off() {
        for (threshold, counted) in [(100, 1), (0, 0)] {
            let stalls = Stalls::over(Duration::from_millis(threshold));
            let doing = stalls.named("/somewhere");
            stalls.polled(doing, Duration::from_millis(99));
            stalls.polled(doing, Duration::from_millis(101));
            assert_eq!(stalls.times().count(), counted);
        }
    }
}
