//! What every engine on a server shares: a bounded queue, a few lanes that write, a pool that reads, what is done when a connection or the
//! server goes away, and the schema. The engines are in the folders of their names; each is a [`driver::Driver`].
//!
//! Nothing here opens a connection before it is needed, and no answer says more than is known: a write was applied, was not, or, when the
//! server is gone in the middle of its commit and stays away, is undecided.

mod attempt;
mod backoff;
pub(crate) mod doctor;
pub(crate) mod driver;
mod health;
mod identity;
mod lane;
mod pool;
mod queue;
mod resolve;
mod schema;

pub(crate) use resolve::SWEPT_MARK;

use crate::contract::row::Fetched;
use crate::contract::together::{AnswerSource, Answers, Together};
use crate::contract::{Access, Applied, Database, OpenError, Statement, Steps, StorageError};
use crate::engine::job::{Claim, GiveUp, Job, Rejected};
use crate::engine::room::Room;
use crate::engine::stats::{Counters, Stats};
use crate::engine::{Options, clock};
use driver::Driver;
use health::Health;
use identity::CommitIds;
use pool::Pool;
use queue::Queue;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

/// A running engine on a server.
pub(crate) struct Network<D: Driver> {
    shared: Arc<Shared<D>>,
    /// Closed when the last lane has ended.
    ended: watch::Receiver<()>,
}

/// What callers, lanes and readers share.
struct Shared<D: Driver> {
    driver: Arc<D>,
    options: Options,
    queue: Queue,
    pool: Pool<D>,
    ids: CommitIds,
    counters: Counters,
    health: Health,
    /// The runtime that opened the store: connections live on it, whoever uses them.
    runtime: Handle,
}

/// A call whose caller does not know the engine.
pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, StorageError>> + Send + 'a>>;

/// The rows of statements that were asked together, not read yet.
pub(crate) struct Rowsets(Vec<Vec<Fetched>>);

impl Rowsets {
    /// Reads what the queries make of them.
    pub(crate) fn read<S: Together>(self, statements: S::Statements) -> Result<S::Output, StorageError> {
        // A panic here is a defect in a query; it must cost one answer.
        let read = || S::read(statements, &mut Answers(AnswerSource::Fetched(self.0.iter())));
        catch_unwind(AssertUnwindSafe(read))
            .unwrap_or_else(|_| Err(StorageError::Unavailable("a query met a defect".to_owned())))
    }
}

impl<D: Driver> Network<D> {
    /// Connects once, brings the schema up to date, and starts the lanes.
    pub(crate) async fn open(driver: D, database: &Database, options: &Options) -> Result<Self, OpenError> {
        let failed = |why| OpenError::Server { database: database.clone(), why };
        let ids = CommitIds::new().map_err(|error| failed(error.to_string()))?;
        schema::bring_up_to_date(&driver, database, options, &ids).await?;
        let shared = Arc::new(Shared {
            driver: Arc::new(driver),
            queue: Queue::new(Room::before_a_server(options.max_queued)),
            pool: Pool::new(&options.network),
            ids,
            counters: Counters::default(),
            health: Health::default(),
            runtime: Handle::current(),
            options: options.clone(),
        });
        let (end, ended) = watch::channel(());
        for _ in 0..options.network.write_connections.max(1) {
            tokio::spawn(supervise(Arc::clone(&shared), end.clone()));
        }
        Ok(Self { shared, ended })
    }

