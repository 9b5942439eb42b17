//! Workloads: what is asked of a server, by users who each take turns. It owns what a workload is and how one is run by itself; what is asked is
//! each workload's own file, and when turns begin is the stage's.

pub(crate) mod constant_rate;
pub(crate) mod devices;
pub(crate) mod empty;
pub(crate) mod in_process;
pub(crate) mod machines;
pub(crate) mod machines_report;
pub(crate) mod others;
pub(crate) mod overload;
pub(crate) mod overload_report;
pub(crate) mod plan;
pub(crate) mod platform;
pub(crate) mod platform_report;
pub(crate) mod reads;
pub(crate) mod reads_report;
pub(crate) mod report;
pub(crate) mod signing;
pub(crate) mod soak;
pub(crate) mod streams;
pub(crate) mod subscriptions;
pub(crate) mod tally;

pub(crate) use crate::kind::Kind;
pub(crate) use crate::wire::Wire;

use crate::draw::Draw;
use crate::error::BenchError;
use crate::http::Origin;
use crate::progress::Progress;
use crate::stage::Stage;
use crate::tally::Recorder;
use crate::wire::Trouble;
use plan::LoadPlan;
use std::sync::Arc;
use tally::LoadMeasurement;

/// What is measured: which kinds of requests there are, and how a user of it begins.
pub(crate) trait Workload: Send + Sync + 'static {
    /// Its name in reports.
    const NAME: &'static str;
    /// The kinds of requests; [`Wire::ask`] names one by its place.
    const KINDS: &'static [Kind];
    /// What each virtual user is.
    type User: User;

    /// Where requests go.
    fn origin(&self) -> &Arc<Origin>;
    /// A user that has asked nothing yet. Repeatable: `draw` is that user's own.
    fn user(&self, draw: Draw) -> Self::User;
}

/// One of many that ask the same things again and again.
pub(crate) trait User: Send + 'static {
    /// Asks everything once.
    fn turn(&mut self, wire: &mut Wire) -> impl Future<Output = Result<(), Trouble>> + Send;
}

/// Runs `workload` in a closed loop, on the caller's runtime. Dropping the future stops the load.
///
/// # Errors
/// When the plan is not possible, or a first turn without load does not succeed. What fails later is counted.
pub(crate) async fn run<W: Workload>(
    workload: &W,
    plan: &LoadPlan,
    progress: &dyn Progress,
) -> Result<LoadMeasurement, BenchError> {
    first_turn(workload, plan).await?;
    let mut stage = Stage::new(plan);
    let recorder = stage.closed(workload, plan.users);
    let surroundings = stage.run(progress).await?;
    Ok(LoadMeasurement::new::<W>(plan, recorder.into_tally(), surroundings))
}

/// Proves before any load that a whole turn works.
pub(crate) async fn first_turn<W: Workload>(workload: &W, plan: &LoadPlan) -> Result<(), BenchError> {
    let mut user = workload.user(Draw::new(plan.seed, u64::MAX));
    let mut wire = Wire::new(workload.origin(), plan.time_out, &Recorder::idle(W::KINDS));
    match user.turn(&mut wire).await {
        Ok(()) => Ok(()),
        Err(Trouble::Refused { status, .. }) => {
            Err(BenchError::FirstTurn(format!("status {status}; is a rate limit on?")))
        }
        Err(Trouble::Failed(why)) => Err(BenchError::FirstTurn(why)),
        Err(Trouble::Over) => Err(BenchError::FirstTurn("the run was over before it began".to_owned())),
    }
}
