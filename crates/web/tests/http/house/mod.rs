//! A whole house for one test: the router on a real SQLite file in a temporary folder, a clock that the test turns, a seeded random
//! source, and the people and clients that most tests need. Knows no rule: what is right stands in the tests.

mod acme;
mod answer;
mod browser;
mod device;
mod forge;
mod log;
mod machine;
mod relying_party;

pub(crate) use answer::{Answer, attribute, claims_of, header_of};
pub(crate) use browser::{Browser, DEVICE, SECRET, SESSION};
pub(crate) use device::{Device, GRANT, television};
pub(crate) use forge::{Forge, tampered, unsigned};
pub(crate) use log::Log;
pub(crate) use machine::{JWT_BEARER, Key, asserting, assertion_claims, by_hmac};
pub(crate) use relying_party::{CHALLENGE, RelyingParty, Tokens, VERIFIER};

use axum::Router;
use axum::body::Body;
use crypto::{MasterKey, MasterKeys, SeededRandom};
use futures_util::future::join_all;
use http::Request;
use http::header::HOST;
use http_body_util::BodyExt as _;
use passwords::{Argon2Params, HashPool, PoolSettings};
use protocol::{
    Client, ClientAuthentication, ClientId, ConsentPolicy, ResourceServer, SessionId, SigningAlgorithm,
    Timestamp,
};
use provider::admin::{AdminError, NewClient, NewUser, UserPassword};
use provider::{Ctx, Provider, Settings};
use secrecy::SecretString;
use std::cell::Cell;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Duration;
use storage::session::TouchSession;
use storage::user::User;
use storage::{Durability, NewNode, Options, Store};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use web::metrics::{HttpMetrics, Sources, SystemReading};
use web::server::ClientAddress;
use web::server::ServerStats;
use web::server::rate_limit::RateLimits;
use web::{Surface, Web};

/// The issuer of every house.
pub(crate) const ISSUER: &str = "https://id.example";
/// Everybody's password.
pub(crate) const PASSWORD: &str = "correct horse battery";
/// 2026-01-01T00:00:00Z.
pub(crate) const START: Timestamp = Timestamp::from_seconds(1_767_225_600);

thread_local! {
    /// Each test runs on a thread and a single-threaded runtime of its own: nobody else turns its clock.
    static NOW: Cell<Timestamp> = const { Cell::new(START) };
    static REQUESTS: Cell<u64> = const { Cell::new(0) };
}

/// The instant the next request happens at.
pub(crate) fn now() -> Timestamp {
    NOW.get()
}

/// Lets time pass.
pub(crate) fn pass(time: Duration) {
    NOW.set(now() + time);
}

/// Lets seconds pass.
pub(crate) fn pass_seconds(seconds: u64) {
    pass(Duration::from_secs(seconds));
}

pub(crate) fn new_ctx(remote: Option<IpAddr>) -> Ctx {
    REQUESTS.set(REQUESTS.get() + 1);
    Ctx::new(now(), remote, REQUESTS.get().into(), Box::new(SeededRandom::new(REQUESTS.get())))
}

fn entropy(bytes: &mut [u8]) {
    static SALTS: AtomicU64 = AtomicU64::new(0);
    crypto::Random::fill(&mut SeededRandom::new(SALTS.fetch_add(1, Relaxed)), bytes);
}

/// The cheapest hashes there are: what is tested here is who is hashed for, not how well.
pub(crate) fn cheap_hashes() -> PoolSettings {
    PoolSettings {
        threads: 1,
        nice: 0,
        params: Argon2Params { memory_kib: 8, iterations: 1, parallelism: 1 },
        ..PoolSettings::new(entropy)
    }
}

pub(crate) fn master_key() -> MasterKey {
    MasterKey::generate(&mut SeededRandom::new(u64::MAX))
}

/// What a house is built from, where a test wants something else than the rest.
pub(crate) struct Plan {
    pub(crate) settings: Settings,
    pub(crate) hashes: PoolSettings,
    pub(crate) rate_limits: RateLimits,
    pub(crate) metrics: Arc<HttpMetrics>,
    pub(crate) leaving: CancellationToken,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            settings: Settings::new(ISSUER),
            hashes: cheap_hashes(),
            rate_limits: RateLimits::off(),
            metrics: Arc::default(),
            leaving: CancellationToken::new(),
        }
    }
}

pub(crate) struct House {
    pub(crate) provider: Provider,
    pub(crate) router: Router,
    folder: tempfile::TempDir,
    plan: Plan,
    /// How often it took in what the nodes changed.
    looks: Arc<AtomicU64>,
}

