//! A lane: one connection that writes. It takes what waits, runs it as one transaction, and tries again whatever is worth it, until the
//! deadline of its callers. Knows jobs and attempts; knows no statement.
//!
//! There is no timer: a lone write does not wait for company, and under load a batch gathers while the commits before it travel.

use crate::contract::{Applied, Steps, StorageError};
use crate::engine::clock;
use crate::engine::job::{Answer, Job};
use crate::engine::network::Shared;
use crate::engine::network::attempt::{Attempt, Spoil, attempt, in_words};
use crate::engine::network::backoff::Backoff;
use crate::engine::network::driver::{Driver, Purpose};
use crate::engine::network::queue::Turn;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// How often a server that did not work is tried by itself: a node that is not ready gets no traffic that would.
const PROBE_EVERY: Duration = Duration::from_millis(500);

struct Lane<D: Driver> {
    shared: Arc<Shared<D>>,
    connection: Option<D::Connection>,
    /// How many commands share a transaction now: fewer for a while after one had to be undone for the sake of a single command.
    limit: usize,
    connecting: Backoff,
}

/// Works until the queue is closed and empty.
pub(super) async fn run<D: Driver>(shared: Arc<Shared<D>>) {
    let limit = shared.options.network.max_batch.max(1);
    let mut lane = Lane { shared, connection: None, limit, connecting: Backoff::of_connecting() };
    loop {
        let turn = if lane.shared.health.is_ailing() {
            tokio::time::timeout(PROBE_EVERY, lane.shared.queue.wait()).await.unwrap_or(Turn::Poked)
        } else {
            lane.shared.queue.wait().await
        };
        match turn {
            Turn::Closed => return lane.shared.queue.poke(),
            Turn::Poked if lane.shared.health.is_ailing() => lane.probe().await,
            Turn::Poked => {}
            Turn::Work => {
                if lane.connected().await {
                    let jobs = lane.shared.queue.take(lane.limit);
                    let now = clock::now();
                    for job in &jobs {
                        lane.shared.counters.waits.record(now.saturating_duration_since(job.since));
                    }
                    lane.work(jobs).await;
                } else if lane.shared.queue.is_closed() {
                    // Nobody waits for a server that is gone.
                    let jobs = lane.shared.queue.take(usize::MAX);
                    let error = StorageError::Unavailable(lane.shared.health.trouble().unwrap_or_default());
                    lane.fail(jobs, &error);
                } else {
                    lane.shared.queue.drop_unwanted();
                    // Another lane may have a connection where this one gets none.
                    lane.shared.queue.poke();
                }
            }
        }
    }
}

impl<D: Driver> Lane<D> {
    /// Whether there is a connection; when there is none, tries to open one, and waits a little when that fails.
    async fn connected(&mut self) -> bool {
        let shared = &self.shared;
        if self.connection.as_ref().is_some_and(|connection| shared.driver.is_closed(connection)) {
            self.connection = None;
        }
        if self.connection.is_some() {
            return true;
        }
        let connecting = shared.driver.connect(Purpose::Write);
        let why = match tokio::time::timeout(shared.options.network.connect_deadline, connecting).await {
            Ok(Ok(connection)) => {
                shared.counters.connects.fetch_add(1, Relaxed);
                self.connection = Some(connection);
                self.connecting = Backoff::of_connecting();
                return true;
            }
            Ok(Err(error)) => in_words(error),
            Err(_elapsed) => "the database does not answer".to_owned(),
        };
        shared.health.ails(why);
        self.connecting.wait(&shared.ids).await;
        false
    }

    /// Learns whether writing works again, by a commit that means nothing.
    async fn probe(&mut self) {
        if !self.connected().await {
            return;
        }
        match attempt(&self.shared, &mut self.connection, &[]).await {
            Attempt::Committed(_) => self.shared.health.recovered(),
            Attempt::Engine(why) | Attempt::Again(why) | Attempt::Undecided(why) => {
                self.shared.health.ails(why);
            }
            Attempt::Spoiled(..) => {}
        }
    }

