//! A run from beginning to end: a first sign-in, the warm-up, the window, the last answers. It owns when users start,
//! wait and stop; what they do stands in `flow.rs`.

use crate::bystander::{LANES, Lane};
use crate::clock;
use crate::draw::Draw;
use crate::error::BenchError;
use crate::flow::{Trouble, VirtualUser};
use crate::plan::SignInPlan;
use crate::progress::Progress;
use crate::site::{Grant, Site};
use crate::tally::{Recorder, SignInMeasurement};
use crate::window::{AFTER_ERROR, Window, watch};
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinSet;

/// How often the first sign-in may be refused, by a server that is still busy with something else.
const FIRST_ATTEMPTS: usize = 10;

/// Runs `plan` on the caller's runtime. Dropping the future stops the load.
///
/// # Errors
/// When the plan is not possible, the target is no OpenID Provider, or a first sign-in without load does not succeed.
/// What fails once the load runs is counted in the measurement instead.
pub async fn sign_in(plan: &SignInPlan, progress: &dyn Progress) -> Result<SignInMeasurement, BenchError> {
    plan.check()?;
    let site = Arc::new(Site::discover(plan).await?);
    let grants = first_sign_ins(&site, plan).await?;

    let start = clock::now();
    let window = Window { opens: start + plan.warm_up, closes: start + plan.warm_up + plan.duration };
    let recorder = Recorder::new(window);
    let mut tasks = JoinSet::new();
    for number in 0..plan.users {
        let user = VirtualUser::new(&site, Draw::new(plan.seed, number as u64), &recorder);
        let begin = start + plan.warm_up.mul_f64(number as f64 / plan.users as f64);
        tasks.spawn(closed_loop(user, recorder.clone(), begin, window.closes));
    }
    for (number, grant) in (0..).zip(grants) {
        let draw = Draw::new(plan.seed, lane_stream(number));
        let user = VirtualUser::new(&site, draw, &recorder);
        let lane = Lane { user, grant, recorder: recorder.clone(), patience: plan.time_out };
        tasks.spawn(lane.run(number, start, plan.bystander_rate));
    }
    let outcome = watch(&mut tasks, progress, || {
        let tally = recorder.tally();
        window.so_far(start, tally.iterations(), tally.refused(), tally.errors)
    })
    .await;
    progress.finish();
    outcome?;
    Ok(SignInMeasurement {
        users: plan.users,
        duration: plan.duration,
        warm_up: plan.warm_up,
        bystander_rate: plan.bystander_rate,
        tally: recorder.into_tally(),
    })
}

/// Proves before any load that a whole iteration works, and signs the bystanders in.
async fn first_sign_ins(site: &Arc<Site>, plan: &SignInPlan) -> Result<Vec<Grant>, BenchError> {
    let mut user = VirtualUser::new(site, Draw::new(plan.seed, lane_stream(LANES)), &Recorder::idle());
    let mut refusals = 0;
    while let Err(trouble) = user.iterate().await {
        refusals += 1;
        wait_or_give_up(trouble, refusals).await?;
    }
    let lanes = if plan.bystander_rate == 0 { 0 } else { LANES as usize };
    let mut grants = Vec::with_capacity(lanes);
    while grants.len() < lanes {
        match user.sign_in().await {
            Ok(grant) => grants.push(grant),
            Err(trouble) => {
                refusals += 1;
                wait_or_give_up(trouble, refusals).await?;
            }
        }
    }
    Ok(grants)
}

async fn wait_or_give_up(trouble: Trouble, refusals: usize) -> Result<(), BenchError> {
    match trouble {
        Trouble::Refused { wait, .. } if refusals < FIRST_ATTEMPTS => {
            tokio::time::sleep(wait).await;
            Ok(())
        }
        Trouble::Refused { status, .. } => {
            Err(BenchError::FirstSignIn(format!("status {status}, {refusals} times; is a rate limit on?")))
        }
        Trouble::Failed(why) => Err(BenchError::FirstSignIn(why)),
        Trouble::Over => Err(BenchError::FirstSignIn("the run was over before it began".to_owned())),
    }
}

/// Numbers of random streams that no virtual user has.
fn lane_stream(number: u32) -> u64 {
    u64::MAX - 1 - u64::from(number)
}

async fn closed_loop(mut user: VirtualUser, recorder: Recorder, begin: Instant, closes: Instant) {
    tokio::time::sleep_until(begin.into()).await;
    loop {
        let wait = match user.iterate().await {
            Ok(()) => continue,
            Err(Trouble::Over) => return,
            Err(Trouble::Refused { status, wait }) => {
                recorder.refused(status, false);
                // Never sooner than told; the jitter keeps those refused together from coming back together.
                wait + user.draw.up_to((wait / 4).max(AFTER_ERROR))
            }
            Err(Trouble::Failed(why)) => {
                recorder.error(why);
                AFTER_ERROR
            }
        };
        let until = clock::now() + wait;
        tokio::time::sleep_until(until.min(closes).into()).await;
    }
}
