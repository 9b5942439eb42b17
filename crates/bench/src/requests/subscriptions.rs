//! A service that asks what its users have subscribed to, by the organization API: of ten requests seven ask for a subscription, one for a
//! device code, one polls for its token, and one asks for the user. It owns what is asked and the mix, and knows the paths of that API.

use super::plan::LoadPlan;
use super::tally::LoadMeasurement;
use super::{Kind, User, Wire, Workload, run};
use crate::draw::Draw;
use crate::error::BenchError;
use crate::http::{Answer, Origin};
use crate::load::grants;
use crate::plan::SignInPlan;
use crate::progress::Progress;
use crate::site::{Grant, Site, bearer, told};
use crate::wire::Trouble;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, StatusCode, Uri};
use http_body_util::Full;
use serde::Deserialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many people are signed in before the load begins; the virtual users share their tokens.
const TOKENS: usize = 16;

/// A service, and somebody who has subscribed to it and is a member of its organization. It holds a password and therefore has no `Debug`.
pub struct ServiceUser {
    /// How they sign in, to a client of the service. How many users there are and how long it lasts is not read here.
    pub sign_in: SignInPlan,
    /// A public client of the service that may use the device grant.
    pub device_client: String,
    /// The organization's slug.
    pub organization: String,
    /// The service's slug.
    pub service: String,
}

/// Asks again and again what has been subscribed to.
///
/// # Errors
/// When the plan is not possible, nobody can sign in, or the server does not answer as expected.
pub async fn subscriptions(
    who: &ServiceUser,
    plan: &LoadPlan,
    progress: &dyn Progress,
) -> Result<LoadMeasurement, BenchError> {
    let origin = plan.origin(&who.sign_in.issuer).await?;
    let tokens = sign_in(&who.sign_in, plan).await?;
    let base = who.sign_in.issuer.path().trim_end_matches('/');
    let path = |path: &str| {
        format!("{base}{path}").parse::<Uri>().map_err(|error| BenchError::Plan(error.to_string()))
    };
    let device = serde_json::json!({
        "client_id": who.device_client, "org": who.organization, "service": who.service,
    });
    let paths = Paths {
        subscription: path("/api/subscription")?,
        user: path("/api/user")?,
        device_code: path("/auth/device/code")?,
        token: path("/auth/token")?,
        device: device.to_string(),
        device_client: who.device_client.clone(),
    };
    let workload = Subscriptions { origin, paths: Arc::new(paths), tokens, users: AtomicUsize::new(0) };
    run(&workload, plan, progress).await
}

async fn sign_in(who: &SignInPlan, plan: &LoadPlan) -> Result<Vec<HeaderValue>, BenchError> {
    let site = Arc::new(Site::discover(who).await?);
    let grants = grants(&site, plan.seed, plan.users.min(TOKENS)).await?;
    let header = |grant: &Grant| bearer(&grant.access_token);
    grants.iter().map(header).collect::<Result<_, _>>().map_err(BenchError::FirstTurn)
}

struct Paths {
    subscription: Uri,
    user: Uri,
    device_code: Uri,
    token: Uri,
    /// The body of a request for a device code.
    device: String,
    device_client: String,
}

struct Subscriptions {
    origin: Arc<Origin>,
    paths: Arc<Paths>,
    tokens: Vec<HeaderValue>,
    users: AtomicUsize,
}

/// The service's server, with one of the tokens that its users brought.
struct Asker {
    origin: Arc<Origin>,
    paths: Arc<Paths>,
    token: HeaderValue,
}

const SUBSCRIPTION: usize = 0;
const DEVICE_CODE: usize = 1;
const POLL: usize = 2;
const USER: usize = 3;

impl Workload for Subscriptions {
    const NAME: &'static str = "subscriptions";
    const KINDS: &'static [Kind] = &[
        Kind { name: "subscription", meaning: "GET /api/subscription with a known token" },
        Kind { name: "device_code", meaning: "POST /auth/device/code: a durable write" },
        Kind { name: "poll", meaning: "POST /auth/token for a code that waits for its person" },
        Kind { name: "user", meaning: "GET /api/user of a member" },
    ];
    type User = Asker;

    fn origin(&self) -> &Arc<Origin> {
        &self.origin
    }

    fn user(&self, _: Draw) -> Asker {
        let number = self.users.fetch_add(1, Ordering::Relaxed) % self.tokens.len();
        Asker {
            origin: Arc::clone(&self.origin),
            paths: Arc::clone(&self.paths),
            token: self.tokens[number].clone(),
        }
    }
}

#[derive(Deserialize)]
struct DeviceCode {
    device_code: String,
}

impl User for Asker {
    async fn turn(&mut self, wire: &mut Wire) -> Result<(), Trouble> {
        self.ask_for_subscription(wire, 3).await?;
        let code = self.origin.post_json(&self.paths.device_code, self.paths.device.clone());
        let code = wire.ask(DEVICE_CODE, code, device_code).await?;
        self.ask_for_subscription(wire, 2).await?;
        let poll = serde_json::json!({
            "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
            "client_id": self.paths.device_client,
            "device_code": code,
        });
        let poll = self.origin.post_json(&self.paths.token, poll.to_string());
        wire.ask(POLL, poll, |answer| told(answer, StatusCode::BAD_REQUEST, b"DEVICE_CODE_PENDING")).await?;
        self.ask_for_subscription(wire, 2).await?;
        let user = self.get(&self.paths.user);
        wire.ask(USER, user, |answer| told(answer, StatusCode::OK, b"\"email\"")).await
    }
}

impl Asker {
    async fn ask_for_subscription(&self, wire: &mut Wire, times: usize) -> Result<(), Trouble> {
        for _ in 0..times {
            let request = self.get(&self.paths.subscription);
            wire.ask(SUBSCRIPTION, request, |answer| told(answer, StatusCode::OK, b"\"plan\"")).await?;
        }
        Ok(())
    }

    fn get(&self, path: &Uri) -> Request<Full<Bytes>> {
        let mut request = self.origin.get_api(path);
        request.headers_mut().insert(AUTHORIZATION, self.token.clone());
        request
    }
}

fn device_code(answer: &Answer) -> Result<String, String> {
    told(answer, StatusCode::OK, b"\"device_code\"")?;
    serde_json::from_slice::<DeviceCode>(&answer.body)
        .map(|answer| answer.device_code)
        .map_err(|_| "an answer without a device code".to_owned())
}
