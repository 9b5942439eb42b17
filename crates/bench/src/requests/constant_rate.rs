//! Sign-up, sign-in and UserInfo ("/me"), each at a fixed rate of its own, in an open loop: a latency runs from when a turn was due. It owns the
//! rates and what a turn is; pages and forms are `flow.rs`'s.

use super::plan::LoadPlan;
use super::streams::{StreamSeen, StreamsMeasurement};
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
use crate::site::{Grant, Site, bearer, holds};
use crate::stage::{Counts, Stage};
use crate::wire::Trouble;
use http::HeaderValue;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many people are signed in before the load begins; who asks for UserInfo has one of their tokens.
const SIGNED_IN: usize = 8;

/// One run of `bench constant-rate`. It holds a client secret and a password and therefore has no `Debug`.
#[derive(Clone)]
pub struct ConstantRatePlan {
    /// Who signs in, and to which client people sign up. How many users there are and how long it lasts is not read here.
    pub sign_in: SignInPlan,
    /// How long, and by how many connections at most for each of the three.
    pub load: LoadPlan,
    /// New accounts per second; 0 for none.
    pub sign_ups: f64,
    /// Sign-ins per second; 0 for none.
    pub sign_ins: f64,
    /// UserInfo requests per second; 0 for none.
    pub userinfos: f64,
}

/// Asks at these rates, whatever the server answers.
///
/// # Errors
/// When the plan is not possible, the target is no OpenID Provider, or a first turn without load does not succeed.
pub async fn constant_rate(
    plan: &ConstantRatePlan,
    progress: &dyn Progress,
) -> Result<StreamsMeasurement, BenchError> {
    plan.load.origin(&plan.sign_in.issuer).await?;
    let site = Arc::new(Site::discover(&plan.sign_in).await?);
    let me = Me::new(&site, &grants(&site, plan.load.seed, SIGNED_IN).await?)?;
    let sign_ups = SignUps { site: Arc::clone(&site) };
    let sign_ins = SignInsOnly { site };
    if plan.sign_ups > 0.0 {
        first_turn(&sign_ups, &plan.load).await?;
    }
    first_turn(&me, &plan.load).await?;

    let mut stage = Stage::new(&plan.load).counting(Counts::Requests);
    let at = |per_second| Arrivals { per_second, users: plan.load.users };
    let mut streams = Vec::new();
    if plan.userinfos > 0.0 {
        streams.push(StreamSeen::begun::<Me>(plan.userinfos, stage.open(me, at(plan.userinfos))));
    }
    if plan.sign_ins > 0.0 {
        streams
            .push(StreamSeen::begun::<SignInsOnly>(plan.sign_ins, stage.open(sign_ins, at(plan.sign_ins))));
    }
    if plan.sign_ups > 0.0 {
        streams.push(StreamSeen::begun::<SignUps>(plan.sign_ups, stage.open(sign_ups, at(plan.sign_ups))));
    }
    if streams.is_empty() {
        return Err(BenchError::Plan("at least one rate must be greater than zero".to_owned()));
    }
    let surroundings = stage.run(progress).await?;
    Ok(StreamsMeasurement::new("constant-rate", &plan.load, streams, surroundings))
}

/// The last kind of either.
const WHOLE: usize = 4;

struct SignUps {
    site: Arc<Site>,
}

struct NewPerson(VirtualUser);

impl Workload for SignUps {
    const NAME: &'static str = "sign_up";
    const KINDS: &'static [Kind] = &[
        Step::Authorize.kind(),
        Kind { name: "form", meaning: "POST the sign-up form: waits for a password hash" },
        Step::Consent.kind(),
        Step::Token.kind(),
        Kind { name: "whole", meaning: "from when it was due to the tokens of the new account" },
    ];
    type User = NewPerson;

    fn origin(&self) -> &Arc<Origin> {
        &self.site.origin
    }

    fn user(&self, draw: Draw) -> NewPerson {
        NewPerson(VirtualUser::new(&self.site, draw))
    }
}

impl User for NewPerson {
    async fn turn(&mut self, wire: &mut Wire) -> Result<(), Trouble> {
        let began = wire.turn_begins();
        self.0.sign_up(wire).await?;
        wire.whole(WHOLE, began);
        Ok(())
    }
}

/// People who sign in and are gone.
pub(super) struct SignInsOnly {
    pub(super) site: Arc<Site>,
}

/// One of them.
pub(super) struct Person(VirtualUser);

impl Workload for SignInsOnly {
    const NAME: &'static str = "sign_in";
    const KINDS: &'static [Kind] = &[
        Step::Authorize.kind(),
        Kind { name: "form", meaning: "POST the sign-in form: waits for a password hash" },
        Step::Consent.kind(),
        Step::Token.kind(),
        Kind { name: "whole", meaning: "from when it was due to the tokens" },
    ];
    type User = Person;

    fn origin(&self) -> &Arc<Origin> {
        &self.site.origin
    }

    fn user(&self, draw: Draw) -> Person {
        Person(VirtualUser::new(&self.site, draw))
    }
}

impl User for Person {
    async fn turn(&mut self, wire: &mut Wire) -> Result<(), Trouble> {
        let began = wire.turn_begins();
        self.0.sign_in(wire).await?;
        wire.whole(WHOLE, began);
        Ok(())
    }
}

struct Me {
    shared: Arc<Tokens>,
}

struct Tokens {
    site: Arc<Site>,
    headers: Vec<HeaderValue>,
    turns: AtomicUsize,
}

struct SignedIn(Arc<Tokens>);

impl Me {
    fn new(site: &Arc<Site>, grants: &[Grant]) -> Result<Self, BenchError> {
        let headers = grants.iter().map(|grant| bearer(&grant.access_token)).collect::<Result<_, _>>();
        let headers = headers.map_err(BenchError::Target)?;
        Ok(Self { shared: Arc::new(Tokens { site: Arc::clone(site), headers, turns: AtomicUsize::new(0) }) })
    }
}

impl Workload for Me {
    const NAME: &'static str = "userinfo";
    const KINDS: &'static [Kind] =
        &[Kind { name: "request", meaning: "GET UserInfo with a known token, from when it was due" }];
    type User = SignedIn;

    fn origin(&self) -> &Arc<Origin> {
        &self.shared.site.origin
    }

    fn user(&self, _: Draw) -> SignedIn {
        SignedIn(Arc::clone(&self.shared))
    }
}

impl User for SignedIn {
    async fn turn(&mut self, wire: &mut Wire) -> Result<(), Trouble> {
        let Tokens { site, headers, turns } = &*self.0;
        let header = &headers[turns.fetch_add(1, Ordering::Relaxed) % headers.len()];
        let request = site.userinfo_request(header).map_err(Trouble::Failed)?;
        wire.ask(0, request, |answer| holds(answer, b"\"sub\"")).await
    }
}
