//! What the order of keys is worth: rows whose keys grow with time, beside rows of a table whose keys do not.

use crate::contract::{Applied, Command, Steps};
use crate::engine::clock;
use crate::measure::MeasureError;
use crate::measure::engine::{AppendMany, Plan, opened};
use crate::measure::rows::{Rows, hash, later};
use crate::records::oauth::spent_assertion::SpendAssertion;
use std::ops::Range;

/// Rows of one command.
const SLICE: u64 = 1_000;

/// Rows per second by one submitter, in commands of many.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Refresh tokens: their keys are in the order of time.
    pub in_order_per_second: f64,
    /// Assertions that were spent: shorter rows by random keys.
    pub random_per_second: f64,
}

pub(super) async fn measure(plan: &Plan) -> Result<Keys, MeasureError> {
    let rows = Rows::new()?;
    let in_order = rows_per_second(plan, "in-order.db", |range| AppendMany(&rows, range)).await?;
    Ok(Keys {
        in_order_per_second: in_order,
        random_per_second: rows_per_second(plan, "random.db", SpendMany).await?,
    })
}

async fn rows_per_second<C: Command<Outcome = bool>>(
    plan: &Plan,
    name: &str,
    many: impl Fn(Range<u64>) -> C,
) -> Result<f64, MeasureError> {
    let store = opened(&plan.folder, name, |_| {}).await?;
    let (began, mut rows) = (clock::now(), 0);
    while began.elapsed() < plan.short {
        if !store.write(many(rows..rows + SLICE)).await? {
            return Err(MeasureError::Refused);
        }
        rows += SLICE;
    }
    let took = began.elapsed();
    store.close().await;
    #[expect(clippy::cast_precision_loss, reason = "a rate, for people")]
    Ok(rows as f64 / took.as_secs_f64().max(f64::MIN_POSITIVE))
}

struct SpendMany(Range<u64>);

impl Command for SpendMany {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        for number in self.0.clone() {
            let mut id = [0; 16];
            id.iter_mut().zip(hash(number).as_bytes()).for_each(|(to, from)| *to = *from);
            SpendAssertion { id, expires_at: later() }.steps(steps);
        }
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}
