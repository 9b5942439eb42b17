//! The connections that callers of a driver used plainly share. Knows no queue, no batch and no retry.

use crate::contract::{Statement, Steps};
use crate::engine::plain::{Found, Plain, Use};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;

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
