//! Requests that only read, each measured by itself: who signed in (UserInfo), what they have subscribed to, whether a token is good, the discovery
//! document, the signing keys. It owns what is asked, and knows the paths that Doorward has where discovery names none.

use super::plan::LoadPlan;
use super::tally::LoadMeasurement;
use super::{Kind, User, Wire, Workload, run};
use crate::draw::Draw;
use crate::error::BenchError;
use crate::http::Origin;
use crate::load::grants;
use crate::plan::SignInPlan;
use crate::progress::Progress;
use crate::site::{Grant, Site, bearer, holds};
use crate::wire::Trouble;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Uri};
use http_body_util::Full;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many people are signed in before anything is measured; the virtual users share their tokens.
const SIGNED_IN: usize = 16;

/// A request that only reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadStep {
    /// Who signed in (OpenID Connect Core section 5.3).
    UserInfo,
    /// What they have subscribed to, by the organization API.
    Subscription,
    /// Whether their token is good (RFC 7662).
    Introspection,
    /// The discovery document.
    Discovery,
    /// The signing keys.
    Jwks,
}

impl ReadStep {
    /// Every one.
    pub const ALL: [Self; 5] =
        [Self::UserInfo, Self::Subscription, Self::Introspection, Self::Discovery, Self::Jwks];

    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        Reads::KINDS[self as usize].name
    }
}

/// People who have signed in, and whom to ask. It holds their tokens and therefore has no `Debug`.
#[derive(Clone)]
pub struct Readers {
    shared: Arc<Shared>,
}

struct Shared {
    site: Arc<Site>,
    subscription: Uri,
    discovery: Uri,
    /// And the same as headers.
    tokens: Vec<(String, HeaderValue)>,
    turns: AtomicUsize,
}

impl Readers {
    /// Signs some people in.
    ///
    /// # Errors
    /// When the target is no OpenID Provider, or nobody can sign in.
    pub async fn sign_in(plan: &SignInPlan) -> Result<Self, BenchError> {
        let site = Arc::new(Site::discover(plan).await?);
        let token = |grant: &Grant| Ok((grant.access_token.clone(), bearer(&grant.access_token)?));
        let tokens = grants(&site, plan.seed, SIGNED_IN).await?;
        let tokens = tokens.iter().map(token).collect::<Result<_, String>>().map_err(BenchError::Target)?;
        let base = plan.issuer.path().trim_end_matches('/');
        let path = |path: &str| {
            format!("{base}{path}").parse::<Uri>().map_err(|error| BenchError::Plan(error.to_string()))
        };
        let shared = Shared {
            subscription: path("/api/subscription")?,
            discovery: path("/.well-known/openid-configuration")?,
            site,
            tokens,
            turns: AtomicUsize::new(0),
        };
        Ok(Self { shared: Arc::new(shared) })
    }
}

/// Lets virtual users ask for this again and again.
///
/// # Errors
/// When the plan is not possible, or the server does not answer as expected.
pub async fn reads(
    readers: &Readers,
    step: ReadStep,
    plan: &LoadPlan,
    progress: &dyn Progress,
) -> Result<LoadMeasurement, BenchError> {
    run(&Reads { shared: Arc::clone(&readers.shared), step }, plan, progress).await
}

struct Reads {
    shared: Arc<Shared>,
    step: ReadStep,
}

struct Reader {
    shared: Arc<Shared>,
    step: ReadStep,
}

impl Workload for Reads {
    const NAME: &'static str = "reads";
    const KINDS: &'static [Kind] = &[
        Kind { name: "userinfo", meaning: "who signed in, with a known token" },
        Kind { name: "subscription", meaning: "GET /api/subscription with a known token" },
        Kind { name: "introspection", meaning: "a token that is known" },
        Kind { name: "discovery", meaning: "the discovery document" },
        Kind { name: "jwks", meaning: "the signing keys" },
    ];
    type User = Reader;

    fn origin(&self) -> &Arc<Origin> {
        &self.shared.site.origin
    }

    fn user(&self, _: Draw) -> Reader {
        Reader { shared: Arc::clone(&self.shared), step: self.step }
    }
}

impl User for Reader {
    async fn turn(&mut self, wire: &mut Wire) -> Result<(), Trouble> {
        let shared = &self.shared;
        let place = shared.turns.fetch_add(1, Ordering::Relaxed) % shared.tokens.len();
        let (token, bearer) = &shared.tokens[place];
        let (request, mark): (_, &[u8]) = match self.step {
            ReadStep::UserInfo => (shared.site.userinfo_request(bearer), b"\"sub\""),
            ReadStep::Subscription => (Ok(shared.subscription_request(bearer)), b"\"plan\""),
            ReadStep::Introspection => (shared.site.introspect_request(token), b"\"active\":true"),
            ReadStep::Discovery => (Ok(shared.site.origin.get_api(&shared.discovery)), b"\"issuer\""),
            ReadStep::Jwks => (shared.site.jwks_request(), b"\"keys\""),
        };
        wire.ask(self.step as usize, request.map_err(Trouble::Failed)?, |answer| holds(answer, mark)).await
    }
}

impl Shared {
    fn subscription_request(&self, bearer: &HeaderValue) -> Request<Full<Bytes>> {
        let mut request = self.site.origin.get_api(&self.subscription);
        request.headers_mut().insert(AUTHORIZATION, bearer.clone());
        request
    }
}
