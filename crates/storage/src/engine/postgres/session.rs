//! Where a transaction's settings come from: the session they were made for, or, behind a pooler that gives each transaction another session, the
//! transaction itself. Found out as a connection is opened: only a session of our own has what we asked for when it began.

use super::error;
use crate::contract::value::Value;
use crate::engine::network::driver::{DriverError, Purpose};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tokio_postgres::types::Type;

/// What only a session of our own has. Poolers refuse or drop what a session is to begin with, or give us one that began otherwise.
const OURS: &str = "doorward.session";
/// Whether it has it; and then nothing is ever changed by a session that reads.
pub(super) const IS_OURS: &str = "SELECT current_setting('doorward.session', true)";
pub(super) const READ_ONLY: &str = "SET default_transaction_read_only = on";

const READ_COMMITTED: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// The server's own time-outs; zero is none. `idle` frees what a node holds that vanished in the middle of a transaction.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimeOuts {
    pub(super) statement: Duration,
    pub(super) lock: Duration,
    pub(super) idle: Duration,
}

impl TimeOuts {
    fn settings(&self) -> [(&'static str, u128); 3] {
        [
            ("statement_timeout", self.statement.as_millis()),
            ("lock_timeout", self.lock.as_millis()),
            ("idle_in_transaction_session_timeout", self.idle.as_millis()),
        ]
    }

    /// What a session of our own begins with.
    pub(super) fn options(&self) -> String {
        let mut options = format!("-c {OURS}=ours -c default_transaction_isolation=read\\ committed");
        for (name, value) in self.settings() {
            options.push_str(&format!(" -c {name}={value}"));
        }
        options
    }
}

/// How transactions begin on a connection.
pub(super) struct Session {
    /// For the connections that come next.
    there_is_a_pooler: Arc<AtomicBool>,
    /// Each transaction may be another server's session: it brings its settings along, and nothing is prepared for the next.
    pub(super) pooled: bool,
    /// One that reads and writes, or only reads, as the connection is meant to.
    pub(super) begin: String,
    /// One that sees one snapshot.
    pub(super) snapshot: String,
}

impl Session {
    pub(super) fn of(purpose: Purpose, time_outs: TimeOuts, there_is_a_pooler: Arc<AtomicBool>) -> Self {
        let pooled = there_is_a_pooler.load(Relaxed);
        let access = if purpose == Purpose::Read { "READ ONLY" } else { "READ WRITE" };
        let mut local = String::new();
        if pooled {
            for (name, value) in time_outs.settings() {
                local.push_str(&format!("; SET LOCAL {name} = {value}"));
            }
        }
        Self {
            there_is_a_pooler,
            pooled,
            begin: format!("{READ_COMMITTED} {access}{local}"),
            snapshot: format!("{SNAPSHOT}{local}"),
        }
    }

    /// What an error means; one that only another session explains is remembered.
    pub(super) fn error(&self, error: &tokio_postgres::Error) -> DriverError {
        if error::is_of_another_session(error) {
            self.there_is_a_pooler.store(true, Relaxed);
        }
        error::used(error)
    }
}

/// What a value is sent as where the server was not asked before what it expects.
pub(super) fn type_of(value: &Value) -> Type {
    match value {
        // The server takes it for whatever stands there.
        Value::Null => Type::UNKNOWN,
        Value::Int(_) => Type::INT8,
        Value::Text(_) => Type::TEXT,
        Value::Bytes(_) => Type::BYTEA,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pooled_transaction_brings_its_settings_and_another_has_them() {
        let seconds = Duration::from_secs;
        let time_outs = TimeOuts { statement: seconds(5), lock: seconds(1), idle: Duration::ZERO };
        let own = Session::of(Purpose::Write, time_outs, Arc::default());
        assert_eq!(own.begin, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
        let pooled = Session::of(Purpose::Read, time_outs, Arc::new(AtomicBool::new(true)));
        assert_eq!(
            pooled.begin,
            "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL statement_timeout = 5000; SET LOCAL lock_timeout = 1000; \
             SET LOCAL idle_in_transaction_session_timeout = 0"
        );
        assert!(pooled.snapshot.starts_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL"));
        assert!(time_outs.options().contains("-c statement_timeout=5000"));
    }
}
