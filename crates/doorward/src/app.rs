//! The wiring: settings become a store, a hash pool, keys, and the provider that stands on them. Used by the server, the demo and local
//! administration alike. Decides nothing.

use crate::backups::{Backups, Sealing};
use crate::clock::{self, OsRandom};
use crate::environment;
use crate::fetch::{Fetcher, Shared};
use crate::master_key::{IfMissing, MasterKeySource};
use crate::settings::{Issuer, Registration, Settings};
use crate::verifiers;
use anyhow::{Context as _, bail, ensure};
use crypto::MasterKeys;
use passwords::{HashPool, PoolSettings};
use provider::{MutualTls, Provider};
use rustix::system::uname;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use storage::archive::Shipping;
use storage::server_secret::ListServerSecrets;
use storage::signing_key::ListSigningKeys;
use storage::{NewNode, OpenError, Options, Schema, Sealer, Store, owner};
use tokio_util::sync::CancellationToken;
use web::metrics::{HttpMetrics, ReadSystem, Sources};
use web::server::rate_limit::{Budgets, RateLimits};
use web::server::{Forwarding, ServerOptions, ServerStats};
use web::{Surface, Web};

/// How long a predecessor is waited for, unless `sqlite.lock_wait` says otherwise: as long as systemd is told to wait for its end.
pub(crate) const HAND_OVER: Duration = Duration::from_secs(30);

/// An opened installation.
pub(crate) struct App {
    pub(crate) provider: Provider,
    /// What seals its backups.
    pub(crate) sealer: Arc<dyn Sealer>,
}

/// How an installation is opened.
#[derive(Clone, Copy)]
pub(crate) struct Opening<'a> {
    /// Whether one that does not exist is made.
    pub(crate) if_missing: IfMissing,
    pub(crate) predecessor: Predecessor,
    /// Where its changes are shipped to.
    pub(crate) backups: Option<&'a Backups>,
}

impl Opening<'_> {
    /// Alone, and shipping nothing.
    pub(crate) fn of(if_missing: IfMissing) -> Self {
        Self { if_missing, predecessor: Predecessor::None, backups: None }
    }
}

impl App {
    /// Opens it, and makes what a new one lacks where one may be made.
    ///
    /// # Errors
    /// What the operator can put right: there is none here, the database is in use, the master key is missing, the disk is full.
    ///
    /// The predecessor of a server that takes over its socket, or listens beside it, may still have the database: it is waited for.
    pub(crate) async fn open(
        settings: &Settings,
        issuer: &Issuer,
        opening: Opening<'_>,
    ) -> anyhow::Result<Self> {
        let database = settings.database();
        let if_missing = opening.if_missing;
        match database.file() {
            Some(file) => check_place(settings, file, if_missing)?,
            // What is in its database is asked below.
            None if if_missing == IfMissing::Create => make_directory(&settings.data)?,
            None => {}
        }
        let Some(file) = database.file() else {
            // On a server, what is stored says whether the installation is new.
            let store = open_store(settings, if_missing, None).await?;
            let master_keys = shared_master_keys(settings, &store, if_missing).await?;
            // Before anything is read into memory: what changes from now on is heard of.
            let store = store.join(new_node()).await?;
            return Self::assemble(settings, issuer, store, master_keys).await;
        };
        // The key comes first: were the first start interrupted between the two, a key without a database harms nothing, and a database
        // without its key could not be told from one whose key was lost.
        let if_missing = if file.exists() { IfMissing::Refuse } else { IfMissing::Create };
        let master_keys = master_key_source(settings).load(if_missing, &mut OsRandom)?;
        let sealer = Sealing::of(&master_keys);
        let shipping = opening.backups.map(|backups| backups.shipping(sealer));
        let store = open_store_after(settings, opening, shipping).await?;
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
        verifiers::share(settings, &hash_pool, master_keys.current().id())?;
        let sealer = Sealing::of(&master_keys);
        let mutual_tls = mutual_tls(settings)?;
        let opening = provider::Settings { mutual_tls, ..provider_settings(settings, issuer) };
        let provider = Provider::open(opening, store, hash_pool, master_keys, &mut clock::own_ctx()).await?;
        let outgoing = &settings.outgoing;
        let fetcher = Fetcher::new(outgoing.allow.clone(), outgoing.ca_file.clone());
        provider.fetch_keys_with(std::sync::Arc::new(Shared(fetcher)));
        Ok(Self { provider, sealer })
    }

