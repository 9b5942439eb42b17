//! THE DECISIONS: what an authorization server does. Knows no HTTP and no SQL: parameters come in as typed values, answers go out as
//! typed values, and state changes as `storage` commands.
//!
//! [`Provider`] is a cheap clone, built once. Every decision takes a [`Ctx`]: the instant, the randomness and the address of one request.

pub mod admin;
mod authentication;
mod authorize;
mod clients;
mod ctx;
mod device;
mod error;
mod gateway;
mod installation;
pub mod interaction;
mod memory;
mod settings;
mod tenancy;
mod tokens;

pub use authentication::accounts::{AccountCookie, AccountCookies, MOST_ACCOUNTS};
pub use authentication::known_device::KNOWN_DEVICE_LIFETIME;
pub use authentication::logout::{LoggedOut, Logout, LogoutProblem, LogoutRequest};
pub use authentication::session::SignedIn;
pub use authentication::setup::SetupAnswer;
pub use authorize::carried::Carried;
pub use authorize::{AuthorizationResponse, Authorize, AuthorizeError, Checked};
pub use clients::request::ClientRequest;
pub use clients::trusted_keys::{FetchKeys, FetchedKeys, Fetching};
pub use ctx::{Ctx, Dialect, RequestId};
pub use device::{DeviceAuthorization, EnteredCode, UserCodeProblem};
pub use error::{Ended, Overloaded, ProviderError};
pub use gateway::api_keys::VerifiedApiKey;
pub use gateway::validate::{Admitted, Denied, GatewayRequest};
pub use installation::audit::{AuditBreak, AuditChain, AuditCounts, AuditVerdict};
pub use installation::keys::SigningKeyView;
pub use memory::readings::{CacheReading, PoolStats, Readings, RemoteStats, StoreStats};
pub use settings::{AuditLevel, JWK_SET_MAX_AGE, MutualTls, Settings, StaySignedIn};
pub use tenancy::subscription::{CurrentSubscription, OrganizationUser};
pub use tokens::access_token::VerifiedAccessToken;
pub use tokens::credential::{Caller, Credential};
pub use tokens::grants::{KeycloakTokenResponse, TokenResponse};
pub use tokens::introspect::Introspection;

use authentication::failures::Failures;
use clients::budgets::Budgets;
use clients::registered::ClientCache;
use clients::trusted_keys::TrustedKeys;
use crypto::{DerivationKey, MasterKeys};
use device::Polls;
use gateway::api_keys::ApiKeyCache;
use gateway::resource_servers::ResourceServers;
use installation::audit::AuditLog;
use installation::keys::Keys;
use interaction::Waiting;
use memory::jobs::Jobs;
use memory::revocations::Revocations;
use passwords::HashPool;
use protocol::Timestamp;
use std::sync::{Arc, OnceLock};
use storage::{Store, SweepReport};
use tenancy::service::{ServiceCache, SubscriptionCache};
use tokens::access_token::TokenCache;

/// The authorization server. A cheap clone.
#[derive(Clone)]
pub struct Provider {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    store: Store,
    hash_pool: HashPool,
    master_keys: MasterKeys,
    keys: Keys,
    /// The metadata document, once it was asked for.
    metadata: OnceLock<Arc<[u8]>>,
    refresh_derivation: DerivationKey,
    clients: ClientCache,
    services: ServiceCache,
    subscriptions: SubscriptionCache,
    tokens: TokenCache,
    api_keys: ApiKeyCache,
    envelopes: authentication::imports::Envelopes,
    resource_servers: ResourceServers,
    trusted_keys: TrustedKeys,
    revocations: Revocations,
    failures: Failures,
    budgets: Budgets,
    polls: Polls,
    waiting: Waiting,
    audit: AuditLog,
    jobs: Jobs,
}

impl Provider {
    /// Opens the installation in `store`: loads its keys and revocations, and makes what a new one lacks. The slow RSA keys are made
    /// afterwards, by [`Provider::maintain_keys`].
    ///
    /// # Errors
    /// When storage fails, or a sealed value does not open under the master keys.
    pub async fn open(
        settings: Settings,
        store: Store,
        hash_pool: HashPool,
        master_keys: MasterKeys,
        ctx: &mut Ctx,
    ) -> Result<Self, ProviderError> {
        let refresh_derivation = installation::keys::refresh_derivation(&store, &master_keys, ctx).await?;
        let audit = AuditLog::new(installation::audit::audit_key(&store, &master_keys, ctx).await?);
        let revocations = Revocations::default();
        revocations.load(&store, ctx.now).await?;
        let inner = Inner {
            failures: Failures::new(settings.lockout),
            budgets: Budgets::default(),
            polls: Polls::default(),
            waiting: Waiting::new(settings.interactions_per_address, settings.unattended_lifetime),
            keys: Keys::default(),
            metadata: OnceLock::new(),
            clients: ClientCache::default(),
            services: ServiceCache::of(1_000),
            subscriptions: SubscriptionCache::of(32_768),
            tokens: TokenCache::default(),
            api_keys: ApiKeyCache::default(),
            envelopes: authentication::imports::Envelopes::default(),
            resource_servers: ResourceServers::default(),
            trusted_keys: TrustedKeys::default(),
            settings,
            store,
            hash_pool,
            master_keys,
            refresh_derivation,
            revocations,
            audit,
            jobs: Jobs::default(),
        };
        let provider = Self { inner: Arc::new(inner) };
        provider.load_resource_servers().await?;
        provider.load_keys(ctx.now).await?;
        provider.make_quick_keys(ctx).await?;
        Ok(provider)
    }

    /// Says who fetches the keys that others publish; without it, only keys that were handed in are known.
    pub fn fetch_keys_with(&self, fetcher: Arc<dyn FetchKeys>) {
        self.inner.trusted_keys.fetched_by(fetcher);
    }

    /// The settings it was opened with.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// The store, for sweeping and measuring.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// The hash pool, for measuring.
    pub fn hash_pool(&self) -> &HashPool {
        &self.inner.hash_pool
    }

    /// How often a presented access token was known already, and how often it had to be verified.
    pub fn token_cache_counts(&self) -> (u64, u64) {
        let reading = self.inner.tokens.reading();
        (reading.hits, reading.misses)
    }

    /// Whether this process is the one that runs the job of this name.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn runs_job(&self, name: &'static str) -> Result<bool, ProviderError> {
        Ok(self.inner.store.holds_lease(name).await?)
    }

    /// Whether every algorithm has a key that signs.
    pub fn has_every_key(&self) -> bool {
        self.inner.keys.complete()
    }

    /// Forgets what memory holds of revocations that nothing can meet any more, and of clients that have their whole budget again.
    pub fn prune(&self, now: Timestamp) {
        self.inner.revocations.prune(now);
        self.inner.budgets.prune(now);
    }

    /// Deletes what has expired, in small slices between writes; forgets revocations that nothing can meet any more.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn sweep(&self, now: Timestamp) -> Result<SweepReport, ProviderError> {
        self.prune(now);
        Ok(self.inner.store.sweep(now).await?)
    }

    /// Whether requests can be answered now; if not, why.
    ///
    /// # Errors
    /// One sentence for an operator.
    pub fn ready(&self) -> Result<(), String> {
        if !self.inner.keys.complete() {
            return Err("signing keys are still being made".to_owned());
        }
        self.inner.store.trouble().map_or(Ok(()), Err)?;
        self.inner.store.current().map_err(|error| error.to_string())
    }
}
