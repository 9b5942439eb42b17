//! One hashing thread: takes tasks, computes, answers.
//!
//! Owns what the work for each kind of request is, and the thread's priority. Refuses to know who may join the queue.

use secrecy::{ExposeSecret, SecretString};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::Verdict;
use super::queue::{Next, Shared, Task};
use crate::hasher::{Failed, Hasher, MAX_PASSWORD_BYTES, SALT_BYTES};
use crate::monotonic;
use crate::params::Argon2Params;
use crate::stored::Stored;
use crate::text::{prepared, spellings};

/// A thread without work for this long gives its hashing memory back.
const KEEP_MEMORY: Duration = Duration::from_secs(2);

pub(super) fn start(shared: Arc<Shared>, number: usize) -> std::io::Result<()> {
    std::thread::Builder::new().name(format!("hash-{number}")).spawn(move || run(&shared, number == 0))?;
    Ok(())
}

fn run(shared: &Shared, measures: bool) {
    let mut hasher = Hasher::default();
    if measures {
        // Before the priority drops: what else starts at the same time would be measured with it.
        measure(shared, &mut hasher);
    }
    lower_priority(shared.settings.nice);
    loop {
        match shared.next(hasher.holds_memory().then_some(KEEP_MEMORY)) {
            Next::Task(task) => perform(shared, &mut hasher, task),
            Next::Idle => hasher.release(),
            Next::Closed => return,
        }
    }
}

/// One hash, so that the estimate is right for the first requests. The memory is kept if they are here already.
fn measure(shared: &Shared, hasher: &mut Hasher) {
    let start = monotonic();
    if hasher.spend(&shared.settings.params, b"measuring").is_ok()
        && shared.counters.completed.load(Relaxed) == 0
    {
        shared.mean.set(start.elapsed());
    }
    if shared.counters.queued.load(Relaxed) == 0 {
        hasher.release();
    }
}

/// Answers, or drops the answer's channel when the hash cannot be computed.
fn perform(shared: &Shared, hasher: &mut Hasher, task: Task) {
    match task {
        Task::Verify { params, password, stored, answer } => {
            let verdict = computed(shared, hasher, &params, |hasher| {
                verify(shared, hasher, &params, &password, stored.as_deref())
            });
            if let Ok(verdict) = verdict {
                let _ = answer.send(verdict);
            }
        }
        Task::Hash { params, password, answer } => {
            let hash = computed(shared, hasher, &params, |hasher| {
                make(shared, hasher, &params, password.expose_secret())
            });
            if let Ok(hash) = hash {
                let _ = answer.send(hash);
            }
        }
    }
}

/// Counts and measures the work before its answer is sent: who has an answer sees a free thread.
fn computed<T>(
    shared: &Shared,
    hasher: &mut Hasher,
    params: &Argon2Params,
    compute: impl FnOnce(&mut Hasher) -> Result<T, Failed>,
) -> Result<T, Failed> {
    let start = monotonic();
    // A panic must cost one answer, not the thread: there may be no other.
    let result = catch_unwind(AssertUnwindSafe(|| compute(hasher))).unwrap_or(Err(Failed));
    hasher.keep_only(params);
    shared.finished(start.elapsed());
    result
}

fn verify(
    shared: &Shared,
    hasher: &mut Hasher,
    params: &Argon2Params,
    password: &SecretString,
    stored: Option<&str>,
) -> Result<Verdict, Failed> {
    let typed = password.expose_secret();
    let stored = stored.map(Stored::parse);
    if let Some(Err(_)) = stored {
        shared.counters.unsupported.fetch_add(1, Relaxed);
    }
    let Some(Ok(stored)) = stored.filter(|_| typed.len() <= MAX_PASSWORD_BYTES) else {
        // No such user, nothing to compare with, or too long: takes as long as a wrong password.
        spend(shared, hasher, params, typed)?;
        return Ok(Verdict::Wrong);
    };
    let mut matching = None;
    for spelling in stored.spellings(typed) {
        shared.counters.hashes.fetch_add(1, Relaxed);
        if hasher.verify(&stored, spelling.text.as_bytes())? {
            matching = Some(spelling);
            break;
        }
    }
    let Some(matching) = matching else {
        if stored.is_quick(params) {
            // Or the time of the answer would say whose hash was taken over from another system.
            spend(shared, hasher, params, typed)?;
        }
        return Ok(Verdict::Wrong);
    };
    let is_current = stored.is_current(params) && *matching.text == *prepared(typed);
    if is_current || !matching.whole {
        return Ok(Verdict::Right);
    }
    // The password is right whether or not there is memory for a better hash now.
    Ok(make(shared, hasher, params, typed).map_or(Verdict::Right, |hash| {
        shared.counters.upgraded.fetch_add(1, Relaxed);
        Verdict::RightAndUpgraded(hash)
    }))
}

/// What a wrong password costs, when there is nothing to compare it with.
fn spend(shared: &Shared, hasher: &mut Hasher, params: &Argon2Params, typed: &str) -> Result<(), Failed> {
    let longest = typed.floor_char_boundary(MAX_PASSWORD_BYTES);
    for spelling in spellings(&typed[..longest]) {
        shared.counters.hashes.fetch_add(1, Relaxed);
        hasher.spend(params, spelling.text.as_bytes())?;
    }
    Ok(())
}

fn make(shared: &Shared, hasher: &mut Hasher, params: &Argon2Params, typed: &str) -> Result<String, Failed> {
    let mut salt = [0; SALT_BYTES];
    (shared.settings.entropy)(&mut salt);
    shared.counters.hashes.fetch_add(1, Relaxed);
    hasher.hash(params, prepared(typed).as_bytes(), salt)
}

/// Tells the scheduler that this thread computes and never hurries (SCHED_BATCH), and counts less than others. Failure is harmless:
/// hashing then competes with the rest.
#[cfg(target_os = "linux")]
fn lower_priority(nice: i32) {
    use rustix::process::{getpriority_process, setpriority_process};
    use thread_priority::{
        NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
        thread_native_id,
    };
    // On Linux, niceness belongs to the thread, and the thread's id names it.
    let thread = Some(rustix::thread::gettid());
    let Ok(inherited) = getpriority_process(thread) else { return };
    let batch = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Batch);
    if let Ok(ordinary) = 50_u8.try_into() {
        // It brings a niceness with it, which is put right at once.
        let _ = set_thread_priority_and_policy(
            thread_native_id(),
            ThreadPriority::Crossplatform(ordinary),
            batch,
        );
    }
    let _ = setpriority_process(thread, inherited.saturating_add(nice).clamp(-20, 19));
}

#[cfg(not(target_os = "linux"))]
fn lower_priority(_nice: i32) {}
