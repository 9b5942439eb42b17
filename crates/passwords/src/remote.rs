//! Password work that another machine does: what it is asked, and what happens when it does not answer.
//!
//! Owns the order of attempts: whoever is done first, at most one more after a failure, then this machine. Refuses to know how others are reached;
//! that is handed in as [`Remote`].

use secrecy::{ExposeSecret, SecretString};
use std::pin::Pin;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::balance::{Balancer, Begun, Probe, Turned};
use crate::hasher::MAX_PASSWORD_BYTES;
use crate::monotonic;
use crate::params::Argon2Params;
use crate::pool::{HashPool, Terms, Verdict};
use crate::stored::{Cost, Stored};

/// So many machines are asked for one password, before it is done here.
const ATTEMPTS: usize = 2;

/// So many times the work of a hash of today is about as much.
const ABOUT: u64 = 4;

/// What another machine is asked.
pub enum Work {
    /// Whether this is the password of the stored hash; of nobody when there is none, at the same cost.
    Verify {
        /// What was typed.
        password: SecretString,
        /// The stored hash.
        stored: Option<String>,
    },
    /// A new hash.
    Hash {
        /// The new password.
        password: SecretString,
    },
    /// How it is.
    Nothing,
}

/// What it says.
#[derive(Clone, PartialEq, Eq)]
pub enum Done {
    /// To [`Work::Verify`].
    Verdict(Verdict),
    /// To [`Work::Hash`].
    Hash(String),
    /// To [`Work::Nothing`].
    Nothing,
}

/// Why it says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// It has too much to do, and may have less after so long.
    Busy(Duration),
    /// It cannot be reached, or does not answer in time, or with what cannot be believed.
    Failed,
}

/// An answer under way, with how many passwords that machine hashes at once.
pub type Asking<'a> = Pin<Box<dyn Future<Output = Result<(Done, usize), Unanswered>> + Send + 'a>>;

/// Another machine that does password work. Whatever it answers is believed: whoever implements this makes sure that it is the machine that is meant.
pub trait Remote: Send + Sync + 'static {
    /// For people.
    fn name(&self) -> &str;

    /// Asks, and waits no longer than a while that it knows.
    fn ask<'a>(&'a self, terms: Terms, work: &'a Work) -> Asking<'a>;

    /// It is not asked any more, or again: for a log.
    fn turned(&self, usable: bool);
}

/// What another machine has done for us.
#[derive(Clone, Debug)]
pub struct RemoteStats {
    /// For people.
    pub name: String,
    /// Whether it is asked at all; if not, it is probed from time to time.
    pub usable: bool,
    /// What it is asked right now.
    pub outstanding: usize,
    /// How long one more password is expected to take there.
    pub expected: Duration,
    /// Passwords it has answered.
    pub answered: u64,
    /// Passwords it had too much to do for.
    pub busy: u64,
    /// Passwords and probes it failed.
    pub failed: u64,
}

/// The other machines.
pub(crate) struct Remotes {
    machines: Vec<(Arc<dyn Remote>, Counters)>,
    balancer: Mutex<Balancer>,
}

#[derive(Default)]
struct Counters {
    answered: AtomicU64,
    busy: AtomicU64,
    failed: AtomicU64,
}

impl Remotes {
    pub(crate) fn new(machines: Vec<Arc<dyn Remote>>) -> Arc<Self> {
        let balancer = Mutex::new(Balancer::of(machines.len()));
        let machines = machines.into_iter().map(|machine| (machine, Counters::default())).collect();
        Arc::new(Self { machines, balancer })
    }

    /// What another machine made of it; nothing when it is to be done here, as ever.
    pub(crate) async fn perform(
        self: &Arc<Self>,
        pool: &HashPool,
        terms: Terms,
        work: &Work,
    ) -> Option<Done> {
        if !work.takes_as_long_as(&terms.params) {
            return None;
        }
        self.probe_who_is_due(pool.terms());
        let (mut tried, began) = (Vec::new(), monotonic());
        while tried.len() < ATTEMPTS && began.elapsed() < terms.max_wait {
            let (here, one) = pool.expected();
            let (number, begun) = self.balancer().choose(monotonic(), here, one, &tried)?;
            if let Some(done) = self.ask(number, begun, terms.since(began), work).await {
                return Some(done);
            }
            tried.push(number);
        }
        None
    }

