//! The bounded pool of hashing threads: what a server asks to verify and make password hashes.
//!
//! Owns admission (who waits, who is refused at once), the threads and their priority, and that an unknown user
//! costs what a wrong password costs. Refuses to know users, sessions, HTTP and where random bytes come from.
//!
//! What it does not hide: until an imported user's first sign-in the hash is of another algorithm, and a wrong password
//! for that user takes that algorithm's time where that is longer.

mod door;
mod patience;
mod queue;
mod turns;
mod worker;

use meter::Reading;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::params::{Argon2Params, BadParams};
use crate::remote::{Done, Remote, RemoteStats, Remotes, Work};
use crate::text::prepared;
use crate::{MAX_PASSWORD_BYTES, monotonic};
use queue::{Shared, Task};

pub use turns::OnBehalfOf;

/// How a pool is built.
#[derive(Clone, Debug)]
pub struct PoolSettings {
    /// Hashing threads; each may use `params.memory_kib` at once.
    pub threads: usize,
    /// A request that would wait longer than this is refused at once.
    pub max_wait: Duration,
    /// The same from the first refusal on, until the queue is nearly empty: a burst may wait, a flood may not.
    pub overload_wait: Duration,
    /// Never more requests than this wait, whatever the estimate says.
    pub max_queued: usize,
    /// Added to the process's niceness for the hashing threads (Linux only), so that hashing never delays the rest.
    pub nice: i32,
    /// The cost of new hashes. Stored hashes of any other cost are replaced at the next sign-in.
    pub params: Argon2Params,
    /// Fills the buffer with random bytes, for salts.
    pub entropy: fn(&mut [u8]),
}

impl PoolSettings {
    /// One thread for each core, 3 s of waiting (0.5 s under overload), 1024 waiting, nice +10, default parameters.
    pub fn new(entropy: fn(&mut [u8])) -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            max_wait: Duration::from_secs(3),
            overload_wait: Duration::from_millis(500),
            max_queued: 1024,
            nice: 10,
            params: Argon2Params::default(),
            entropy,
        }
    }
}

/// A handle on the pool; clones share it. The threads end when the last clone is dropped.
#[derive(Clone)]
pub struct HashPool {
    handle: Arc<Handle>,
}

struct Handle {
    shared: Arc<Shared>,
    remotes: OnceLock<Arc<Remotes>>,
}

/// What one piece of work costs, and how long it may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The cost of new hashes, and of the answer about an unknown user. Must be valid.
    pub params: Argon2Params,
    /// Refused at once when it would wait longer.
    pub max_wait: Duration,
    /// In whose turn it is done.
    pub on_behalf_of: OnBehalfOf,
}

impl Terms {
    /// What is left of them after work that began then came to nothing: a caller waits once, wherever.
    pub(crate) fn since(self, began: std::time::Instant) -> Self {
        Self { max_wait: self.max_wait.saturating_sub(began.elapsed()), ..self }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.close();
    }
}

/// The answer to a password.
#[derive(Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is the user's.
    Right,
    /// It is the user's; the stored hash is outdated, and this is the one to store instead.
    RightAndUpgraded(String),
    /// It is not, or there is no such user, or the stored hash cannot be read, or it is longer than
    /// [`MAX_PASSWORD_BYTES`].
    Wrong,
}

impl fmt::Debug for Verdict {
    /// Without the hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Right => "Right",
            Self::RightAndUpgraded(_) => "RightAndUpgraded(..)",
            Self::Wrong => "Wrong",
        })
    }
}

/// The pool did not do the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refused {
    /// When there should be room again: at least a second.
    pub retry_after: Duration,
    /// Why.
    pub reason: Reason,
}

/// Why the pool refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Too many requests wait already, or there is no memory.
    #[error("too many passwords are waiting to be checked")]
    Busy,
    /// The pool is shutting down.
    #[error("the password pool is shutting down")]
    Closing,
    /// Only for new hashes: longer than [`MAX_PASSWORD_BYTES`]. Trying again does not help.
    #[error("a password may have at most {MAX_PASSWORD_BYTES} bytes")]
    PasswordTooLong,
}

