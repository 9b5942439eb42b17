//! Where commands and queries go. Knows that there are engines and lists them; how one works is its own folder's business.

use crate::archive::ShippingStats;
use crate::contract::together::{One, Together};
use crate::contract::{
    Announcing, AnnouncingSteps, Applied, Change, Command, Database, OpenError, Query, Steps, StorageError,
};
use crate::engine::Options;
use crate::engine::mysql::Mysql;
use crate::engine::network::Network;
use crate::engine::postgres::Postgres;
use crate::engine::sqlite::Sqlite;
use crate::engine::stats::Stats;
use crate::nodes::Node;
use crate::nodes::cursors::Cursors;
use protocol::Timestamp;
use std::sync::Arc;

/// The state of the installation. A cheap clone; the last one to go closes it.
#[derive(Clone)]
pub struct Store {
    engine: Engine,
    pub(crate) cursors: Arc<Cursors>,
    /// None while this process is not one of several.
    node: Option<Arc<Node>>,
}

/// One variant per engine.
#[derive(Clone)]
enum Engine {
    Sqlite(Arc<Sqlite>),
    Postgres(Arc<Network<Postgres>>),
    Mysql(Arc<Network<Mysql>>),
}

/// A store that is open, and what its operator should know.
pub struct Opened {
    /// The store.
    pub store: Store,
    /// Sentences for the log: a network file system, a file that others can read.
    pub warnings: Vec<String>,
}

/// What came of a command that announces changes.
#[derive(Debug)]
pub struct Written<T> {
    /// What [`Store::write`] answers.
    pub outcome: Result<T, StorageError>,
    /// What the command announces, whatever came of it.
    pub changes: Vec<Change>,
    /// It was applied, or that cannot be learned. Otherwise nothing of it was.
    pub may_have_happened: bool,
}

impl Store {
    /// Opens the database, creating and migrating it as needed. With a file it blocks; call it at start, on the runtime that will outlive
    /// the store.
    ///
    /// # Errors
    /// When another process has the file, the server cannot be reached, the database is newer than this program, damaged, or cannot be written.
    pub async fn open(options: &Options) -> Result<Opened, OpenError> {
        let mut warnings = Vec::new();
        let engine = match &options.database {
            Database::Sqlite(path) => Engine::Sqlite(Arc::new(Sqlite::open(path, options, &mut warnings)?)),
            database @ Database::Postgres(server) => {
                let failed = |why| OpenError::Server { database: database.clone(), why };
                let driver = Postgres::new(server, options).map_err(failed)?;
                Engine::Postgres(Arc::new(Network::open(driver, database, options).await?))
            }
            database @ Database::Mysql(server) => {
                let failed = |why| OpenError::Server { database: database.clone(), why };
                let driver = Mysql::new(server, options).map_err(failed)?;
                Engine::Mysql(Arc::new(Network::open(driver, database, options).await?))
            }
        };
        Ok(Opened { store: Self { engine, cursors: Arc::default(), node: None }, warnings })
    }

    /// Applies a command, all of it or nothing. Once this answers, it is durable.
    ///
    /// Dropping the future before it answers gives the command up unless the engine has begun it: then it may be applied.
    ///
    /// # Errors
    /// [`StorageError::Overloaded`] and [`StorageError::Unavailable`] mean that nothing of it was applied;
    /// [`StorageError::Undecided`] that it may or may not have been.
    pub async fn write<C: Command>(&self, command: C) -> Result<C::Outcome, StorageError> {
        let mut steps = Steps::default();
        command.steps(&mut steps);
        let applied = meter::span("store.write", self.apply(steps)).await;
        applied.map(|applied| command.outcome(applied))
    }

    /// Like [`Store::write`], and tells what the command announces: whoever holds that in memory puts it right.
    pub async fn write_announced<C: Announcing>(&self, command: C) -> Written<C::Outcome> {
        let mut steps = AnnouncingSteps::default();
        command.steps(&mut steps);
        let mut steps = steps.into_steps();
        let changes = steps.changes().to_vec();
        let applied = match self.node.as_ref().map_or(Ok(()), |node| node.announce(&mut steps)) {
            Ok(()) => meter::span("store.write", self.apply(steps)).await,
            Err(error) => Err(error),
        };
        let may_have_happened = matches!(applied, Ok(Applied::Done) | Err(StorageError::Undecided(_)));
        Written { outcome: applied.map(|applied| command.outcome(applied)), changes, may_have_happened }
    }

