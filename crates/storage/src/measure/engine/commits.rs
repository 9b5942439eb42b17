//! Commands that share a commit, beside one commit each: the same store, told to take one command at a time.

use crate::measure::MeasureError;
use crate::measure::engine::{Plan, append, opened};
use crate::measure::loops::{Seen, closed};
use crate::measure::rows::Rows;
use crate::measure::waits::Latency;
use crate::nodes::Store;

/// How often either side has its turn.
const ROUNDS: u32 = 2;

/// Durable commands by so many submitters, each waiting for its answer.
#[derive(Debug, Clone)]
pub struct Commits {
    /// How many.
    pub submitters: usize,
    /// Per second, one commit each.
    pub one_each_per_second: f64,
    /// Per second, sharing commits.
    pub group_per_second: f64,
    /// How long they waited then.
    pub waits: Latency,
}

impl Commits {
    /// What sharing is worth.
    pub fn ratio(&self) -> f64 {
        self.group_per_second / self.one_each_per_second.max(f64::MIN_POSITIVE)
    }
}

pub(super) async fn measure(plan: &Plan, submitters: usize) -> Result<Commits, MeasureError> {
    let each =
        opened(&plan.folder, &format!("each-{submitters}.db"), |options| options.max_batch = 1).await?;
    let group = opened(&plan.folder, &format!("group-{submitters}.db"), |_| {}).await?;
    let (mut alone, mut together) = (Seen::nothing(), Seen::nothing());
    for round in 0..ROUNDS {
        alone.add(&turn(&each, plan, submitters, round).await?);
        together.add(&turn(&group, plan, submitters, round).await?);
    }
    each.close().await;
    group.close().await;
    Ok(Commits {
        submitters,
        one_each_per_second: alone.per_second(),
        group_per_second: together.per_second(),
        waits: together.waits.latency(),
    })
}

async fn turn(store: &Store, plan: &Plan, submitters: usize, round: u32) -> Result<Seen, MeasureError> {
    let (store, rows) = (store.clone(), Rows::new()?);
    let first = u64::from(round + 1) << 40;
    closed(submitters, plan.short / ROUNDS, u64::MAX, move |number| {
        append(store.clone(), rows.clone(), first + number)
    })
    .await
}
