//! Many clients that speak for themselves: tokens by client_credentials, their introspection, their revocation, each measured by itself. It owns
//! what is asked, and knows the endpoints by the paths that Doorward has.

use super::plan::LoadPlan;
use super::tally::LoadMeasurement;
use super::{Kind, User, Wire, Workload, run};
use crate::draw::Draw;
use crate::encoding::{Pairs, basic};
use crate::error::BenchError;
use crate::http::{Answer, Origin};
use crate::progress::Progress;
use crate::wire::Trouble;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, Uri};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use url::Url;

/// A confidential client.
pub struct Machine {
    /// Its `client_id`.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
}

/// What the machines do all the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MachineStep {
    /// Get a token.
    ClientCredentials,
    /// Introspect a token that they got before.
    Introspection,
    /// Get a token and revoke it; both count.
    Revocation,
}

impl MachineStep {
    /// Every step, in the order of a token's life.
    pub const ALL: [Self; 3] = [Self::ClientCredentials, Self::Introspection, Self::Revocation];

    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::Introspection => "introspection",
            Self::Revocation => "revocation",
        }
    }
}

/// One step of `bench machines`. It holds the clients' secrets and therefore has no `Debug`.
#[derive(Clone)]
pub struct MachinesPlan {
    /// The issuer identifier. Only `http` is spoken.
    pub issuer: Url,
    /// The clients.
    pub machines: Arc<Vec<Machine>>,
    /// So many requests by each of them, however long it takes; `None` to go on for as long as the load's plan says.
    pub requests: Option<u32>,
    /// How long and by how many.
    pub load: LoadPlan,
}

/// However many requests there are to make: that is how long they may take.
const LONGEST: Duration = Duration::from_secs(600);

/// Lets virtual users take this step by one machine after the other.
///
/// # Errors
/// When the plan is not possible, there is no machine, or the server at `issuer` does not answer as expected.
pub async fn machines(
    plan: &MachinesPlan,
    step: MachineStep,
    progress: &dyn Progress,
) -> Result<LoadMeasurement, BenchError> {
    if plan.machines.is_empty() || plan.requests == Some(0) {
        return Err(BenchError::Plan("at least one client and one request of it are needed".to_owned()));
    }
    let site = Site::of(&plan.issuer, &plan.machines).map_err(BenchError::Plan)?;
    let mut load = plan.load.clone();
    if plan.requests.is_some() {
        // Every request counts, the first one too.
        (load.warm_up, load.duration) = (Duration::ZERO, LONGEST);
        // Nobody does it for another's clients.
        load.users = load.users.min(plan.machines.len());
    }
    let workload = Machines {
        origin: load.origin(&plan.issuer).await?,
        site: Arc::new(site),
        step,
        share: load.users.min(plan.machines.len()),
        requests: plan.requests,
        users: AtomicUsize::new(0),
    };
    run(&workload, &load, progress).await
}

struct Site {
    token: Uri,
    introspect: Uri,
    revoke: Uri,
    authorizations: Vec<HeaderValue>,
}

impl Site {
    fn of(issuer: &Url, machines: &[Machine]) -> Result<Self, String> {
        let base = issuer.path().trim_end_matches('/');
        let path = |path| format!("{base}{path}").parse::<Uri>().map_err(|error| error.to_string());
        let authorizations = machines.iter().map(|machine| basic(&machine.client_id, &machine.client_secret));
        Ok(Self {
            token: path("/oauth2/token")?,
            introspect: path("/oauth2/introspect")?,
            revoke: path("/oauth2/revoke")?,
            authorizations: authorizations.collect::<Result<_, _>>()?,
        })
    }
}

struct Machines {
    origin: Arc<Origin>,
    site: Arc<Site>,
    step: MachineStep,
    /// How many users share the machines.
    share: usize,
    requests: Option<u32>,
    users: AtomicUsize,
}

/// Takes every so many-th machine in turn.
struct Operator {
    origin: Arc<Origin>,
    site: Arc<Site>,
    step: MachineStep,
    turn: usize,
    /// Turns it has left, unless it goes on until the end.
    left: Option<usize>,
    /// Its machines, and the form with the token that each holds while it introspects.
    own: Vec<(usize, Option<Bytes>)>,
}

