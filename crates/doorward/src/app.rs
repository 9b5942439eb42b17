//! The wiring: settings become a store, a hash pool, keys, and the provider that stands on them. Used by the server, the demo and local
//! administration alike. Decides nothing.

use crate::clock::{self, OsRandom};
use crate::master_key::{IfMissing, MasterKeySource};
use crate::settings::{Issuer, Registration, Settings};
use anyhow::Context as _;
use crypto::MasterKeys;
use passwords::{HashPool, PoolSettings};
use provider::Provider;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use storage::archive::Shipping;
use storage::server_secret::ListServerSecrets;
use storage::signing_key::ListSigningKeys;
use storage::{Options, Store};
use web::Web;
use web::metrics::HttpMetrics;
use web::server::rate_limit::{Budgets, RateLimits};
use web::server::{ServerOptions, ServerStats};

/// An opened installation.
pub(crate) struct App {
    pub(crate) provider: Provider,
}

impl App {
    /// Opens it, and makes what a new one lacks.
    ///
    /// # Errors
    /// What the operator can put right: the database is in use, the master key is missing, the disk is full.
    pub(crate) async fn open(
        settings: &Settings,
        issuer: &Issuer,
        shipping: Option<Shipping>,
    ) -> anyhow::Result<Self> {
        make_directory(&settings.data)?;
        let database = settings.database();
        let Some(file) = database.file() else {
            // On a server, what is stored says whether the installation is new.
            let store = open_store(settings, None).await?;
            let master_keys = shared_master_keys(settings, &store).await?;
            return Self::assemble(settings, issuer, store, master_keys).await;
        };
        // The key comes first: were the first start interrupted between the two, a key without a database harms nothing, and a database
        // without its key could not be told from one whose key was lost.
        let if_missing = if file.exists() { IfMissing::Refuse } else { IfMissing::Create };
        let master_keys = master_key_source(settings).load(if_missing, &mut OsRandom)?;
        let store = open_store(settings, shipping).await?;
        Self::assemble(settings, issuer, store, master_keys).await
    }

    /// Opens it on a store that is open already.
    ///
    /// # Errors
    /// As [`App::open`].
    pub(crate) async fn assemble(
        settings: &Settings,
        issuer: &Issuer,
        store: Store,
        master_keys: MasterKeys,
    ) -> anyhow::Result<Self> {
        let hash_pool = HashPool::start(pool_settings(settings))?;
        let opening = provider_settings(settings, issuer);
        let provider = Provider::open(opening, store, hash_pool, master_keys, &mut clock::own_ctx()).await?;
        Ok(Self { provider })
    }

    /// What the router is built from, and the limits of the server it runs in.
    pub(crate) fn surface(&self, settings: &Settings) -> (Web, ServerOptions) {
        let stats = ServerStats::default();
        let metrics = std::sync::Arc::new(HttpMetrics::default());
        metrics.watch(self.provider.clone(), stats.clone());
        let limits = &settings.limits;
        let rate_limits = if limits.enabled {
            RateLimits::new(Budgets {
                requests_per_second: limits.requests_per_second,
                sign_ins_per_minute: limits.sign_ins_per_minute,
            })
        } else {
            RateLimits::off()
        };
        let web = Web { provider: self.provider.clone(), new_ctx: clock::new_ctx, rate_limits, metrics };
        let options = ServerOptions {
            trusted_proxies: settings.trusted_proxies.clone(),
            max_connections: settings.max_connections,
            max_connections_per_address: settings.max_connections_per_address,
            drain_timeout: settings.drain_timeout,
            stats,
            ..ServerOptions::default()
        };
        (web, options)
    }
}

/// Where the master key is kept.
pub(crate) fn master_key_source(settings: &Settings) -> MasterKeySource {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    MasterKeySource::of(settings, credentials.as_deref())
}

/// The master key of a database that several servers may share: made by the first one, carried to the others by their operator.
async fn shared_master_keys(settings: &Settings, store: &Store) -> anyhow::Result<MasterKeys> {
    let (secrets, keys) = store.read_together((ListServerSecrets, ListSigningKeys)).await?;
    let is_new = secrets.is_empty() && keys.is_empty();
    let if_missing = if is_new { IfMissing::Create } else { IfMissing::Refuse };
    master_key_source(settings).load(if_missing, &mut OsRandom).with_context(|| {
        let database = settings.database();
        format!(
            "{database} belongs to an installation that exists: every server on it needs the master key that its first server made"
        )
    })
}

/// For its owner only: the master key, the database and the operator's socket are in it.
fn make_directory(path: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(|| {
        format!("the data directory {} cannot be made: choose another with --data", path.display())
    })
}

/// Opens the database, and logs what its operator should know. Only a server ships its changes: what a command changes while none runs
/// is in the base that the next one begins with.
pub(crate) async fn open_store(settings: &Settings, shipping: Option<Shipping>) -> anyhow::Result<Store> {
    let sqlite = &settings.sqlite;
    let opened = Store::open(&Options {
        writer_cache: sqlite.writer_cache,
        reader_cache: sqlite.reader_cache,
        mapped: sqlite.mmap,
        wal_soft_limit: sqlite.wal_soft_limit,
        wal_hard_limit: sqlite.wal_hard_limit,
        shipping,
        ..Options::new(settings.database_to_open()?)
    })
    .await?;
    for warning in opened.warnings {
        tracing::warn!("{warning}");
    }
    Ok(opened.store)
}

fn pool_settings(settings: &Settings) -> PoolSettings {
    let passwords = &settings.passwords;
    let defaults = PoolSettings::new(clock::entropy);
    PoolSettings {
        threads: passwords.threads.unwrap_or(defaults.threads),
        max_wait: passwords.max_wait,
        params: passwords.params(),
        ..defaults
    }
}

fn provider_settings(settings: &Settings, issuer: &Issuer) -> provider::Settings {
    provider::Settings {
        registration_open: settings.registration == Registration::Open,
        session_idle: settings.session.idle,
        session_lifetime: settings.session.absolute,
        access_token_lifetime: settings.tokens.access_lifetime,
        refresh_token_lifetime: settings.tokens.refresh_lifetime,
        grant_lifetime: settings.tokens.grant_lifetime,
        refresh_grace: settings.tokens.refresh_grace,
        rotate_keys_every: settings.keys.rotate_every,
        lockout: settings.limits.lockout,
        ..provider::Settings::new(issuer.as_str())
    }
}
