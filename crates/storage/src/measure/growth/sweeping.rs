//! Writes while what has expired is swept, beside the same writes before and after. Knows when tokens expired.

use crate::engine::clock;
use crate::measure::MeasureError;
use crate::measure::growth::Plan;
use crate::measure::growth::operations::{Grown, Operation};
use crate::measure::growth::population::Population;
use crate::measure::loops::{Seen, open};
use crate::measure::waits::Latency;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Refresh tokens are kept so long after they expired (`upkeep/sweep.rs`).
const KEPT_FOR: Duration = Duration::from_secs(24 * 3_600);
/// A sweep that takes longer is not waited for.
const LONGEST: Duration = Duration::from_secs(3_600);

/// What writes saw of a sweep.
#[derive(Debug, Clone)]
pub struct Swept {
    /// In the database of so many users.
    pub users: u64,
    /// Rows that went.
    pub rows: u64,
    /// How long that took.
    pub took: Duration,
    /// Rotations of refresh tokens with no sweep: before and after.
    pub quiet: Latency,
    /// The same while it was swept.
    pub during: Latency,
    /// Of those, how many were turned away.
    pub refused: u64,
}

/// Sweeps the oldest of the expired tokens while others are rotated at the plan's rate.
pub(super) async fn swept(size: &Arc<Grown>, plan: &Plan, block: u64) -> Result<Swept, MeasureError> {
    let count = plan.sweep.min(size.population.expired().saturating_sub(size.unswept));
    let rotate = |block| {
        let size = Arc::clone(size);
        move |number| {
            let size = Arc::clone(&size);
            async move { size.ask(Operation::RefreshRotation, block, number).await }
        }
    };
    let mut quiet = Seen::nothing();
    quiet.add(&open(plan.rate, plan.length, || false, rotate(block)).await?);
    let (store, over) = (size.store.clone(), Arc::new(AtomicBool::new(false)));
    let until = Population::expired_at(size.unswept + count.saturating_sub(1)) + KEPT_FOR;
    let ended = Arc::clone(&over);
    let sweep = tokio::spawn(async move {
        let began = clock::now();
        let report = if count == 0 { Ok(Default::default()) } else { store.sweep(until).await };
        ended.store(true, Ordering::Relaxed);
        report.map(|report| (report.total(), began.elapsed()))
    });
    let during = open(plan.rate, LONGEST, move || over.load(Ordering::Relaxed), rotate(block + 1)).await?;
    let (rows, took) = sweep.await.map_err(|error| MeasureError::Failed(error.to_string()))??;
    quiet.add(&open(plan.rate, plan.length, || false, rotate(block + 2)).await?);
    Ok(Swept {
        users: size.population.users,
        rows,
        took,
        quiet: quiet.waits.latency(),
        during: during.waits.latency(),
        refused: during.refused,
    })
}
