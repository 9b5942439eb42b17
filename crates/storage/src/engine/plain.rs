//! What each driver must do by hand to be used without the contract, for measuring what the contract costs.

use crate::contract::{Statement, Steps};
use crate::engine::network::driver::Purpose;
use std::future::Future;

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
