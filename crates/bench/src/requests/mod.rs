//! Workloads that count requests: many users in a closed loop, each request with the check of its answer. It owns the loop
//! and its window; what is asked is each workload's own file.

pub(crate) mod devices;
pub(crate) mod empty;
pub(crate) mod machines;
pub(crate) mod machines_report;
pub(crate) mod plan;
pub(crate) mod report;
pub(crate) mod signing;
pub(crate) mod subscriptions;
pub(crate) mod tally;

use crate::clock;
use crate::draw::Draw;
use crate::error::BenchError;
use crate::flow::{Trouble, refusal};
use crate::http::{Answer, Connection, Origin};
use crate::progress::Progress;
use crate::window::{AFTER_ERROR, Window, watch};
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use plan::LoadPlan;
use std::sync::Arc;
use std::time::Instant;
use tally::{LoadMeasurement, RequestRecorder};
use tokio::task::JoinSet;

/// A kind of request: its name in reports, and what it stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) meaning: &'static str,
}

/// What is measured: which kinds of requests there are, and how a user of it begins.
pub(crate) trait Workload {
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

/// A user's connection. Every request goes through it, and is timed and counted there.
pub(crate) struct Wire {
    connection: Connection,
    recorder: RequestRecorder,
    kinds: &'static [Kind],
}

impl Wire {
    /// Sends a request of the kind at `kind`, and counts it where `check` finds the answer to be the expected one.
    pub(crate) async fn ask<T>(
        &mut self,
        kind: usize,
        request: Request<Full<Bytes>>,
        check: impl FnOnce(&Answer) -> Result<T, String>,
    ) -> Result<T, Trouble> {
        let failed = |why| Trouble::Failed(format!("{}: {why}", self.kinds[kind].name));
        let began = clock::now();
        if self.recorder.is_over(began) {
            return Err(Trouble::Over);
        }
        let answer = self.connection.send(request).await.map_err(failed)?;
        let ended = clock::now();
        refusal(&answer)?;
        let found = check(&answer).map_err(failed)?;
        self.recorder.request(kind, began, ended);
        Ok(found)
    }
}

/// Runs `workload` on the caller's runtime. Dropping the future stops the load.
///
/// # Errors
/// When the plan is not possible, or a first turn without load does not succeed. What fails later is counted.
pub(crate) async fn run<W: Workload>(
    workload: &W,
    plan: &LoadPlan,
    progress: &dyn Progress,
) -> Result<LoadMeasurement, BenchError> {
    let wire = |recorder: &RequestRecorder| Wire {
        connection: Connection::new(Arc::clone(workload.origin()), plan.time_out),
        recorder: recorder.clone(),
        kinds: W::KINDS,
    };
    first_turn(workload.user(Draw::new(plan.seed, u64::MAX)), wire(&RequestRecorder::idle(W::KINDS))).await?;

    let start = clock::now();
    let window = Window { opens: start + plan.warm_up, closes: start + plan.warm_up + plan.duration };
    let recorder = RequestRecorder::new(W::KINDS, window);
    let mut tasks = JoinSet::new();
    for number in 0..plan.users {
        let draw = |stream| Draw::new(plan.seed, stream);
        let (user, jitter) = (workload.user(draw(2 * number as u64)), draw(2 * number as u64 + 1));
        let begin = start + plan.warm_up.mul_f64(number as f64 / plan.users as f64);
        tasks.spawn(closed_loop(user, wire(&recorder), jitter, begin));
    }
    let outcome = watch(&mut tasks, progress, || {
        let tally = recorder.tally();
        window.so_far(start, tally.requests, tally.refused, tally.errors)
    })
    .await;
    progress.finish();
    outcome?;
    Ok(LoadMeasurement::new(W::NAME, W::KINDS, plan, recorder.into_tally()))
}

/// Proves before any load that a whole turn works.
async fn first_turn(mut user: impl User, mut wire: Wire) -> Result<(), BenchError> {
    match user.turn(&mut wire).await {
        Ok(()) => Ok(()),
        Err(Trouble::Refused { status, .. }) => {
            Err(BenchError::FirstTurn(format!("status {status}; is a rate limit on?")))
        }
        Err(Trouble::Failed(why)) => Err(BenchError::FirstTurn(why)),
        Err(Trouble::Over) => Err(BenchError::FirstTurn("the run was over before it began".to_owned())),
    }
}

async fn closed_loop(mut user: impl User, mut wire: Wire, mut jitter: Draw, begin: Instant) {
    tokio::time::sleep_until(begin.into()).await;
    loop {
        let wait = match user.turn(&mut wire).await {
            Ok(()) => continue,
            Err(Trouble::Over) => return,
            Err(Trouble::Refused { wait, .. }) => {
                wire.recorder.refused();
                // Never sooner than told; the jitter keeps those refused together from coming back together.
                wait + jitter.up_to((wait / 4).max(AFTER_ERROR))
            }
            Err(Trouble::Failed(why)) => {
                wire.recorder.error(why);
                AFTER_ERROR
            }
        };
        tokio::time::sleep_until(wire.recorder.no_later(clock::now() + wait).into()).await;
    }
}