    /// Does these jobs, in their order, as few transactions as may be.
    async fn work(&mut self, mut jobs: VecDeque<Job>) {
        // The sizes of the next transactions, where one was spoiled: those before the culprit, then the culprit alone.
        let mut plan = VecDeque::new();
        let mut conflicts = Backoff::of_conflicts();
        while !jobs.is_empty() {
            if !self.connected().await {
                self.expire(&mut jobs);
                continue;
            }
            let size = plan.front().copied().unwrap_or(self.limit).clamp(1, jobs.len());
            let commands: Vec<&Steps> = jobs.iter().take(size).map(|job| &job.steps).collect();
            let started = clock::now();
            let attempted = attempt(&self.shared, &mut self.connection, &commands).await;
            drop(commands);
            match attempted {
                Attempt::Committed(answers) => {
                    plan.pop_front();
                    self.committed(&mut jobs, answers, clock::now().saturating_duration_since(started));
                    conflicts = Backoff::of_conflicts();
                }
                Attempt::Spoiled(index, _) if size > 1 => {
                    self.limit = (self.limit / 4).max(1);
                    plan.clear();
                    plan.extend([index, 1].into_iter().filter(|size| *size > 0));
                    self.shared.counters.retried.fetch_add(1, Relaxed);
                }
                Attempt::Spoiled(_, Spoil::Answer(answer)) => {
                    plan.pop_front();
                    self.spoiled(&mut jobs, answer);
                }
                Attempt::Spoiled(_, Spoil::Conflict(why)) => {
                    self.again(&mut jobs, &mut conflicts, &why, false).await;
                }
                Attempt::Again(why) => {
                    plan.clear();
                    self.again(&mut jobs, &mut conflicts, &why, true).await;
                }
                Attempt::Engine(why) => {
                    plan.clear();
                    self.shared.health.ails(why.clone());
                    let group = jobs.drain(..size).collect();
                    self.fail(group, &StorageError::Unavailable(why));
                }
                Attempt::Undecided(why) => {
                    plan.clear();
                    self.shared.health.ails(why.clone());
                    let group = jobs.drain(..size).collect();
                    self.fail(group, &StorageError::Undecided(why));
                    // The others have waited as long as it took to find nothing out.
                    self.expire(&mut jobs);
                }
            }
        }
    }

    fn committed(&mut self, jobs: &mut VecDeque<Job>, answers: Vec<Answer>, took: Duration) {
        let refused = answers.iter().filter(|answer| matches!(answer, Ok(Applied::Refused { .. }))).count();
        self.shared.counters.committed(answers.len(), refused, took);
        self.shared.health.recovered();
        self.limit = (self.limit * 2).min(self.shared.options.network.max_batch.max(1));
        for answer in answers {
            reply(jobs.pop_front(), answer);
        }
    }

    /// The first command, alone, is refused or wrong.
    fn spoiled(&mut self, jobs: &mut VecDeque<Job>, answer: Answer) {
        let counters = &self.shared.counters;
        counters.commands.fetch_add(1, Relaxed);
        counters.refused_commands.fetch_add(u64::from(answer.is_ok()), Relaxed);
        reply(jobs.pop_front(), answer);
    }

    /// Nothing was applied: waits a little before the next try, for those whose deadline has not passed.
    async fn again(&mut self, jobs: &mut VecDeque<Job>, conflicts: &mut Backoff, why: &str, all: bool) {
        tracing::debug!(why, "a transaction is tried again");
        self.shared.counters.retried.fetch_add(1, Relaxed);
        if all {
            self.limit = (self.limit / 2).max(1);
        }
        conflicts.wait(&self.shared.ids).await;
        self.expire(jobs);
    }

    /// Answers those whose deadline has passed. Nothing of them was applied.
    fn expire(&mut self, jobs: &mut VecDeque<Job>) {
        let now = clock::now();
        let deadline = self.shared.options.write_deadline;
        let is_late = |job: &Job| now.saturating_duration_since(job.since) > deadline;
        let (late, left) = std::mem::take(jobs).into_iter().partition(is_late);
        *jobs = left;
        let late: VecDeque<Job> = late;
        for job in late {
            reply(Some(job), Err(self.shared.late()));
        }
    }

    fn fail(&self, jobs: VecDeque<Job>, error: &StorageError) {
        tracing::error!(%error, commands = jobs.len(), "writes failed");
        self.shared.counters.failed.fetch_add(jobs.len() as u64, Relaxed);
        for mut job in jobs {
            if matches!(error, StorageError::Undecided(_)) {
                job.steps.doubt();
            }
            reply(Some(job), Err(error.clone()));
        }
    }
}

fn reply(job: Option<Job>, answer: Answer) {
    if let Some(job) = job {
        // A caller that has gone needs no answer.
        let _gone = job.answer.send(answer);
    }
}
