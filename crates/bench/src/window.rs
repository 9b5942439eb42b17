//! The window of a run, in which what ends is counted, and how a run is watched until its end. Knows no load.

use crate::clock;
use crate::error::BenchError;
use crate::progress::{Progress, SoFar};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// After an error a user waits a moment: a dead server must not turn the tool into a busy loop.
pub(crate) const AFTER_ERROR: Duration = Duration::from_millis(100);
/// How often progress is shown: seldom, it costs the machine that is measured.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

/// When things count.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    pub(crate) opens: Instant,
    pub(crate) closes: Instant,
}

impl Window {
    pub(crate) fn holds(&self, moment: Instant) -> bool {
        self.opens <= moment && moment < self.closes
    }

    /// Where a run that began at `start` stands, which has counted this much within the window.
    pub(crate) fn so_far(&self, start: Instant, counted: u64, refused: u64, errors: u64) -> SoFar {
        let now = clock::now();
        let open = now.min(self.closes).saturating_duration_since(self.opens).as_secs_f64();
        SoFar {
            elapsed: now - start,
            total: self.closes - start,
            warming_up: now < self.opens,
            iterations_per_second: if open > 0.0 { counted as f64 / open } else { 0.0 },
            refused,
            errors,
        }
    }
}

/// Shows where a run stands until the last of its tasks has ended.
pub(crate) async fn watch(
    tasks: &mut JoinSet<()>,
    progress: &dyn Progress,
    so_far: impl Fn() -> SoFar,
) -> Result<(), BenchError> {
    let mut show = tokio::time::interval(PROGRESS_EVERY);
    loop {
        tokio::select! {
            ended = tasks.join_next() => match ended {
                None => return Ok(()),
                Some(ended) => ended.map_err(|error| BenchError::Crashed(error.to_string()))?,
            },
            _ = show.tick() => progress.show(&so_far()),
        }
    }
}
