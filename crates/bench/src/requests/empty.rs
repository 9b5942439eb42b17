//! The floor: how many requests a handler that does nothing answers. It owns that question, not the server that is asked.

use super::plan::LoadPlan;
use super::tally::LoadMeasurement;
use super::{Kind, User, Wire, Workload, first_turn, run};
use crate::draw::Draw;
use crate::error::BenchError;
use crate::http::Origin;
use crate::open_loop::Arrivals;
use crate::progress::Progress;
use crate::stage::Stage;
use crate::wire::Trouble;
use http::{StatusCode, Uri};
use std::sync::Arc;
use url::Url;

/// Asks the server at `target`, which answers every GET with 204 and nothing else.
///
/// # Errors
/// When the plan is not possible, or the server answers otherwise.
pub async fn empty_handler(
    target: &Url,
    plan: &LoadPlan,
    progress: &dyn Progress,
) -> Result<LoadMeasurement, BenchError> {
    run(&Empty { origin: plan.origin(target).await? }, plan, progress).await
}

/// Asks the same server so often per second, whatever it answers: what latencies are at least at that rate, timed from when each was due.
///
/// # Errors
/// As [`empty_handler`].
pub async fn empty_handler_at(
    per_second: f64,
    target: &Url,
    plan: &LoadPlan,
    progress: &dyn Progress,
) -> Result<LoadMeasurement, BenchError> {
    let workload = Empty { origin: plan.origin(target).await? };
    first_turn(&workload, plan).await?;
    let mut stage = Stage::new(plan);
    let recorder = stage.open(workload, Arrivals { per_second, users: plan.users });
    let surroundings = stage.run(progress).await?;
    Ok(LoadMeasurement::new::<Empty>(plan, recorder.into_tally(), surroundings))
}

struct Empty {
    origin: Arc<Origin>,
}

struct Asker {
    origin: Arc<Origin>,
    path: Uri,
}

impl Workload for Empty {
    const NAME: &'static str = "empty handler";
    const KINDS: &'static [Kind] = &[Kind { name: "empty", meaning: "a GET that is answered with 204" }];
    type User = Asker;

    fn origin(&self) -> &Arc<Origin> {
        &self.origin
    }

    fn user(&self, _: Draw) -> Asker {
        Asker { origin: Arc::clone(&self.origin), path: Uri::from_static("/") }
    }
}

impl User for Asker {
    async fn turn(&mut self, wire: &mut Wire) -> Result<(), Trouble> {
        let request = self.origin.get_api(&self.path);
        wire.ask(0, request, |answer| match answer.status {
            StatusCode::NO_CONTENT => Ok(()),
            other => Err(format!("status {}", other.as_u16())),
        })
        .await
    }
}
