//! More sign-ins than the machine can hash passwords for, while everybody else goes on: what is answered, what is refused, and how long the others
//! wait. It owns the order of the measurements; what is asked is `flow.rs`'s and `others.rs`'s.

use super::others::Others;
use super::plan::LoadPlan;
use super::{Kind, User, Wire, Workload, first_turn};
use crate::draw::Draw;
use crate::error::BenchError;
use crate::flow::VirtualUser;
use crate::http::Origin;
use crate::kind::Step;
use crate::load::grants;
use crate::open_loop::Arrivals;
use crate::plan::SignInPlan;
use crate::progress::Progress;
use crate::site::{Grant, Site};
use crate::stage::{Counts, Stage, Surroundings};
use crate::tally::Tally;
use crate::wire::Trouble;
use std::sync::Arc;
use std::time::Duration;

/// So many people are signed in before the load begins; everybody else's requests use their tokens.
const SIGNED_IN: usize = 4;
/// Everybody else has at most so many connections.
const CONNECTIONS_OF_OTHERS: usize = 256;

/// One run of `bench overload`. It holds a client secret and a password and therefore has no `Debug`.
#[derive(Clone)]
pub struct OverloadPlan {
    /// Who signs in. How many users there are and how long it lasts is not read here.
    pub sign_in: SignInPlan,
    /// How long, and by how many connections at most.
    pub load: LoadPlan,
    /// How many people sign in at once, each after the other, to find out what the capacity is.
    pub capacity_users: usize,
    /// How many times the capacity is offered, one after the other.
    pub times: Vec<f64>,
    /// Requests of everybody else, per second, all the time.
    pub other_rate: f64,
}

/// What a run saw.
#[derive(Debug)]
pub struct OverloadMeasurement {
    pub(crate) duration: Duration,
    pub(crate) other_rate: f64,
    /// As fast as people can sign in who wait for each other.
    pub(crate) capacity: Offered,
    /// The same load in multiples of that.
    pub(crate) offered: Vec<(f64, Offered)>,
}

/// One load, and what came of it.
#[derive(Debug)]
pub(crate) struct Offered {
    pub(crate) per_second: f64,
    pub(crate) sign_ins: Tally,
    pub(crate) others: Tally,
    pub(crate) surroundings: Surroundings,
}

impl OverloadMeasurement {
    /// Whole sign-ins per second, as many as the server can make.
    #[must_use]
    pub fn capacity_per_second(&self) -> f64 {
        self.capacity.sign_ins.wholes as f64 / self.duration.as_secs_f64()
    }
}

/// Finds out what the capacity is, then offers multiples of it.
///
/// # Errors
/// When the plan is not possible, the target is no OpenID Provider, or a first sign-in without load does not succeed.
pub async fn overload(
    plan: &OverloadPlan,
    progress: &dyn Progress,
) -> Result<OverloadMeasurement, BenchError> {
    plan.load.origin(&plan.sign_in.issuer).await?;
    let refuse = |why: &str| Err(BenchError::Plan(why.to_owned()));
    let is_rate = |rate: f64| rate.is_finite() && rate > 0.0;
    if plan.times.is_empty() || !plan.times.iter().copied().all(is_rate) || !is_rate(plan.other_rate) {
        return refuse("multiples and rates must be greater than zero");
    }
    if plan.capacity_users == 0 {
        return refuse("at least one virtual user is needed to find the capacity");
    }
    let site = Arc::new(Site::discover(&plan.sign_in).await?);
    let signed_in = grants(&site, plan.load.seed, SIGNED_IN).await?;
    first_turn(&Others::new(&site, &signed_in)?, &plan.load).await?;
    let bench = Bench { plan, site, signed_in, progress };
    let capacity = bench.measure(None).await?;
    let mut seen = OverloadMeasurement {
        duration: plan.load.duration,
        other_rate: plan.other_rate,
        capacity,
        offered: Vec::new(),
    };
    let per_second = seen.capacity_per_second();
    if per_second <= 0.0 {
        return Err(BenchError::FirstSignIn("nobody signed in: there is no capacity to exceed".to_owned()));
    }
    for times in &plan.times {
        seen.offered.push((*times, bench.measure(Some(times * per_second)).await?));
    }
    Ok(seen)
}

struct Bench<'a> {
    plan: &'a OverloadPlan,
    site: Arc<Site>,
    signed_in: Vec<Grant>,
    progress: &'a dyn Progress,
}

impl Bench<'_> {
    /// At this rate, or as fast as it goes.
    async fn measure(&self, per_second: Option<f64>) -> Result<Offered, BenchError> {
        let plan = self.plan;
        let entrants = Entrants { site: Arc::clone(&self.site) };
        let mut stage = Stage::new(&plan.load).counting(Counts::Wholes("sign-ins"));
        let sign_ins = match per_second {
            Some(per_second) => stage.open(entrants, Arrivals { per_second, users: plan.load.users }),
            None => stage.closed(&entrants, plan.capacity_users),
        };
        let others = Others::new(&self.site, &self.signed_in)?;
        let arrivals = Arrivals { per_second: plan.other_rate, users: CONNECTIONS_OF_OTHERS };
        let others = stage.open(others, arrivals);
        let surroundings = stage.run(self.progress).await?;
        Ok(Offered {
            per_second: per_second.unwrap_or_default(),
            sign_ins: sign_ins.into_tally(),
            others: others.into_tally(),
            surroundings,
        })
    }
}

/// People who sign in and are gone.
pub(super) struct Entrants {
    site: Arc<Site>,
}

pub(super) const ADMITTED: usize = 4;

impl Workload for Entrants {
    const NAME: &'static str = "overload";
    const KINDS: &'static [Kind] = &[
        Step::Authorize.kind(),
        Step::SignIn.kind(),
        Step::Consent.kind(),
        Step::Token.kind(),
        Kind { name: "admitted", meaning: "a whole sign-in that was let in, from when it was due" },
    ];
    type User = Entrant;

    fn origin(&self) -> &Arc<Origin> {
        &self.site.origin
    }

    fn user(&self, draw: Draw) -> Entrant {
        Entrant(VirtualUser::new(&self.site, draw))
    }
}

/// One of them.
pub(super) struct Entrant(VirtualUser);

impl User for Entrant {
    async fn turn(&mut self, wire: &mut Wire) -> Result<(), Trouble> {
        let began = wire.turn_begins();
        self.0.sign_in(wire).await?;
        wire.whole(ADMITTED, began);
        Ok(())
    }
}