/// Why no pool was started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Parameters out of range.
    #[error("the password parameters are not usable")]
    Params(#[from] BadParams),
    /// Zero threads.
    #[error("the password pool needs at least one thread")]
    NoThreads,
    /// Zero requests may wait, so none could ever be served.
    #[error("the password pool must let at least one request wait")]
    NoQueue,
    /// The system gave no thread.
    #[error("a password hashing thread could not be started")]
    Thread(#[from] std::io::Error),
}

/// What the pool is doing, and has done since it started. Read without a lock: the numbers may be a moment apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolStats {
    /// Hashing threads.
    pub threads: usize,
    /// Requests waiting.
    pub queued: usize,
    /// Requests being worked on.
    pub running: usize,
    /// Requests answered.
    pub completed: u64,
    /// Requests refused on arrival.
    pub refused: u64,
    /// Times that nobody more should be asked for a password.
    pub turned_away: u64,
    /// Requests whose caller left before their turn; not hashed.
    pub abandoned: u64,
    /// Password hashes computed, those for unknown users included.
    pub hashes: u64,
    /// Right passwords whose hash was replaced.
    pub upgraded: u64,
    /// Requests whose stored hash was of no readable format.
    pub unsupported: u64,
    /// Moving average of the time one request occupies a thread.
    pub mean_hash: Duration,
    /// How long the request begun last had waited.
    pub last_wait: Duration,
    /// How long a request arriving now would wait.
    pub estimated_wait: Duration,
    /// How long requests waited for a thread.
    pub waits: Reading,
    /// How long they occupied it.
    pub hash_times: Reading,
}

impl HashPool {
    /// Starts the threads and returns at once; the first thread measures one hash before it takes requests.
    pub fn start(settings: PoolSettings) -> Result<Self, StartError> {
        settings.params.validate()?;
        if settings.threads == 0 {
            return Err(StartError::NoThreads);
        }
        if settings.max_queued == 0 {
            return Err(StartError::NoQueue);
        }
        let shared = Arc::new(Shared::new(settings));
        // Built first: if a later thread cannot be started, dropping it ends the earlier ones.
        let pool = Self { handle: Arc::new(Handle { shared, remotes: OnceLock::new() }) };
        for number in 0..pool.shared().settings.threads {
            worker::start(Arc::clone(pool.shared()), number)?;
        }
        Ok(pool)
    }

    /// Lets other machines do a part of the work from now on. Can be said once.
    pub fn share_with(&self, machines: Vec<Arc<dyn Remote>>) {
        if !machines.is_empty() {
            self.handle.remotes.get_or_init(|| Remotes::new(machines));
        }
    }

    /// Whether there is a flood: somebody had to be refused not long ago, and every thread has work waiting. Costs next to nothing.
    pub fn is_flooded(&self) -> bool {
        self.shared().is_flooded()
    }

    /// Whether one more of these callers should be asked for a password: always, but in a flood. Then those whose turn would come soon, and of
    /// all others as many as can be checked, and a few more.
    pub fn has_room(&self, on_behalf_of: OnBehalfOf) -> bool {
        self.shared().has_room(on_behalf_of)
    }

    /// Checks a password against a stored hash, here or on another machine. `None` is an unknown user: the same work, then `Wrong`.
    pub async fn verify(
        &self,
        on_behalf_of: OnBehalfOf,
        password: SecretString,
        stored: Option<String>,
    ) -> Result<Verdict, Refused> {
        if password.expose_secret().is_empty() {
            // Nobody's password, whatever is stored: no hash is looked at.
            return Ok(Verdict::Wrong);
        }
        let terms = Terms { on_behalf_of, ..self.terms() };
        let Some(remotes) = self.handle.remotes.get() else {
            return self.verify_here(terms, password, stored).await;
        };
        let (work, began) = (Work::Verify { password, stored }, monotonic());
        match (meter::span("password.remote", remotes.perform(self, terms, &work)).await, work) {
            (Some(Done::Verdict(verdict)), _) => Ok(verdict),
            (_, Work::Verify { password, stored }) => {
                self.verify_here(terms.since(began), password, stored).await
            }
            _ => Err(self.unanswered()),
        }
    }

