//! MySQL's protocol, as MySQL, MariaDB and what speaks like them understand it: transactions, queries and columns. Knows no queue and no
//! command.
//!
//! The protocol answers one request before it takes the next, but one request may hold many statements: a whole transaction, or all of it
//! but its COMMIT, travels at once, its values written into the text (`text.rs`), on MariaDB as one statement where it is short (`block.rs`).
//! A query by itself is prepared once per connection.

mod block;
mod connect;
pub(crate) mod doctor;
mod error;
pub(crate) mod plain;
mod text;

pub(crate) use connect::{Connection, Mysql};

use crate::contract::row::Fetched;
use crate::contract::value::Value;
use crate::contract::{Statement, Step};
use crate::engine::network::driver::{Driver, DriverError, Purpose, StepFailure};
use crate::schema::dialect::{Dialect, MYSQL};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Params, Row, Value as Native};

impl Driver for Mysql {
    type Connection = Connection;
    const DIALECT: &'static Dialect = &MYSQL;

    async fn connect(&self, purpose: Purpose) -> Result<Connection, DriverError> {
        self.open(purpose).await
    }

    fn is_closed(&self, connection: &Connection) -> bool {
        connection.is_closed()
    }

    async fn run(&self, connection: &mut Connection, steps: &[&Step]) -> Result<Vec<u64>, StepFailure> {
        transact(connection, steps, "").await
    }

    async fn run_and_commit(
        &self,
        connection: &mut Connection,
        steps: &[&Step],
    ) -> Result<Vec<u64>, StepFailure> {
        // The server stops at the first statement that fails: COMMIT is run after all others, or not at all.
        let mut counts = transact(connection, steps, ";COMMIT").await?;
        counts.truncate(steps.len());
        Ok(counts)
    }

    fn takes_whole(&self, connection: &Connection, steps: &[&Step]) -> bool {
        connection.takes_blocks() && steps.len() <= block::FEW
    }

    async fn run_whole(&self, connection: &mut Connection, steps: &[&Step]) -> Result<(), StepFailure> {
        block::run_and_commit(connection, steps).await
    }

    async fn commit(&self, connection: &mut Connection) -> Result<(), DriverError> {
        let committed = connection.conn().query_drop("COMMIT").await;
        connection.watch(committed)
    }

    async fn roll_back(&self, connection: &mut Connection) -> Result<(), DriverError> {
        let rolled_back = connection.conn().query_drop("ROLLBACK").await;
        connection.watch(rolled_back)
    }

    async fn query(
        &self,
        connection: &mut Connection,
        statements: &[Statement],
        snapshot: bool,
    ) -> Result<Vec<Vec<Fetched>>, DriverError> {
        if snapshot && statements.len() > 1 {
            return query_together(connection, statements).await;
        }
        let mut answers = Vec::with_capacity(statements.len());
        for statement in statements {
            let params = Params::Positional(statement.params.iter().map(native).collect());
            let rows: Result<Vec<Row>, _> = connection.conn().exec(statement.sql, params).await;
            answers.push(connection.watch(rows)?.into_iter().map(Fetched::Mysql).collect());
        }
        Ok(answers)
    }

    async fn script(&self, connection: &mut Connection, scripts: &[String]) -> Result<(), DriverError> {
        for statement in scripts.iter().flat_map(|script| text::statements(script)) {
            match connection.conn().query_drop(statement).await {
                // Each of them commits by itself: a run that was cut short has done this one already.
                Err(mysql_async::Error::Server(error)) if error::is_done_already(error.code) => {}
                ran => connection.watch_script(ran)?,
            }
        }
        Ok(())
    }
}

/// Begins a transaction, runs the steps, and what comes after them; answers how many rows each of those changed.
async fn transact(
    connection: &mut Connection,
    steps: &[&Step],
    afterwards: &str,
) -> Result<Vec<u64>, StepFailure> {
    let mut counts = Counts { of: Vec::with_capacity(steps.len() + 2), before: 0 };
    // As few requests as the server's limit on their size allows; nearly always one.
    let mut request = String::new();
    if connection.must_begin() {
        request.push_str("BEGIN");
        counts.before = 1;
    }
    for (index, step) in steps.iter().enumerate() {
        if request.len() > connection.request_limit() {
            send(connection, &request, &mut counts).await?;
            request.clear();
        }
        if !request.is_empty() {
            request.push(';');
        }
        let written = text::write(&mut request, step.sql, &step.params);
        written.map_err(|error| StepFailure { step: index, error, counts: Vec::new() })?;
    }
    request.push_str(afterwards);
    send(connection, &request, &mut counts).await?;
    Ok(counts.of_steps().to_vec())
}

/// How many rows each statement changed.
struct Counts {
    of: Vec<u64>,
    /// How many statements come before the first step.
    before: usize,
}

impl Counts {
    fn of_steps(&self) -> &[u64] {
        self.of.get(self.before..).unwrap_or_default()
    }
}

/// Sends statements as one request and adds how many rows each changed.
async fn send(connection: &mut Connection, request: &str, counts: &mut Counts) -> Result<(), StepFailure> {
    let Counts { of, .. } = counts;
    let sent = async {
        let mut result = connection.conn().query_iter(request).await?;
        of.push(result.affected_rows());
        while !result.is_empty() {
            result.next().await?;
            of.push(result.affected_rows());
        }
        // The error of the last one waits until it is asked for; until then it looks like a count.
        result.drop_result().await.inspect_err(|_| of.truncate(of.len().saturating_sub(1)))
    };
    let sent = sent.await;
    connection.watch(sent).map_err(|error| {
        let counts = counts.of_steps().to_vec();
        StepFailure { step: counts.len(), error, counts }
    })
}

/// The first query of a transaction makes the snapshot that all of it sees (REPEATABLE READ).
async fn query_together(
    connection: &mut Connection,
    statements: &[Statement],
) -> Result<Vec<Vec<Fetched>>, DriverError> {
    let mut request = "BEGIN".to_owned();
    for statement in statements {
        request.push(';');
        text::write(&mut request, statement.sql, &statement.params)?;
    }
    request.push_str(";COMMIT");
    let answered = async {
        let mut answers = Vec::with_capacity(statements.len());
        let mut result = connection.conn().query_iter(request).await?;
        result.collect::<Row>().await?;
        for _ in statements {
            answers.push(result.collect::<Row>().await?.into_iter().map(Fetched::Mysql).collect());
        }
        result.drop_result().await?;
        Ok(answers)
    };
    let answered = answered.await;
    let answers = connection.watch(answered);
    if answers.is_err() && !connection.is_closed() {
        let rolled_back = connection.conn().query_drop("ROLLBACK").await;
        connection.watch(rolled_back)?;
    }
    answers
}

fn native(value: &Value) -> Native {
    match value {
        Value::Null => Native::NULL,
        Value::Int(int) => Native::Int(*int),
        Value::Text(text) => Native::Bytes(text.as_bytes().to_vec()),
        Value::Bytes(bytes) => Native::Bytes(bytes.clone()),
    }
}

#[cfg(test)]
mod tests;