impl House {
    /// With alice and bob in it. RSA keys are not made: see [`House::make_every_key`].
    pub(crate) async fn open() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Plan)) -> Self {
        let house = Self::empty(change).await;
        house.add_user("alice").await;
        house.add_user("bob").await;
        house
    }

    /// With nobody in it.
    pub(crate) async fn empty(change: impl FnOnce(&mut Plan)) -> Self {
        let mut plan = Plan::default();
        change(&mut plan);
        let folder = tempfile::tempdir().unwrap();
        let (provider, router) = built(&folder, &plan).await;
        Self { provider, router, folder, plan, looks: Arc::default() }
    }

    /// The operator's listener, on a system that says this of itself.
    pub(crate) fn operators(&self, system: fn() -> SystemReading) -> Router {
        self.plan.metrics.watch(Sources {
            provider: self.provider.clone(),
            server: ServerStats::default(),
            rate_limits: self.plan.rate_limits.clone(),
            system: Box::new(system),
        });
        web::metrics_router(self.plan.metrics.clone())
    }

    /// A process of its own, one of those that share the database of this store.
    pub(crate) async fn node(store: Store, id: u8) -> Self {
        let (plan, folder) = (Plan::default(), tempfile::tempdir().unwrap());
        let node =
            NewNode { id: [id; 16], name: format!("node {id}"), version: "0".to_owned(), started_at: now() };
        let store = store.join(node).await.unwrap();
        let (provider, router) = on(store, &plan).await;
        let looks = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&looks);
        tokio::spawn(provider.clone().follow(move || {
            count.fetch_add(1, SeqCst);
            now()
        }));
        Self { provider, router, folder, plan, looks }
    }

    /// On a store that is another process's too, without hearing of what that changes.
    pub(crate) async fn deaf_on(store: Store) -> Self {
        let (plan, folder) = (Plan::default(), tempfile::tempdir().unwrap());
        let (provider, router) = on(store, &plan).await;
        Self { provider, router, folder, plan, looks: Arc::default() }
    }

    /// The process ends and another one begins on the same file: nothing in memory survives.
    pub(crate) async fn restart(self) -> Self {
        self.restart_with(|_| {}).await
    }

    /// As other settings say.
    pub(crate) async fn restart_with(self, change: impl FnOnce(&mut Plan)) -> Self {
        let Self { provider, router, folder, mut plan, .. } = self;
        change(&mut plan);
        drop(router);
        provider.store().close().await;
        drop(provider);
        let (provider, router) = built(&folder, &plan).await;
        Self { provider, router, folder, plan, looks: Arc::default() }
    }

    pub(crate) fn looks(&self) -> u64 {
        self.looks.load(SeqCst)
    }

    pub(crate) async fn make_every_key(&self) {
        self.provider.maintain_keys(&mut new_ctx(None)).await.unwrap();
    }

    pub(crate) async fn add_user(&self, username: &str) -> User {
        self.add_user_with(username, UserPassword::Clear(SecretString::from(PASSWORD))).await
    }

    pub(crate) async fn add_user_with(&self, username: &str, password: UserPassword) -> User {
        let claims = serde_json::json!({ "nickname": format!("{username}y"), "phone_number": "+1 555 0100" });
        let new = NewUser {
            subject: None,
            username: username.to_owned(),
            email: Some(format!("{username}@example.org")),
            email_verified: true,
            name: Some(format!("{username} Example")),
            claims: claims.as_object().unwrap().clone(),
            password,
            platform_owner: false,
        };
        self.provider.add_user(&mut new_ctx(None), new).await.unwrap()
    }

    pub(crate) async fn user(&self, username: &str) -> User {
        self.provider.find_user(username).await.unwrap()
    }

    /// The client most tests use: confidential, vouched for (no consent page), tokens by Ed25519.
    pub(crate) async fn notes(&self) -> RelyingParty {
        self.register("notes", |_| {}).await
    }

    /// A confidential client, changed as the test needs it.
    pub(crate) async fn register(&self, id: &str, change: impl FnOnce(&mut Client)) -> RelyingParty {
        self.register_as(id, ClientAuthentication::ClientSecret, change).await
    }

    /// A public client.
    pub(crate) async fn register_public(&self, id: &str, change: impl FnOnce(&mut Client)) -> RelyingParty {
        self.register_as(id, ClientAuthentication::None, change).await
    }

    async fn register_as(
        &self,
        id: &str,
        authentication: ClientAuthentication,
        change: impl FnOnce(&mut Client),
    ) -> RelyingParty {
        let mut client = Client::new(ClientId::parse(id).unwrap(), format!("The {id} app"), authentication);
        let host = id.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        client.redirect_uris = vec![format!("https://{host}.example/cb").parse().unwrap()];
        client.post_logout_redirect_uris = vec![format!("https://{host}.example/bye").parse().unwrap()];
        client.consent = ConsentPolicy::Implicit;
        client.id_token_signed_response_alg = SigningAlgorithm::EdDsa;
        change(&mut client);
        let redirect_uri = client.redirect_uris.first().map(ToString::to_string).unwrap_or_default();
        let created = self.provider.add_client(&mut new_ctx(None), NewClient { client }).await.unwrap();
        RelyingParty { id: id.to_owned(), secret: created.secret, redirect_uri }
    }

    /// Replaces a registration.
    pub(crate) async fn change_client(&self, client: &RelyingParty, change: impl FnOnce(&mut Client)) {
        let (mut registered, version) = self.provider.find_client_version(&client.client_id()).await.unwrap();
        change(&mut registered);
        self.provider.replace_client(&new_ctx(None), registered, version).await.unwrap();
    }

    /// Replaces what is registered of a resource server, as it is now.
    pub(crate) async fn replace_resource_server(&self, server: ResourceServer) -> Result<(), AdminError> {
        let (_, version) = self.provider.find_resource_server(&server.identifier).await.unwrap();
        self.provider.replace_resource_server(&new_ctx(None), server, version).await
    }

    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser::new(self)
    }

    /// A browser in which this person is signed in, at `client`.
    pub(crate) async fn signed_in(&self, client: &RelyingParty, username: &str) -> Browser<'_> {
        let mut browser = self.browser();
        browser.code_for(client, username).await;
        browser
    }

    /// Sends a request as it is; to the issuer's host, where it names none.
    pub(crate) async fn send(&self, mut request: Request<Body>) -> Answer {
        let own = self.provider.settings().issuer.split_once("://").map_or("", |(_, rest)| rest);
        let own = own.split('/').next().unwrap_or_default();
        request.headers_mut().entry(HOST).or_insert(own.parse().unwrap());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    /// Sends a request from this address.
    pub(crate) async fn send_from(&self, address: IpAddr, mut request: Request<Body>) -> Answer {
        request.extensions_mut().insert(ClientAddress(address));
        self.send(request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Posts a form from no browser.
    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.send(post(path, form)).await
    }

    /// Makes these requests meet: the writer is given so much to do first that all of them have read before anything of theirs is
    /// written.
    pub(crate) async fn at_once<F: Future>(&self, requests: impl IntoIterator<Item = F>) -> Vec<F::Output> {
        let nobody = SessionId::from_bytes([0; 16]);
        let busy = (0..1_000).map(|_| self.provider.store().write(TouchSession { id: nobody, at: START }));
        let (_, answers) = tokio::join!(join_all(busy), join_all(requests));
        answers
    }

    /// Asks UserInfo with this access token.
    pub(crate) async fn userinfo(&self, access_token: &str) -> Answer {
        let request =
            Request::get("/oauth2/userinfo").header("authorization", format!("Bearer {access_token}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }
}

/// What is tested here is not how long a busy machine's database may take.
pub(crate) fn patient(options: Options) -> Options {
    Options { write_deadline: Duration::from_secs(60), ..options }
}

async fn built(folder: &tempfile::TempDir, plan: &Plan) -> (Provider, Router) {
    let options = Options::at(folder.path().join("doorward.db"));
    // Nobody pulls the plug here, and a synced commit per request would be most of the time these tests take.
    let options = patient(Options { durability: Durability::Process, ..options });
    on(Store::open(&options).await.unwrap().store, plan).await
}

async fn on(store: Store, plan: &Plan) -> (Provider, Router) {
    let pool = HashPool::start(plan.hashes.clone()).unwrap();
    let keys = MasterKeys::new(master_key(), Vec::new());
    let provider =
        Provider::open(plan.settings.clone(), store, pool, keys, &mut new_ctx(None)).await.unwrap();
    let rate_limits = plan.rate_limits.clone();
    let router = web::router(Web::from(Surface {
        provider: provider.clone(),
        new_ctx,
        rate_limits,
        metrics: plan.metrics.clone(),
        leaving: plan.leaving.clone(),
    }));
    (provider, router)
}

/// A form as a request.
pub(crate) fn post(path: &str, form: &[(&str, &str)]) -> Request<Body> {
    let body = encoded(form);
    Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(body))
        .unwrap()
}

/// As `application/x-www-form-urlencoded`.
pub(crate) fn encoded(form: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}
