//! A short transaction as one prepared statement: MariaDB runs a block of statements wherever it runs a statement, parses it once per
//! connection, and answers it once. An answer for each statement, a wake-up for each answer, and reading each statement again is what makes a
//! lone write to a server nearby slow. Knows how such a block is written; who may send one is asked of the connection.

use super::{Connection, error, native};
use crate::contract::Step;
use crate::engine::network::driver::{DriverError, StepFailure};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Error, Params, Value as Native};

/// Steps that a block may have: of more, the answers are the lesser part, and which of them failed is worth knowing at once.
pub(super) const FEW: usize = 8;

/// Runs the steps and commits, unless one fails or changes another number of rows than it must.
pub(super) async fn run_and_commit(connection: &mut Connection, steps: &[&Step]) -> Result<(), StepFailure> {
    let failed = |step, error| StepFailure { step, error, counts: Vec::new() };
    let params: Vec<Native> = steps.iter().flat_map(|step| step.params.iter().map(native)).collect();
    // The driver lets the connection go when it finds too few or too many values.
    let fits = |step: &&Step| step.sql.bytes().filter(|byte| *byte == b'?').count() == step.params.len();
    let is_long = params.iter().map(length).sum::<usize>() > connection.request_limit();
    if is_long || !steps.iter().all(fits) {
        return Err(failed(0, DriverError::Untold));
    }
    let ran = connection.conn().exec_drop(written(steps), Params::Positional(params)).await;
    if matches!(&ran, Err(Error::Server(error)) if error::is_not_understood(error.code)) {
        // Whoever stands between us and the server knows no blocks.
        connection.take_no_blocks();
    }
    match connection.watch(ran) {
        // The server has looked at every count.
        Ok(()) => Ok(()),
        Err(DriverError::Taken | DriverError::Statement(_)) => Err(failed(0, DriverError::Untold)),
        Err(error @ (DriverError::Conflict(_) | DriverError::Lost(_))) => Err(failed(0, error)),
        // Of a step or of the COMMIT: the answer does not say.
        Err(error) => Err(failed(steps.len(), error)),
    }
}

/// The first statement that fails ends the block, and with it the COMMIT.
fn written(steps: &[&Step]) -> String {
    let mut block = String::with_capacity(1024);
    block.push_str("BEGIN NOT ATOMIC ");
    for step in steps {
        block.push_str(step.sql);
        block.push(';');
        if let Some(count) = step.expect.count().filter(|_| !step.counts_itself()) {
            // The count of an UPDATE is that of the rows found, as in every answer to this connection.
            block.push_str(&format!("IF ROW_COUNT()<>{count} THEN SIGNAL SQLSTATE '45000';END IF;"));
        }
    }
    block.push_str("COMMIT;END");
    block
}

fn length(value: &Native) -> usize {
    if let Native::Bytes(bytes) = value { bytes.len() } else { 8 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Steps;
    use crate::params;

    #[test]
    fn a_block_looks_at_each_count_that_may_be_a_surprise() {
        let mut steps = Steps::default();
        steps.one("UPDATE t SET a = ? WHERE b = 2", params!["a"]);
        steps.one("INSERT INTO u (a) VALUES (?)", params![1_i64]);
        steps.any("DELETE FROM v", params![]);
        let steps: Vec<&Step> = steps.as_slice().iter().collect();
        assert_eq!(
            written(&steps),
            "BEGIN NOT ATOMIC UPDATE t SET a = ? WHERE b = 2;IF ROW_COUNT()<>1 THEN SIGNAL SQLSTATE '45000';END IF;\
             INSERT INTO u (a) VALUES (?);DELETE FROM v;COMMIT;END"
        );
    }
}