    /// What the router is built from, and the limits of the server it runs in.
    /// `system` is asked for what the metrics say of this process; `leaving` is cancelled when the server begins to stop.
    pub(crate) fn surface(
        &self,
        settings: &Settings,
        metrics: HttpMetrics,
        system: ReadSystem,
        leaving: &CancellationToken,
    ) -> (Web, ServerOptions) {
        let stats = ServerStats::default();
        let metrics = std::sync::Arc::new(metrics);
        let limits = &settings.limits;
        let rate_limits = if limits.enabled {
            RateLimits::new(Budgets {
                requests_per_second: limits.requests_per_second,
                sign_ins_per_minute: limits.sign_ins_per_minute,
            })
        } else {
            RateLimits::off()
        };
        metrics.watch(Sources {
            provider: self.provider.clone(),
            server: stats.clone(),
            rate_limits: rate_limits.clone(),
            system,
        });
        let web = Web::from(Surface {
            provider: self.provider.clone(),
            new_ctx: clock::new_ctx,
            rate_limits,
            metrics,
            leaving: leaving.clone(),
        });
        let options = ServerOptions {
            trusted_proxies: settings.trusted_proxies.clone(),
            forwarding_header: settings.forwarding_header.clone(),
            client_certificate_header: settings.tls.client_certificate_header.clone(),
            max_connections: settings.max_connections,
            max_connections_per_address: settings.max_connections_per_address,
            forwarding: Forwarding::of(&self.provider.settings().issuer),
            stats,
            ..draining(settings)
        };
        (web, options)
    }
}

/// Whether and how clients' certificates reach this server.
pub(crate) fn mutual_tls(settings: &Settings) -> anyhow::Result<MutualTls> {
    let tls = &settings.tls;
    let offered = tls.client_certificates || tls.client_certificate_header.is_some();
    let Some(path) = &tls.client_ca else { return Ok(MutualTls { offered, ..MutualTls::default() }) };
    let told = || format!("tls.client_ca {}", path.display());
    let pem = std::fs::read(path).with_context(told)?;
    let authorities = crypto::CertificateAuthorities::from_pem(&pem).with_context(told)?;
    Ok(MutualTls { offered, authorities })
}

/// How a server ends.
pub(crate) fn draining(settings: &Settings) -> ServerOptions {
    ServerOptions {
        drain_delay: settings.drain_delay,
        drain_grace: settings.drain_grace,
        drain_timeout: settings.drain_timeout,
        ..ServerOptions::default()
    }
}

/// Where the master key is kept.
pub(crate) fn master_key_source(settings: &Settings) -> MasterKeySource {
    let credentials = environment::variable("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    MasterKeySource::of(settings, credentials.as_deref())
}

/// The master key of a database that several servers may share: made by the first one, carried to the others by their operator.
async fn shared_master_keys(
    settings: &Settings,
    store: &Store,
    if_missing: IfMissing,
) -> anyhow::Result<MasterKeys> {
    let (secrets, keys) = store.read_together((ListServerSecrets, ListSigningKeys)).await?;
    let is_new = secrets.is_empty() && keys.is_empty();
    let shared = || {
        format!(
            "{} belongs to an installation that exists, and every server on it needs the master key that its first server made",
            settings.database()
        )
    };
    let source = master_key_source(settings);
    if is_new {
        return source.load(if_missing, &mut OsRandom);
    }
    let master_keys = source.load(IfMissing::Refuse, &mut OsRandom).with_context(shared)?;
    let opens = secrets.iter().all(|secret| master_keys.open(&secret.name, &secret.sealed).is_ok());
    ensure!(opens, "the master key in use here is another one: {}", shared());
    Ok(master_keys)
}

/// This process, among those that share the database.
fn new_node() -> NewNode {
    let mut id = [0; 16];
    clock::entropy(&mut id);
    NewNode {
        id,
        name: format!("{}:{}", uname().nodename().to_string_lossy(), std::process::id()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: clock::now(),
    }
}

/// Whether an installation is where the settings look, or may be made there.
fn check_place(settings: &Settings, file: &Path, if_missing: IfMissing) -> anyhow::Result<()> {
    let shown = || std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    match std::fs::metadata(file) {
        Ok(found) if found.len() == 0 && has_no_log(file) && has_master_key(settings) => bail!(
            "{} is empty (0 bytes), and there is a master key for it: what was in it is lost. Restore a backup \
             (`doorward restore --help`); only if nothing ever ran here, remove the empty file",
            shown().display()
        ),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && if_missing == IfMissing::Refuse => {
            bail!(
                "there is no installation here: {} does not exist. Name the right place with --data, --database or --config; the data of a \
             systemd service is for root to see. A new one is made by `doorward init` and by `doorward serve`",
                shown().display()
            )
        }
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be looked at", shown().display()))
        }
        _ if if_missing == IfMissing::Create => make_directory(&settings.data),
        _ => Ok(()),
    }
}

/// A database whose pages are all in its write-ahead log is not empty.
fn has_no_log(file: &Path) -> bool {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).map_or(true, |log| log.len() == 0)
}