const GET: usize = 0;
const INTROSPECT: usize = 1;
const REVOKE: usize = 2;

impl Workload for Machines {
    const NAME: &'static str = "machines";
    const KINDS: &'static [Kind] = &[
        Kind { name: "client_credentials", meaning: "a token that speaks for the client" },
        Kind { name: "introspection", meaning: "a token that is known" },
        Kind { name: "revocation", meaning: "a token that is given up" },
    ];
    type User = Operator;

    fn origin(&self) -> &Arc<Origin> {
        &self.origin
    }

    fn user(&self, _: Draw) -> Operator {
        let number = self.users.fetch_add(1, Ordering::Relaxed) % self.share;
        let own = (number..self.site.authorizations.len()).step_by(self.share);
        let own: Vec<_> = own.map(|machine| (machine, None)).collect();
        Operator {
            left: self.requests.map(|requests| requests as usize * own.len()),
            origin: Arc::clone(&self.origin),
            site: Arc::clone(&self.site),
            step: self.step,
            turn: 0,
            own,
        }
    }
}

impl User for Operator {
    async fn turn(&mut self, wire: &mut Wire) -> Result<(), Trouble> {
        if self.left == Some(0) {
            return Err(Trouble::Over);
        }
        let place = self.turn % self.own.len();
        self.turn = place + 1;
        let (machine, held) = (self.own[place].0, self.own[place].1.take());
        match (self.step, held) {
            (MachineStep::ClientCredentials, _) => self.token(wire, machine).await.map(drop),
            (MachineStep::Introspection, None) => {
                self.own[place].1 = Some(presenting(&self.token(wire, machine).await?));
                // That was not what it is to do so many times.
                return Ok(());
            }
            (MachineStep::Introspection, Some(form)) => {
                self.ask(wire, machine, INTROSPECT, form.clone()).await?;
                self.own[place].1 = Some(form);
                Ok(())
            }
            (MachineStep::Revocation, _) => {
                let token = self.token(wire, machine).await?;
                self.ask(wire, machine, REVOKE, presenting(&token)).await
            }
        }?;
        self.left = self.left.map(|left| left - 1);
        Ok(())
    }
}

impl Operator {
    async fn token(&self, wire: &mut Wire, machine: usize) -> Result<String, Trouble> {
        let body = Bytes::from_static(b"grant_type=client_credentials");
        let request = self.origin.post_api(&self.site.token, &self.site.authorizations[machine], body);
        let request = request.map_err(Trouble::Failed)?;
        wire.ask(GET, request, |answer| text(answer)?.access_token()).await
    }

    async fn ask(&self, wire: &mut Wire, machine: usize, kind: usize, form: Bytes) -> Result<(), Trouble> {
        let path = if kind == INTROSPECT { &self.site.introspect } else { &self.site.revoke };
        let request = self.origin.post_api(path, &self.site.authorizations[machine], form);
        wire.ask(kind, request.map_err(Trouble::Failed)?, |answer| {
            let text = text(answer)?;
            let is_good = kind == REVOKE || text.0.contains(r#""active":true"#);
            if is_good { Ok(()) } else { Err("the token is not active".to_owned()) }
        })
        .await
    }
}

/// The form that presents a token.
fn presenting(token: &str) -> Bytes {
    Pairs::default().with("token", token).into_text().into()
}

/// An answer that is as it should be. What it says is looked for, not parsed: the tool shares the machine with what it measures.
struct Text<'a>(&'a str);

fn text(answer: &Answer) -> Result<Text<'_>, String> {
    if answer.status != StatusCode::OK {
        return Err(format!("status {}", answer.status.as_u16()));
    }
    std::str::from_utf8(&answer.body).map(Text).map_err(|_| "the answer is not UTF-8".to_owned())
}

impl Text<'_> {
    fn access_token(&self) -> Result<String, String> {
        let after = self.0.split_once(r#""access_token":""#).map(|(_, after)| after);
        let token = after.and_then(|after| after.split_once('"')).map(|(token, _)| token.to_owned());
        token.ok_or_else(|| "the answer holds no access_token".to_owned())
    }
}
