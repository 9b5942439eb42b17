//! Whole journeys: somebody signs in, consents, their client gets tokens, refreshes and asks who they are and what they have subscribed to; they
//! bring in a device, and an operator looks at users and clients. It owns the journey; pages and forms are `flow.rs`'s.

use super::plan::LoadPlan;
use super::streams::{StreamSeen, StreamsMeasurement};
use super::{Kind, User, Wire, Workload, first_turn};
use crate::clock;
use crate::draw::Draw;
use crate::error::BenchError;
use crate::flow::VirtualUser;
use crate::http::{Answer, Origin};
use crate::kind::Step;
use crate::open_loop::Arrivals;
use crate::operator_line::OperatorLine;
use crate::plan::SignInPlan;
use crate::progress::Progress;
use crate::site::{Grant, Site, bearer, holds, json};
use crate::stage::{Counts, Stage};
use crate::wire::Trouble;
use http::Uri;
use http::header::AUTHORIZATION;
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One run of `bench platform`. It holds a client secret and a password and therefore has no `Debug`.
#[derive(Clone)]
pub struct PlatformPlan {
    /// Who signs in, to a client of a service. How many users there are and how long it lasts is not read here.
    pub sign_in: SignInPlan,
    /// The operator's socket of a server on this machine; without it journeys have no administration.
    pub operator_socket: Option<PathBuf>,
    /// How long each of the two runs lasts; by how many users at saturation, and by how many at most at the steady rate.
    pub load: LoadPlan,
    /// Requests per second of the steady run.
    pub steady_rate: f64,
}

/// What was seen at the steady rate and at saturation.
#[derive(Debug)]
pub struct PlatformMeasurement {
    /// Requests per second that were asked for.
    pub steady_rate: f64,
    /// How many users there were at saturation.
    pub users: usize,
    /// At the steady rate, in an open loop.
    pub steady: StreamsMeasurement,
    /// As fast as it goes, in a closed loop.
    pub saturation: StreamsMeasurement,
}

/// Journeys at the steady rate, and then as fast as it goes.
///
/// # Errors
/// When the plan is not possible, the target is no OpenID Provider, or a first journey without load does not succeed.
pub async fn platform(
    plan: &PlatformPlan,
    progress: &dyn Progress,
) -> Result<PlatformMeasurement, BenchError> {
    plan.load.origin(&plan.sign_in.issuer).await?;
    if !(plan.steady_rate.is_finite() && plan.steady_rate > 0.0) {
        return Err(BenchError::Plan("the steady rate must be greater than zero".to_owned()));
    }
    let journeys = Journeys::of(plan).await?;
    first_turn(&journeys, &plan.load).await?;
    // What a turn asks, as it is counted: the whole is no request.
    let left_out = if plan.operator_socket.is_some() { 1 } else { 2 };
    let per_second = plan.steady_rate / (Journeys::KINDS.len() - left_out) as f64;

    let mut stage = Stage::new(&plan.load).counting(Counts::Requests);
    let recorder = stage.open(journeys.clone(), Arrivals { per_second, users: plan.load.users });
    let steady = vec![StreamSeen::begun::<Journeys>(per_second, recorder)];
    let surroundings = stage.run(progress).await?;
    let steady = StreamsMeasurement::new("platform", &plan.load, steady, surroundings);

    let mut stage = Stage::new(&plan.load).counting(Counts::Requests);
    let saturation = vec![StreamSeen::closed::<Journeys>(stage.closed(&journeys, plan.load.users))];
    let surroundings = stage.run(progress).await?;
    let saturation = StreamsMeasurement::new("platform", &plan.load, saturation, surroundings);
    Ok(PlatformMeasurement { steady_rate: plan.steady_rate, users: plan.load.users, steady, saturation })
}

/// People on their way through everything.
#[derive(Clone)]
pub(super) struct Journeys {
    shared: Arc<Shared>,
}

struct Shared {
    site: Arc<Site>,
    subscription: Uri,
    operator: Option<OperatorLine>,
    turns: AtomicUsize,
}

/// One of them.
pub(super) struct Traveller {
    shared: Arc<Shared>,
    person: VirtualUser,
}

impl Journeys {
    pub(super) async fn of(plan: &PlatformPlan) -> Result<Self, BenchError> {
        let base = plan.sign_in.issuer.path().trim_end_matches('/');
        let subscription = format!("{base}/api/subscription").parse::<Uri>();
        let time_out = plan.load.time_out;
        Ok(Self {
            shared: Arc::new(Shared {
                site: Arc::new(Site::discover(&plan.sign_in).await?),
                subscription: subscription.map_err(|error| BenchError::Plan(error.to_string()))?,
                operator: plan.operator_socket.clone().map(|socket| OperatorLine::new(socket, time_out)),
                turns: AtomicUsize::new(0),
            }),
        })
    }
}