fn has_master_key(settings: &Settings) -> bool {
    match master_key_source(settings) {
        MasterKeySource::File(path) => path.exists(),
        MasterKeySource::Setting(_) | MasterKeySource::Credential(_) => false,
    }
}

/// For its owner only: the master key, the database and the operator's socket are in it.
fn make_directory(path: &Path) -> anyhow::Result<()> {
    let made = if path.is_dir() { Ok(()) } else { owner::make_folder(path) };
    made.with_context(|| {
        format!("the data directory {} cannot be made: choose another with --data", path.display())
    })
}

/// Whether another server may be about to let the database go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Predecessor {
    /// Not that we know: one that has the database keeps it.
    None,
    /// It drains, or is about to be told to; connections for us wait in the kernel.
    Leaving,
}

/// How often it is looked whether the predecessor is gone.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

async fn open_store_after(
    settings: &Settings,
    opening: Opening<'_>,
    shipping: Option<Shipping>,
) -> anyhow::Result<Store> {
    let wait = settings.sqlite.lock_wait.unwrap_or(match opening.predecessor {
        Predecessor::None => Duration::ZERO,
        Predecessor::Leaving => HAND_OVER,
    });
    let until = clock::monotonic() + wait;
    let mut told = false;
    loop {
        match open_store(settings, opening.if_missing, shipping.clone()).await {
            Err(error) if is_in_use(&error) && clock::monotonic() < until => {
                if !told {
                    tracing::info!(?wait, "another process has the database: waiting for it to end");
                    told = true;
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            opened => return opened,
        }
    }
}

fn is_in_use(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(OpenError::InUse { .. }))
}

/// Opens the database, and logs what its operator should know. Only a server ships its changes: what a command changes while none runs
/// is in the base that the next one begins with.
pub(crate) async fn open_store(
    settings: &Settings,
    if_missing: IfMissing,
    shipping: Option<Shipping>,
) -> anyhow::Result<Store> {
    let sqlite = &settings.sqlite;
    let schema = match if_missing {
        IfMissing::Create => Schema::Newest,
        IfMissing::Refuse => Schema::OfExisting,
    };
    let opened = Store::open(&Options {
        writer_cache: sqlite.writer_cache,
        reader_cache: sqlite.reader_cache,
        mapped: sqlite.mmap,
        wal_soft_limit: sqlite.wal_soft_limit,
        wal_hard_limit: sqlite.wal_hard_limit,
        shipping,
        schema,
        ..Options::new(settings.database_to_open()?)
    })
    .await?;
    for warning in opened.warnings {
        tracing::warn!("{warning}");
    }
    if let Some(unfinished) = storage::copy::unfinished(&opened.store).await? {
        opened.store.close().await;
        bail!(
            "{} is an unfinished copy ({} of {} tables have arrived): run the same `doorward store copy` again to finish it, or with \
             --start-over to begin anew",
            settings.database(),
            unfinished.tables,
            unfinished.of
        );
    }
    Ok(opened.store)
}

/// How passwords are hashed here.
pub(crate) fn pool_settings(settings: &Settings) -> PoolSettings {
    let passwords = &settings.passwords;
    let defaults = PoolSettings::new(clock::entropy);
    PoolSettings {
        threads: passwords.threads.unwrap_or(defaults.threads),
        max_wait: passwords.max_wait,
        overload_wait: passwords.overload_wait,
        params: passwords.params(),
        ..defaults
    }
}

fn provider_settings(settings: &Settings, issuer: &Issuer) -> provider::Settings {
    provider::Settings {
        registration_open: settings.registration == Registration::Open,
        pkce: settings.authorization.pkce,
        unattended_lifetime: settings.authorization.unattended,
        interactions_per_address: settings.limits.interactions(),
        stay_signed_in: settings.session.stay_signed_in,
        session_idle: settings.session.idle,
        session_lifetime: settings.session.absolute,
        device_code_lifetime: settings.devices.code_lifetime,
        device_interval: settings.devices.interval,
        access_token_alg: settings.tokens.access_token_alg,
        access_token_lifetime: settings.tokens.access_lifetime,
        refresh_token_lifetime: settings.tokens.refresh_lifetime,
        grant_lifetime: settings.tokens.grant_lifetime,
        refresh_grace: settings.tokens.refresh_grace,
        rotate_keys_every: settings.keys.rotate_every,
        lockout: settings.limits.lockout,
        audit: settings.audit.events,
        audit_kept_for: (!settings.audit.keep.is_zero()).then_some(settings.audit.keep),
        ..provider::Settings::new(issuer.as_str())
    }
}