    /// Makes a new Argon2id hash as a PHC string, here or on another machine. A password longer than [`MAX_PASSWORD_BYTES`] is refused.
    pub async fn hash(&self, on_behalf_of: OnBehalfOf, password: SecretString) -> Result<String, Refused> {
        let terms = Terms { on_behalf_of, ..self.terms() };
        // Here already: another machine may be of an older version.
        let password = match password.expose_secret().len() <= MAX_PASSWORD_BYTES {
            true => SecretString::from(prepared(password.expose_secret()).as_str()),
            false => password,
        };
        let Some(remotes) = self.handle.remotes.get() else {
            return self.hash_here(terms, password).await;
        };
        let (work, began) = (Work::Hash { password }, monotonic());
        match (meter::span("password.remote", remotes.perform(self, terms, &work)).await, work) {
            (Some(Done::Hash(hash)), _) => Ok(hash),
            (_, Work::Hash { password }) => self.hash_here(terms.since(began), password).await,
            _ => Err(self.unanswered()),
        }
    }

    /// As [`HashPool::verify`], on this machine, on somebody's terms.
    pub async fn verify_here(
        &self,
        terms: Terms,
        password: SecretString,
        stored: Option<String>,
    ) -> Result<Verdict, Refused> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let task = Task::Verify { params: terms.params, password, stored, answer };
        let place = self.shared().submit(task, &terms)?;
        let verdict = meter::span("password", answered).await;
        drop(place);
        verdict.map_err(|_| self.unanswered())
    }

    /// As [`HashPool::hash`], on this machine, on somebody's terms.
    pub async fn hash_here(&self, terms: Terms, password: SecretString) -> Result<String, Refused> {
        if password.expose_secret().len() > MAX_PASSWORD_BYTES {
            return Err(Refused { retry_after: queue::LEAST_RETRY, reason: Reason::PasswordTooLong });
        }
        let (answer, answered) = tokio::sync::oneshot::channel();
        let task = Task::Hash { params: terms.params, password, answer };
        let place = self.shared().submit(task, &terms)?;
        let hash = meter::span("password", answered).await;
        drop(place);
        hash.map_err(|_| self.unanswered())
    }

    /// This pool's own.
    pub fn terms(&self) -> Terms {
        let PoolSettings { params, max_wait, .. } = self.shared().settings;
        Terms { params, max_wait, on_behalf_of: OnBehalfOf::default() }
    }

    /// How long a password would take here, waiting included, or nothing when it would wait too long; and what one hash takes.
    pub(crate) fn expected(&self) -> (Option<Duration>, Duration) {
        let shared = self.shared();
        let (wait, one) = (shared.estimated_wait(), shared.mean.get());
        ((wait <= shared.settings.max_wait).then_some(wait + one), one)
    }

    /// What other machines did.
    pub fn remote_stats(&self) -> Vec<RemoteStats> {
        self.handle.remotes.get().map(|remotes| remotes.stats()).unwrap_or_default()
    }

    /// Refuses what waits and what comes from now on; what runs is finished. Dropping the last clone does the same.
    pub fn close(&self) {
        self.shared().close();
    }

    /// Reads the counters.
    pub fn stats(&self) -> PoolStats {
        let shared = self.shared();
        let counters = &shared.counters;
        PoolStats {
            threads: shared.settings.threads,
            queued: counters.queued.load(Relaxed),
            running: counters.running.load(Relaxed),
            completed: counters.completed.load(Relaxed),
            refused: counters.refused.load(Relaxed),
            turned_away: counters.turned_away.load(Relaxed),
            abandoned: counters.abandoned.load(Relaxed),
            hashes: counters.hashes.load(Relaxed),
            upgraded: counters.upgraded.load(Relaxed),
            unsupported: counters.unsupported.load(Relaxed),
            mean_hash: shared.mean.get(),
            last_wait: Duration::from_nanos(counters.last_wait_nanos.load(Relaxed)),
            estimated_wait: shared.estimated_wait(),
            waits: counters.waits.read(),
            hash_times: counters.hash_times.read(),
        }
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }

    /// The thread dropped the request instead of answering: it closes, or the hash could not be computed.
    fn unanswered(&self) -> Refused {
        self.shared().refusal()
    }
}

impl fmt::Debug for HashPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashPool").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "pool/tests.rs"]
mod tests;