// The first ones are steps, each in its place.
const USERINFO: usize = 7;
const SUBSCRIPTION: usize = 8;
const DEVICE_AUTHORIZATION: usize = 9;
const DEVICE_PAGE: usize = 10;
const DEVICE_CODE_ENTERED: usize = 11;
const DEVICE_ALLOWED: usize = 12;
const DEVICE_TOKEN: usize = 13;
const ADMINISTRATION: usize = 14;

impl Workload for Journeys {
    const NAME: &'static str = "journey";
    const KINDS: &'static [Kind] = &[
        Step::Authorize.kind(),
        Step::SignIn.kind(),
        Step::Consent.kind(),
        Step::Token.kind(),
        Step::Introspect.kind(),
        Step::Refresh.kind(),
        Kind { name: "whole", meaning: "a journey from beginning to end" },
        Kind { name: "userinfo", meaning: "who signed in" },
        Kind { name: "subscription", meaning: "GET /api/subscription: what they have subscribed to" },
        Kind { name: "device_authorization", meaning: "a device asks for a code" },
        Kind { name: "device_page", meaning: "the person opens its page" },
        Kind { name: "device_code_entered", meaning: "says that the device is theirs" },
        Kind { name: "device_allowed", meaning: "and allows it" },
        Kind { name: "device_token", meaning: "the device gets its tokens" },
        Kind {
            name: "administration",
            meaning: "an operator lists users or clients, over the operator's socket",
        },
    ];
    type User = Traveller;

    fn origin(&self) -> &Arc<Origin> {
        &self.shared.site.origin
    }

    fn user(&self, draw: Draw) -> Traveller {
        Traveller { shared: Arc::clone(&self.shared), person: VirtualUser::new(&self.shared.site, draw) }
    }
}

impl User for Traveller {
    async fn turn(&mut self, wire: &mut Wire) -> Result<(), Trouble> {
        let began = wire.turn_begins();
        let grant = self.person.sign_in_and(wire, Some("consent")).await?;
        self.person.introspect(wire, &grant.access_token, Step::Introspect as usize).await?;
        let grant = self.person.refresh(wire, &grant.refresh_token, Step::Refresh as usize).await?;
        self.ask_for(wire, &grant).await?;
        self.bring_in_a_device(wire).await?;
        self.administer(wire).await?;
        wire.whole(Step::Iteration as usize, began);
        Ok(())
    }
}

#[derive(Deserialize)]
struct Device {
    device_code: String,
    verification_uri_complete: String,
}

impl Traveller {
    async fn ask_for(&self, wire: &mut Wire, grant: &Grant) -> Result<(), Trouble> {
        let Shared { site, subscription, .. } = &*self.shared;
        let bearer = bearer(&grant.access_token).map_err(Trouble::Failed)?;
        let userinfo = site.userinfo_request(&bearer).map_err(Trouble::Failed)?;
        wire.ask(USERINFO, userinfo, |answer| holds(answer, b"\"sub\"")).await?;
        let mut request = site.origin.get_api(subscription);
        request.headers_mut().insert(AUTHORIZATION, bearer);
        wire.ask(SUBSCRIPTION, request, |answer| holds(answer, b"\"plan\"")).await
    }

    async fn bring_in_a_device(&mut self, wire: &mut Wire) -> Result<(), Trouble> {
        let request = self.shared.site.device_request().map_err(Trouble::Failed)?;
        let device = wire.ask(DEVICE_AUTHORIZATION, request, json::<Device>).await?;
        let places = [DEVICE_PAGE, DEVICE_CODE_ENTERED, DEVICE_ALLOWED];
        self.person.bring_in(wire, &device.verification_uri_complete, places).await?;
        let request = self.shared.site.device_token_request(&device.device_code).map_err(Trouble::Failed)?;
        wire.ask(DEVICE_TOKEN, request, |answer: &Answer| holds(answer, b"\"access_token\"")).await
    }

    async fn administer(&self, wire: &mut Wire) -> Result<(), Trouble> {
        let Some(operator) = &self.shared.operator else { return Ok(()) };
        let began = wire.begin()?;
        let number = self.shared.turns.fetch_add(1, Ordering::Relaxed);
        let asked = operator.ask(number).await;
        asked.map_err(|why| Trouble::Failed(format!("administration: {why}")))?;
        wire.record(ADMINISTRATION, began, clock::now());
        Ok(())
    }
}
