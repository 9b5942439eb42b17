//! Devices (RFC 8628) that wait: a device authorization, and polls that find nobody has decided yet. It owns what they ask and what the right
//! answer is; the person never comes.

use super::plan::LoadPlan;
use super::streams::{StreamSeen, StreamsMeasurement};
use super::tally::LoadMeasurement;
use super::{Kind, User, Wire, Workload, first_turn, run};
use crate::draw::Draw;
use crate::encoding::{Pairs, basic};
use crate::error::BenchError;
use crate::http::{Answer, Connection, Origin};
use crate::open_loop::Arrivals;
use crate::progress::Progress;
use crate::site::{json, shown};
use crate::stage::Stage;
use crate::wire::Trouble;
use http::{HeaderValue, StatusCode, Uri};
use serde::Deserialize;
use std::sync::Arc;
use url::Url;

/// One run of `bench devices`. It holds a client secret and therefore has no `Debug`.
#[derive(Clone)]
pub struct DevicesPlan {
    /// The issuer identifier; everything else is read from its discovery document. Only `http` is spoken.
    pub issuer: Url,
    /// A confidential client that may use the device code grant type.
    pub client_id: String,
    /// Its secret, sent as HTTP Basic (RFC 6749 section 2.3.1).
    pub client_secret: String,
    /// How often each device polls before the next one comes.
    pub polls: u32,
    /// How long and by how many.
    pub load: LoadPlan,
}

/// Runs `plan` on the caller's runtime. Dropping the future stops the load.
///
/// # Errors
/// When the plan is not possible, the target lets no devices sign in, or a first device without load does not succeed.
pub async fn devices(plan: &DevicesPlan, progress: &dyn Progress) -> Result<LoadMeasurement, BenchError> {
    run(&Devices::of(plan).await?, &plan.load, progress).await
}

/// The same with so many devices per second, whatever the server answers (an open loop): each is timed from when it was due.
///
/// # Errors
/// As [`devices`].
pub async fn devices_at(
    per_second: f64,
    plan: &DevicesPlan,
    progress: &dyn Progress,
) -> Result<StreamsMeasurement, BenchError> {
    let workload = Devices::of(plan).await?;
    first_turn(&workload, &plan.load).await?;
    let mut stage = Stage::new(&plan.load);
    let recorder = stage.open(workload, Arrivals { per_second, users: plan.load.users });
    let stream = StreamSeen::begun::<Devices>(per_second, recorder);
    let surroundings = stage.run(progress).await?;
    Ok(StreamsMeasurement::new(Devices::NAME, &plan.load, vec![stream], surroundings))
}

impl Devices {
    async fn of(plan: &DevicesPlan) -> Result<Self, BenchError> {
        let origin = plan.load.origin(&plan.issuer).await?;
        let (authorization, token) = discover(plan, &origin).await.map_err(BenchError::Target)?;
        let credentials = basic(&plan.client_id, &plan.client_secret).map_err(BenchError::Plan)?;
        let polls = plan.polls;
        Ok(Self { shared: Arc::new(Shared { origin, authorization, token, credentials, polls }) })
    }
}

#[derive(Deserialize)]
struct Discovery {
    token_endpoint: String,
    device_authorization_endpoint: Option<String>,
}

async fn discover(plan: &DevicesPlan, origin: &Arc<Origin>) -> Result<(Uri, Uri), String> {
    let path = plan.issuer.path().trim_end_matches('/');
    let request = origin.get(&format!("{path}/.well-known/openid-configuration"))?;
    let answer = Connection::new(Arc::clone(origin), plan.load.time_out).send(request).await?;
    let document: Discovery = json(&answer).map_err(|why| format!("no discovery document: {why}"))?;
    let authorization = document
        .device_authorization_endpoint
        .ok_or("its discovery names no device_authorization_endpoint (RFC 8628 section 4)")?;
    let uri = |endpoint: &str| {
        let path = origin.path_of(endpoint, "/").ok_or(format!("{endpoint} is on another origin"))?;
        path.parse::<Uri>().map_err(|error| error.to_string())
    };
    Ok((uri(&authorization)?, uri(&document.token_endpoint)?))
}

struct Devices {
    shared: Arc<Shared>,
}

struct Shared {
    origin: Arc<Origin>,
    authorization: Uri,
    token: Uri,
    credentials: HeaderValue,
    polls: u32,
}

/// One device after another.
struct Owner(Arc<Shared>);

const AUTHORIZATION: usize = 0;
const POLL: usize = 1;

impl Workload for Devices {
    const NAME: &'static str = "devices";
    const KINDS: &'static [Kind] = &[
        Kind {
            name: "device_authorization",
            meaning: "a device asks for a code: one durable write of two rows",
        },
        Kind { name: "poll", meaning: "it polls, and is told to wait: no write" },
    ];
    type User = Owner;

    fn origin(&self) -> &Arc<Origin> {
        &self.shared.origin
    }

    fn user(&self, _: Draw) -> Owner {
        Owner(Arc::clone(&self.shared))
    }
}

impl User for Owner {
    async fn turn(&mut self, wire: &mut Wire) -> Result<(), Trouble> {
        let Self(shared) = self;
        let post =
            |path, body| shared.origin.post_api(path, &shared.credentials, body).map_err(Trouble::Failed);
        let request = post(&shared.authorization, "scope=openid".to_owned())?;
        let device_code = wire.ask(AUTHORIZATION, request, device_code).await?;
        let body = Pairs::default()
            .with("grant_type", "urn:ietf:params:oauth:grant-type:device_code")
            .with("device_code", &device_code)
            .into_text();
        for _ in 0..shared.polls {
            wire.ask(POLL, post(&shared.token, body.clone())?, is_told_to_wait).await?;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Asked {
    device_code: String,
}

fn device_code(answer: &Answer) -> Result<String, String> {
    json::<Asked>(answer).map(|asked| asked.device_code)
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

/// RFC 8628 section 3.5; in a closed loop a poll may come sooner than the server likes.
fn is_told_to_wait(answer: &Answer) -> Result<(), String> {
    let refusal = serde_json::from_slice::<Refusal>(&answer.body).map(|refusal| refusal.error);
    match (answer.status, refusal.as_deref()) {
        (StatusCode::BAD_REQUEST, Ok("authorization_pending" | "slow_down")) => Ok(()),
        (status, code) => {
            let code = code.map(shown).unwrap_or("no OAuth error");
            Err(format!("status {}, {code}", status.as_u16()))
        }
    }
}
