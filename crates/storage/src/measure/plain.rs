//! A driver used plainly: what each engine must do by hand, and the connections that callers share. Knows no queue, no batch and no retry.

use crate::contract::{Statement, Steps};
use crate::network::driver::Purpose;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;

/// A driver, without the contract. Errors are words.
pub(crate) trait Plain: Send + Sync + 'static {
    /// One connection, ready to use.
    type Connection: Send + 'static;

    /// Opens a connection.
    fn connect(&self, use_: Use) -> impl Future<Output = Result<Self::Connection, String>> + Send;

    /// One transaction: `BEGIN`, each step with its row count checked, `COMMIT`.
    fn write(
        &self,
        connection: &mut Self::Connection,
        steps: &Steps,
    ) -> impl Future<Output = Result<(), String>> + Send;

    /// The refresh token that the statement finds, read into plain types.
    fn read(
        &self,
        connection: &mut Self::Connection,
        statement: &Statement,
    ) -> impl Future<Output = Result<Option<Found>, String>> + Send;

    /// How many connections of a use are worth having; the store's numbers where nothing speaks against them.
    fn worth(&self, _use: Use, as_many: usize) -> usize {
        as_many
    }
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Write,
    Read,
}

impl From<Use> for Purpose {
    fn from(use_: Use) -> Self {
        match use_ {
            Use::Write => Self::Write,
            Use::Read => Self::Read,
        }
    }
}

/// A refresh token as a program would read it: id, secret's hash, grant, client, generation, three times, successor.
pub(crate) type Found = (Vec<u8>, Vec<u8>, Vec<u8>, String, i64, i64, i64, Option<i64>, Option<Vec<u8>>);

/// The connections: some to write, some to read.
pub(super) struct Pools<P: Plain> {
    driver: P,
    write: Pool<P::Connection>,
    read: Pool<P::Connection>,
}

struct Pool<C> {
    free: Semaphore,
    idle: Mutex<Vec<C>>,
}

impl<P: Plain> Pools<P> {
    pub(super) fn new(driver: P, write: usize, read: usize) -> Self {
        let pool = |count| Pool { free: Semaphore::new(count), idle: Mutex::default() };
        let (write, read) = (driver.worth(Use::Write, write), driver.worth(Use::Read, read));
        Self { driver, write: pool(write), read: pool(read) }
    }

    pub(super) async fn write(&self, steps: &Steps) -> Result<(), String> {
        let _turn = self.write.free.acquire().await.map_err(|error| error.to_string())?;
        let mut connection = self.take(Use::Write).await?;
        self.driver.write(&mut connection, steps).await?;
        self.write.idle().push(connection);
        Ok(())
    }

    pub(super) async fn read(&self, statement: &Statement) -> Result<Option<Found>, String> {
        let _turn = self.read.free.acquire().await.map_err(|error| error.to_string())?;
        let mut connection = self.take(Use::Read).await?;
        let found = self.driver.read(&mut connection, statement).await?;
        self.read.idle().push(connection);
        Ok(found)
    }

    async fn take(&self, use_: Use) -> Result<P::Connection, String> {
        let pool = match use_ {
            Use::Write => &self.write,
            Use::Read => &self.read,
        };
        let idle = pool.idle().pop();
        match idle {
            Some(connection) => Ok(connection),
            None => self.driver.connect(use_).await,
        }
    }
}

impl<C> Pool<C> {
    fn idle(&self) -> MutexGuard<'_, Vec<C>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