    /// Answers a query. It sees every write that was acknowledged before it was asked.
    ///
    /// # Errors
    /// When the engine fails, a stored value is damaged, or a scan is refused or takes too long.
    pub async fn read<Q: Query>(&self, query: Q) -> Result<Q::Output, StorageError> {
        self.answer(One(query)).await
    }

    /// Answers two or three queries, given as a tuple, from one snapshot.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn read_together<T: Together>(&self, queries: T) -> Result<T::Output, StorageError> {
        self.answer(queries).await
    }

    /// A reading of the counters.
    pub fn stats(&self) -> Stats {
        match &self.engine {
            Engine::Sqlite(engine) => engine.stats(),
            Engine::Postgres(engine) => engine.stats(),
            Engine::Mysql(engine) => engine.stats(),
        }
    }

    /// How shipping goes; nothing when nothing is shipped.
    pub fn shipping(&self) -> Option<ShippingStats> {
        match &self.engine {
            Engine::Sqlite(engine) => engine.shipping(),
            // A server has tools of its own for this.
            Engine::Postgres(_) | Engine::Mysql(_) => None,
        }
    }

    /// Remembers, for [`Store::shipping`], that a drill ended: when it succeeded, or that it did not.
    pub fn drilled(&self, succeeded_at: Option<Timestamp>) {
        match &self.engine {
            Engine::Sqlite(engine) => engine.drilled(succeeded_at),
            Engine::Postgres(_) | Engine::Mysql(_) => {}
        }
    }

    /// Why writes do not work now (disk full, read-only, closed), for readiness; nothing when they do.
    pub fn trouble(&self) -> Option<String> {
        match &self.engine {
            Engine::Sqlite(engine) => engine.trouble(),
            Engine::Postgres(engine) => engine.trouble(),
            Engine::Mysql(engine) => engine.trouble(),
        }
    }

    /// Whether reads and writes work.
    pub fn is_healthy(&self) -> bool {
        self.trouble().is_none()
    }

    /// Accepts nothing more, does what waits, and lets the database go.
    pub async fn close(&self) {
        if let Some(node) = &self.node {
            node.leave(&self.alone()).await;
        }
        match &self.engine {
            Engine::Sqlite(engine) => engine.close().await,
            Engine::Postgres(engine) => engine.close().await,
            Engine::Mysql(engine) => engine.close().await,
        }
    }

    pub(crate) fn node(&self) -> Option<&Node> {
        self.node.as_deref()
    }

    /// The same store, as one of several processes on its database.
    pub(crate) fn as_node(&self, node: Node) -> Self {
        Self { node: Some(Arc::new(node)), ..self.clone() }
    }

    /// The same store, announcing nothing.
    pub(crate) fn alone(&self) -> Self {
        Self { node: None, ..self.clone() }
    }

    async fn apply(&self, steps: Steps) -> Result<Applied, StorageError> {
        match &self.engine {
            Engine::Sqlite(engine) => engine.apply(steps).await,
            Engine::Postgres(engine) => engine.apply_boxed(steps).await,
            Engine::Mysql(engine) => engine.apply_boxed(steps).await,
        }
    }

    async fn answer<S: Together>(&self, queries: S) -> Result<S::Output, StorageError> {
        let statements = queries.statements();
        match &self.engine {
            Engine::Sqlite(engine) => engine.read::<S>(statements).await,
            Engine::Postgres(engine) => {
                let fetching = engine.fetch_boxed(statements.as_ref(), S::ACCESS, S::SNAPSHOT);
                let fetched = meter::span("store.read", fetching).await?;
                fetched.read::<S>(statements)
            }
            Engine::Mysql(engine) => {
                let fetching = engine.fetch_boxed(statements.as_ref(), S::ACCESS, S::SNAPSHOT);
                let fetched = meter::span("store.read", fetching).await?;
                fetched.read::<S>(statements)
            }
        }
    }
}
