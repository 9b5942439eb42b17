//! What a store does on this machine: beside its bare driver (here), as an engine on its own (`engine`), and as it grows (`growth`).
//!
//! What the contract costs: the same commands and reads by the same number of callers, through a [`Store`] and through the bare driver, turn
//! by turn, so that a machine with other work to do slows both alike. It writes, and only into scratch databases of its own, which are gone
//! afterwards.
//!
//! The driver is used plainly, and well: as many connections as the store has, statements prepared once, `BEGIN`, each step awaited and its
//! row count checked, `COMMIT`. What the store does besides (one commit for many commands, steps that travel together, records that resolve a
//! lost answer) is what is measured.

pub mod engine;
pub mod growth;
mod loops;
pub(crate) mod plain;
mod rows;
mod scratch;
mod turns;
mod waits;
mod work;

pub use scratch::Scratch;
pub use waits::Latency;

use crate::contract::{Database, OpenError, StorageError};
use crate::engine::Options;
use crate::engine::plain::Plain;
use crate::nodes::Store;
use std::sync::Arc;
use std::time::Duration;
use turns::Turns;
pub use work::Work;

/// What is measured.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How many callers at once, one line each.
    pub callers: Vec<usize>,
    /// How long each line measures either side, all turns together.
    pub length: Duration,
}

/// One kind of work by so many callers, on both sides.
#[derive(Debug, Clone)]
pub struct Line {
    /// What was done.
    pub work: Work,
    /// By how many at once, each waiting for its answer before it asks again.
    pub callers: usize,
    /// Through the contract.
    pub store: Side,
    /// Through the bare driver.
    pub driver: Side,
    /// Rate of the store per rate of the driver: the median of the turns'.
    pub ratio: f64,
}

/// One side of a line.
#[derive(Debug, Clone, Default)]
pub struct Side {
    /// Answers per second.
    pub per_second: f64,
    /// How long half of the callers waited at most.
    pub p50: Duration,
    /// How long all but one in a hundred waited at most.
    pub p99: Duration,
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// No scratch database could be made or removed.
    #[error("{0}")]
    Scratch(String),
    /// The store did not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StorageError),
    /// The bare driver failed.
    #[error("the bare driver: {0}")]
    Driver(String),
    /// The measure itself could not go on.
    #[error("{0}")]
    Failed(String),
    /// A command was refused that must not be.
    #[error("a command was refused")]
    Refused,
}

/// Measures in two scratch databases, and tells each line as soon as it is known.
///
/// # Errors
/// When a database cannot be used.
pub async fn measure(
    scratch: &Scratch,
    plan: &Plan,
    tell: &mut (dyn FnMut(&Line) + Send),
) -> Result<(), MeasureError> {
    let [ours, theirs] = scratch.made.as_slice() else {
        return Err(MeasureError::Scratch("two scratch databases are needed".to_owned()));
    };
    let options = Options::new(ours.clone());
    match theirs {
        Database::Sqlite(path) => {
            let driver = crate::engine::sqlite::plain::PlainSqlite::new(path);
            run((&options, theirs), driver, plan, tell).await
        }
        Database::Postgres(server) => {
            let driver = crate::engine::postgres::plain::PlainPostgres::new(server, &options)
                .map_err(MeasureError::Driver)?;
            run((&options, theirs), driver, plan, tell).await
        }
        Database::Mysql(server) => {
            let driver = crate::engine::mysql::plain::PlainMysql::new(server, &options)
                .map_err(MeasureError::Driver)?;
            run((&options, theirs), driver, plan, tell).await
        }
    }
}

async fn run<P: Plain>(
    (options, theirs): (&Options, &Database),
    driver: P,
    plan: &Plan,
    tell: &mut (dyn FnMut(&Line) + Send),
) -> Result<(), MeasureError> {
    let most = plan.callers.iter().copied().max().unwrap_or(1);
    // The driver's database gets the same schema and the same rows, and then the store lets it go.
    let other = Store::open(&Options::new(theirs.clone())).await?.store;
    work::fill(&other, most).await?;
    other.close().await;
    let store = Store::open(options).await?.store;
    work::fill(&store, most).await?;
    let network = &options.network;
    let driver = Arc::new(plain::Pools::new(driver, network.write_connections, network.read_connections));
    let mut turns = Turns::new(store.clone(), driver, most)?;
    let mut failure = None;
    'all: for work in Work::ALL {
        for callers in &plan.callers {
            match turns.line(work, *callers, plan.length).await {
                Ok(line) => tell(&line),
                Err(error) => {
                    failure = Some(error);
                    break 'all;
                }
            }
        }
    }
    drop(turns);
    store.close().await;
    failure.map_or(Ok(()), Err)
}