    pub(crate) fn stats(&self) -> Vec<RemoteStats> {
        let balancer = self.balancer();
        let seen = self.machines.iter().enumerate().filter_map(|(number, (machine, counters))| {
            let (outstanding, usable, expected) = balancer.seen(number)?;
            Some(RemoteStats {
                name: machine.name().to_owned(),
                usable,
                outstanding,
                expected,
                answered: counters.answered.load(Relaxed),
                busy: counters.busy.load(Relaxed),
                failed: counters.failed.load(Relaxed),
            })
        });
        seen.collect()
    }

    async fn ask(&self, number: usize, begun: Begun, terms: Terms, work: &Work) -> Option<Done> {
        let (machine, counters) = self.machines.get(number)?;
        let mut outstanding = Outstanding { remotes: self, number, ended: false };
        let answer = machine.ask(terms, work).await;
        outstanding.ended = true;
        let now = monotonic();
        match answer {
            Ok((done, threads)) if work.is_answered_by(&done) => {
                counters.answered.fetch_add(1, Relaxed);
                self.balancer().answered(number, now, begun, threads);
                Some(done)
            }
            Err(Unanswered::Busy(for_another)) => {
                counters.busy.fetch_add(1, Relaxed);
                self.balancer().was_busy(number, now, for_another);
                None
            }
            Ok(_) | Err(Unanswered::Failed) => {
                counters.failed.fetch_add(1, Relaxed);
                let turned = self.balancer().failed(number, now);
                tell(machine.as_ref(), turned);
                None
            }
        }
    }

    /// Nobody waits for a probe: a machine that hangs costs no one a sign-in.
    fn probe_who_is_due(self: &Arc<Self>, terms: Terms) {
        loop {
            let due = self.balancer().due(monotonic());
            let Some(number) = due else { return };
            let remotes = Arc::clone(self);
            tokio::spawn(async move { remotes.probe(number, terms).await });
        }
    }

    async fn probe(&self, number: usize, terms: Terms) {
        let Some((machine, counters)) = self.machines.get(number) else { return };
        let began = monotonic();
        // The work of a sign-in, so that what it takes is known afterwards.
        let nobodys = Work::Verify { password: SecretString::from(String::new()), stored: None };
        let answer = machine.ask(terms, &nobodys).await;
        let now = monotonic();
        let probe = match answer {
            Ok((Done::Verdict(Verdict::Wrong), threads)) => {
                Probe::Took(now.saturating_duration_since(began), threads)
            }
            Err(Unanswered::Busy(_)) => Probe::Busy,
            Ok(_) | Err(Unanswered::Failed) => Probe::Failed,
        };
        if probe == Probe::Failed {
            counters.failed.fetch_add(1, Relaxed);
        }
        let turned = self.balancer().probed(number, now, probe);
        tell(machine.as_ref(), turned);
    }

    fn balancer(&self) -> MutexGuard<'_, Balancer> {
        self.balancer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tell(machine: &dyn Remote, turned: Turned) {
    match turned {
        Turned::Nothing => {}
        Turned::Away => machine.turned(false),
        Turned::Back => machine.turned(true),
    }
}

/// A caller that leaves while it waits gives its place back.
struct Outstanding<'a> {
    remotes: &'a Remotes,
    number: usize,
    ended: bool,
}

impl Drop for Outstanding<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.remotes.balancer().abandoned(self.number);
        }
    }
}

impl Work {
    /// Whether it is known how long it takes: about as long as a hash of today. A hash of another make may take a second, and a machine that works on
    /// it must not be taken for one that hangs; it is replaced at the first sign-in, so there are few. What no machine would accept stays here too.
    fn takes_as_long_as(&self, params: &Argon2Params) -> bool {
        let (password, stored) = match self {
            Self::Verify { password, stored } => (password, stored.as_deref()),
            Self::Hash { password } => (password, None),
            Self::Nothing => return true,
        };
        let alike = |stored: &str| match Stored::parse(stored).map(|stored| stored.cost) {
            Ok(Cost::Argon2 { params: its, .. }) => its.work() <= ABOUT * params.work(),
            _ => false,
        };
        password.expose_secret().len() <= MAX_PASSWORD_BYTES && stored.is_none_or(alike)
    }

    fn is_answered_by(&self, done: &Done) -> bool {
        matches!((self, done), (Self::Verify { .. }, Done::Verdict(_)) | (Self::Hash { .. }, Done::Hash(_)))
    }
}

#[cfg(test)]
mod tests;
