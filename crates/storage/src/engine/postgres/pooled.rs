//! Transactions and queries behind a pooler, where each may meet another session: all of it, settings included, is between a BEGIN and a COMMIT,
//! and statements are prepared for themselves alone. One write and one answer, as on a session of our own.

use super::pipeline::in_order;
use super::session::type_of;
use super::{Connection, error};
use crate::contract::row::Fetched;
use crate::contract::value::Value;
use crate::contract::{Statement, Step};
use crate::engine::network::driver::{DriverError, StepFailure};
use crate::schema::dialect::POSTGRES;
use tokio_postgres::types::{ToSql, Type};

fn typed(params: &[Value]) -> Vec<(&(dyn ToSql + Sync), Type)> {
    params.iter().map(|value| (value as &(dyn ToSql + Sync), type_of(value))).collect()
}

/// What the server would take for a broken conversation.
fn is_wrong(sql: &str, params: &[Value]) -> Option<DriverError> {
    let wrong = sql.matches('?').count() != params.len();
    wrong.then(|| {
        DriverError::Statement(format!("{} parameters are not what the statement has", params.len()))
    })
}

impl Connection {
    /// Runs the steps as one transaction, and commits it too when it is told so.
    pub(super) async fn transact_pooled(
        &mut self,
        steps: &[&Step],
        commits: bool,
    ) -> Result<Vec<u64>, StepFailure> {
        let wrong = |(step, error)| StepFailure { step, error, counts: Vec::new() };
        let found = steps
            .iter()
            .enumerate()
            .find_map(|(place, step)| Some((place, is_wrong(step.sql, &step.params)?)));
        found.map_or(Ok(()), |found| Err(wrong(found)))?;
        let Self { client, session, .. } = self;
        let asked: Vec<_> =
            steps.iter().map(|step| (POSTGRES.statement(step.sql), typed(&step.params))).collect();
        let begun = in_order([client.batch_execute(&session.begin)]);
        let ran = in_order(asked.iter().map(|(sql, params)| client.execute_typed(sql, params)));
        let ended = in_order(commits.then(|| client.batch_execute("COMMIT")));
        let (begun, ran, ended) = tokio::join!(biased; begun, ran, ended);
        let mut counts = Vec::with_capacity(steps.len());
        // An error that does not say what became of the transaction is the pooler's own: the server may be in the middle of it.
        let sure = |error: &tokio_postgres::Error| match error::used(error) {
            known @ (DriverError::Taken | DriverError::Conflict(_) | DriverError::Statement(_)) => known,
            _ if commits => DriverError::Lost(error.to_string()),
            other => other,
        };
        if let Some(Err(error)) = begun.first() {
            return Err(StepFailure { step: 0, error: sure(error), counts });
        }
        for ran in ran {
            match ran {
                Ok(count) => counts.push(count),
                Err(error) => return Err(StepFailure { step: counts.len(), error: sure(&error), counts }),
            }
        }
        if let Some(Err(error)) = ended.first() {
            return Err(StepFailure { step: steps.len(), error: sure(error), counts });
        }
        Ok(counts)
    }

    /// Answers the statements in order, in one transaction that changes nothing.
    pub(super) async fn query_pooled(
        &mut self,
        statements: &[Statement],
        snapshot: bool,
    ) -> Result<Vec<Vec<Fetched>>, DriverError> {
        if let Some(error) =
            statements.iter().find_map(|statement| is_wrong(statement.sql, &statement.params))
        {
            return Err(error);
        }
        let Self { client, session, .. } = self;
        let asked: Vec<_> = statements
            .iter()
            .map(|statement| (POSTGRES.statement(statement.sql), typed(&statement.params)))
            .collect();
        let begin = if snapshot { &session.snapshot } else { &session.begin };
        let begun = in_order([client.batch_execute(begin)]);
        let answered = in_order(asked.iter().map(|(sql, params)| client.query_typed(sql, params)));
        // After an error the server makes a ROLLBACK of it.
        let ended = in_order([client.batch_execute("COMMIT")]);
        let (begun, answered, ended) = tokio::join!(biased; begun, answered, ended);
        let mut answers = Vec::with_capacity(statements.len());
        for begun in begun {
            begun.map_err(|error| error::used(&error))?;
        }
        for rows in answered {
            let rows = rows.map_err(|error| error::used(&error))?;
            answers.push(rows.into_iter().map(Fetched::Postgres).collect());
        }
        for ended in ended {
            ended.map_err(|error| error::used(&error))?;
        }
        Ok(answers)
    }
}
