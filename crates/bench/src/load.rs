//! `bench sign-in`: a first sign-in, then many users in a closed loop, and a trickle of bystanders beside them. What a user does stands in
//! `flow.rs`, when things happen in `stage.rs`.

use crate::bystander::{LANES, Lane};
use crate::draw::Draw;
use crate::error::BenchError;
use crate::flow::VirtualUser;
use crate::http::Origin;
use crate::kind::{Kind, Step};
use crate::plan::SignInPlan;
use crate::progress::Progress;
use crate::requests::plan::LoadPlan;
use crate::requests::{User as _, Workload};
use crate::sign_in_measurement::SignInMeasurement;
use crate::site::{Grant, Site};
use crate::stage::{Counts, Stage};
use crate::tally::Recorder;
use crate::wire::{Trouble, Wire};
use std::sync::Arc;

/// How often a first sign-in may be refused, by a server that is still busy with something else.
const FIRST_ATTEMPTS: usize = 10;

/// Runs `plan` on the caller's runtime. Dropping the future stops the load.
///
/// # Errors
/// When the plan is not possible, the target is no OpenID Provider, or a first sign-in without load does not succeed.
/// What fails once the load runs is counted in the measurement instead.
pub async fn sign_in(plan: &SignInPlan, progress: &dyn Progress) -> Result<SignInMeasurement, BenchError> {
    plan.check()?;
    let site = Arc::new(Site::discover(plan).await?);
    first_turn(&site, plan.seed).await?;
    let lanes = if plan.bystander_rate == 0 { 0 } else { LANES as usize };
    let grants = grants(&site, plan.seed, lanes).await?;

    let mut stage = Stage::new(&load_plan(plan)).counting(Counts::Wholes("iterations"));
    let sign_ins = stage.closed(&SignIns { site: Arc::clone(&site) }, plan.users);
    let bystanders = stage.stream(&Step::KINDS);
    for (number, grant) in (0..).zip(grants) {
        let user = VirtualUser::new(&site, Draw::new(plan.seed, lane_stream(number)));
        let wire = Wire::new(&site.origin, plan.time_out, &bystanders);
        let lane = Lane { user, wire, grant, patience: plan.time_out };
        let start = stage.start();
        stage.spawn(lane.run(number, start, plan.bystander_rate));
    }
    let surroundings = stage.run(progress).await?;
    Ok(SignInMeasurement {
        users: plan.users,
        duration: plan.duration,
        warm_up: plan.warm_up,
        bystander_rate: plan.bystander_rate,
        sign_ins: sign_ins.into_tally(),
        bystanders: bystanders.into_tally(),
        surroundings,
    })
}

fn load_plan(plan: &SignInPlan) -> LoadPlan {
    LoadPlan {
        users: plan.users,
        warm_up: plan.warm_up,
        duration: plan.duration,
        time_out: plan.time_out,
        seed: plan.seed,
        server: plan.server.clone(),
    }
}

/// People who do all steps of a sign-in, again and again.
pub(crate) struct SignIns {
    pub(crate) site: Arc<Site>,
}

impl Workload for SignIns {
    const NAME: &'static str = "sign-in";
    const KINDS: &'static [Kind] = &Step::KINDS;
    type User = VirtualUser;

    fn origin(&self) -> &Arc<Origin> {
        &self.site.origin
    }

    fn user(&self, draw: Draw) -> VirtualUser {
        VirtualUser::new(&self.site, draw)
    }
}

/// Proves before any load that a whole iteration works.
async fn first_turn(site: &Arc<Site>, seed: u64) -> Result<(), BenchError> {
    let (mut user, mut wire) = somebody(site, seed, LANES);
    let mut refusals = 0;
    while let Err(trouble) = user.turn(&mut wire).await {
        refusals += 1;
        wait_or_give_up(trouble, refusals).await?;
    }
    Ok(())
}

/// Signs so many people in, one after another, before any load.
pub(crate) async fn grants(site: &Arc<Site>, seed: u64, count: usize) -> Result<Vec<Grant>, BenchError> {
    let (mut user, mut wire) = somebody(site, seed, LANES + 1);
    let mut grants = Vec::with_capacity(count);
    let mut refusals = 0;
    while grants.len() < count {
        match user.sign_in(&mut wire).await {
            Ok(grant) => grants.push(grant),
            Err(trouble) => {
                refusals += 1;
                wait_or_give_up(trouble, refusals).await?;
            }
        }
    }
    Ok(grants)
}

/// Nobody else draws by this number.
fn somebody(site: &Arc<Site>, seed: u64, number: u32) -> (VirtualUser, Wire) {
    let user = VirtualUser::new(site, Draw::new(seed, lane_stream(number)));
    (user, Wire::new(&site.origin, site.time_out, &Recorder::idle(&Step::KINDS)))
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