    /// Applies a command: waits for its turn, then for the commit it is part of.
    pub(crate) async fn apply(&self, steps: Steps) -> Result<Applied, StorageError> {
        if steps.as_slice().is_empty() {
            return Ok(Applied::Done);
        }
        let shared = &self.shared;
        let (answer, mut answered) = oneshot::channel();
        let claim = Claim::default();
        let job = Job { steps, claim: claim.clone(), answer, since: clock::now() };
        match shared.queue.send(job) {
            Ok(()) => {}
            Err(Rejected::Full) => {
                shared.counters.refused_queue.fetch_add(1, Relaxed);
                return Err(StorageError::Overloaded { retry_after: Duration::from_secs(1) });
            }
            Err(Rejected::Closed) => return Err(closed()),
        }
        // A caller that goes away gives its job up, unless a lane has it already.
        let _on_leaving = GiveUp(claim.clone());
        let deadline = shared.options.write_deadline;
        let answer = match tokio::time::timeout(deadline, &mut answered).await {
            Err(_elapsed) if claim.give_up() => return Err(shared.late()),
            Ok(answer) => answer,
            // A lane has it: only the truth will do.
            Err(_elapsed) => answered.await,
        };
        answer.unwrap_or_else(|_| match claim.give_up() {
            true => Err(closed()),
            false => Err(StorageError::Undecided("the write met a defect".to_owned())),
        })
    }

    /// Like [`Network::apply`], compiled once: written out in every caller, two engines' protocols would make the program half as large again.
    #[inline(never)]
    pub(crate) fn apply_boxed(&self, steps: Steps) -> Boxed<'_, Applied> {
        Box::pin(self.apply(steps))
    }

    /// Asks the statements on a connection of the pool. Compiled once, too.
    #[inline(never)]
    pub(crate) fn fetch_boxed<'a>(
        &'a self,
        statements: &'a [Statement],
        access: Access,
        snapshot: bool,
    ) -> Boxed<'a, Rowsets> {
        let scan = access == Access::Scan;
        let counter = if scan { &self.shared.counters.scans } else { &self.shared.counters.point_reads };
        counter.fetch_add(1, Relaxed);
        Box::pin(async move { pool::read(&self.shared, statements, scan, snapshot).await.map(Rowsets) })
    }

    pub(crate) fn stats(&self) -> Stats {
        let shared = &self.shared;
        Stats {
            queue_depth: shared.queue.depth(),
            oldest_wait: shared.queue.oldest_wait(),
            read_connections: shared.pool.open(),
            reads_waiting: shared.pool.waiting(),
            ..shared.counters.read()
        }
    }

    /// Why writes do not work now; nothing when they do.
    pub(crate) fn trouble(&self) -> Option<String> {
        let shared = &self.shared;
        if shared.queue.is_closed() {
            return Some("the store is closed".to_owned());
        }
        shared.health.trouble().or_else(|| {
            let late = shared.queue.oldest_wait() > shared.options.write_deadline;
            late.then(|| "writes wait past their deadline: the database is too slow".to_owned())
        })
    }

    /// Does what waits, and lets the connections go.
    pub(crate) async fn close(&self) {
        self.shared.queue.close();
        self.shared.pool.close();
        // An error means that the lanes are gone.
        let mut ended = self.ended.clone();
        while ended.changed().await.is_ok() {}
    }
}

impl<D: Driver> Drop for Network<D> {
    fn drop(&mut self) {
        self.shared.queue.close();
        self.shared.pool.close();
    }
}

impl<D: Driver> Shared<D> {
    /// The answer to a write whose deadline has passed and of which nothing was applied.
    fn late(&self) -> StorageError {
        match self.health.trouble() {
            Some(why) => {
                self.counters.failed.fetch_add(1, Relaxed);
                StorageError::Unavailable(why)
            }
            None => {
                self.counters.refused_deadline.fetch_add(1, Relaxed);
                StorageError::Overloaded { retry_after: self.options.write_deadline }
            }
        }
    }

    fn ails(&self, why: String) {
        if self.health.ails(why) {
            // Whichever lane wakes tries whether it works again, until it does.
            self.queue.poke();
        }
    }
}

/// Runs a lane; after a defect, another in its place.
async fn supervise<D: Driver>(shared: Arc<Shared<D>>, _end: watch::Sender<()>) {
    while let Err(ended) = tokio::spawn(lane::run(Arc::clone(&shared))).await {
        if !ended.is_panic() {
            return;
        }
        tracing::error!("a lane of the store met a defect and was replaced");
    }
}

fn closed() -> StorageError {
    StorageError::Unavailable("the store is closed".to_owned())
}
