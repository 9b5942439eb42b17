//! What shipping changes costs whoever writes: the same loop with and without, taking turns, because the machine is not always the same. The
//! processor's time per write says more than the rate where others use the machine too.

use crate::archive::seal::sha256;
use crate::archive::{Folder, Seal, SealFailure, Sealer, Shipping};
use crate::engine::clock;
use crate::measure::MeasureError;
use crate::measure::engine::{Plan, append, cpu, opened};
use crate::measure::loops::closed;
use crate::measure::rows::Rows;
use crate::nodes::Store;
use protocol::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// How often either side has its turn; medians are told.
const ROUNDS: usize = 5;
/// How long the first base may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Durable commands by so many submitters, with and without their changes shipped to a folder each second.
#[derive(Debug, Clone)]
pub struct Shipped {
    /// How many.
    pub submitters: usize,
    /// Without.
    pub without: Cost,
    /// With.
    pub with: Cost,
}

/// What one side came to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// Commands per second.
    pub per_second: f64,
    /// The writing thread's time of the processor per command, microseconds; zero where the system does not tell.
    pub writer_us: f64,
    /// And the shipping thread's.
    pub shipper_us: f64,
}

pub(super) async fn measure(plan: &Plan, submitters: usize) -> Result<Shipped, MeasureError> {
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        without.push(turn(plan, submitters, round, false).await?);
        with.push(turn(plan, submitters, round, true).await?);
    }
    Ok(Shipped { submitters, without: median(&without), with: median(&with) })
}

async fn turn(plan: &Plan, submitters: usize, round: usize, shipped: bool) -> Result<Cost, MeasureError> {
    let name = format!("ship-{submitters}-{round}-{shipped}");
    let target = Arc::new(Folder::at(plan.folder.join(&name)));
    let store = opened(&plan.folder, &format!("{name}.db"), |options| {
        options.shipping = shipped.then(|| Shipping::new(target, Arc::new(Unkeyed), wall_clock));
    })
    .await?;
    wait_for_the_base(&store).await?;
    const THREADS: [&str; 2] = ["storage-writer", "storage-ship"];
    let before = THREADS.map(cpu::of_threads);
    let (writing, rows) = (store.clone(), Rows::new()?);
    let length = plan.short / 2;
    let seen =
        closed(submitters, length, u64::MAX, move |number| append(writing.clone(), rows.clone(), number))
            .await?;
    let after = THREADS.map(cpu::of_threads);
    #[expect(clippy::cast_precision_loss, reason = "a mean, for people")]
    let commands = store.stats().commands.max(1) as f64;
    let [writer_us, shipper_us] = [0, 1].map(|thread: usize| {
        let used = after[thread].zip(before[thread]).map(|(after, before)| after.saturating_sub(before));
        used.unwrap_or_default().as_secs_f64() * 1e6 / commands
    });
    let stats = store.shipping().unwrap_or_default();
    store.close().await;
    if (stats.failures, stats.gaps) != (0, 0) {
        return Err(MeasureError::Failed("shipping did not keep up with what was written".to_owned()));
    }
    Ok(Cost { per_second: seen.per_second(), writer_us, shipper_us })
}

/// Seals of what is thrown away: one hash each, as with a key.
#[derive(Debug)]
struct Unkeyed;

impl Sealer for Unkeyed {
    fn seal(&self, message: &[u8]) -> Seal {
        Seal { key: [0; 8], mac: sha256(message) }
    }
    fn check(&self, message: &[u8], seal: &Seal) -> Result<(), SealFailure> {
        if self.seal(message) == *seal { Ok(()) } else { Err(SealFailure::Wrong) }
    }
}

async fn wait_for_the_base(store: &Store) -> Result<(), MeasureError> {
    let began = clock::now();
    while store.shipping().is_some_and(|shipping| shipping.shipped_until.is_none()) {
        if began.elapsed() > PATIENCE {
            return Err(MeasureError::Failed("nothing is shipped".to_owned()));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// Of each figure by itself.
fn median(costs: &[Cost]) -> Cost {
    let of = |figure: fn(&Cost) -> f64| {
        let mut figures: Vec<f64> = costs.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures.get(figures.len() / 2).copied().unwrap_or_default()
    };
    Cost {
        per_second: of(|cost| cost.per_second),
        writer_us: of(|cost| cost.writer_us),
        shipper_us: of(|cost| cost.shipper_us),
    }
}

fn wall_clock() -> Timestamp {
    Timestamp::from_millis(clock::wall_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_of_each_figure_by_itself() {
        let cost = |per_second, writer_us| Cost { per_second, writer_us, shipper_us: 0.0 };
        let median = median(&[cost(1.0, 9.0), cost(2.0, 8.0), cost(3.0, 7.0)]);
        assert_eq!((median.per_second, median.writer_us), (2.0, 8.0));
    }
}
