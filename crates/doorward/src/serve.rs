//! `doorward serve`: everything that runs beside each other in a server's process, from its first line of output to its last connection.
//! Knows when things start and stop, not what they do.

use crate::app::{App, Opening, Predecessor, draining, mutual_tls};
use crate::backups::Backups;
use crate::clock;
use crate::commands::shown;
use crate::debug;
use crate::master_key::IfMissing;
use crate::observed::Observed;
use crate::operator::Socket;
use crate::settings::{Issuer, Resolved, SettingFlags, Settings, SettingsError};
use crate::setup_link;
use anyhow::Context as _;
use axum::Router;
use listenfd::ListenFd;
use provider::Provider;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sd_notify::NotifyState;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use web::server::{Flood, Listener, ServerOptions, Sharing, Stalls, Threads, Tls, tls};

pub(crate) const HELP: &str = "\
Examples:
  doorward serve
  doorward serve --issuer https://id.example.org --trusted-proxies 127.0.0.1
  doorward serve --listen 0.0.0.0:443 --tls-certificate chain.pem \\
    --tls-key key.pem
  doorward serve \\
    --database postgres://doorward@db.example.org/doorward?sslmode=verify-full
  doorward serve --config /etc/doorward/doorward.toml

Every setting can also be an environment variable (--session-idle is DOORWARD_SESSION_IDLE) or stand in the settings file \
(idle in the table [session]). `doorward config show` prints what is in force.

Signals: SIGTERM and SIGINT let requests in flight end, a second one ends at once; SIGHUP loads the TLS certificate again.";

/// Runs until it is told to stop.
///
/// # Errors
/// When it cannot start.
pub(crate) fn run(flags: &SettingFlags) -> anyhow::Result<()> {
    // Before any thread begins: it takes variables out of the environment.
    let mut handed_in = ListenFd::from_env();
    let settings = Resolved::from_system(flags)?.settings;
    let observed = Observed::start(&settings)?;
    if cfg!(feature = "profiling") {
        tracing::warn!("a build for profiling: core dumps, and debuggers of the same user, are let in");
    }
    allow_many_files();
    let flood = Flood::default();
    let (runtime, pulse) = observed.stalls().runtime("web-0".to_owned(), &flood)?;
    let _begun = pulse.begin();
    runtime.block_on(serve(&settings, &observed, &flood, &mut handed_in))?;
    drop(runtime);
    observed.finish();
    Ok(())
}

/// The runtime of a server that knows no flood: this thread. Connections are spread over as many threads as there are cores; what is slow has threads of its own.
pub(crate) fn runtime() -> io::Result<Runtime> {
    allow_many_files();
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// The threads for connections next to this one.
pub(crate) fn threads(stalls: &Stalls, flood: &Flood) -> io::Result<Threads> {
    Threads::start(std::thread::available_parallelism().map_or(1, usize::from) - 1, stalls, flood)
}

/// Lets the threads for connections know when more sign in than can.
pub(crate) fn watch_for_a_flood(flood: &Flood, provider: &Provider) {
    let hash_pool = provider.hash_pool().clone();
    flood.told_by(move || hash_pool.is_flooded());
}

/// Each connection is a file to the system, and the usual limit of 1,024 is an old program's (it could not handle more). What is allowed at
/// most is the administrator's word.
pub(crate) fn allow_many_files() {
    let limit = getrlimit(Resource::Nofile);
    // Where it is not allowed, the limit stays as it is, and the server waits at it.
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).ok();
}

/// What an operator asks for may take.
const LONGEST_PROFILE: Duration = Duration::from_secs(330);

async fn serve(
    settings: &Settings,
    observed: &Observed,
    flood: &Flood,
    handed_in: &mut ListenFd,
) -> anyhow::Result<()> {
    // The address first: whether it is free is known before anything is written.
    let (listeners, predecessor) = listen(settings, handed_in)?;
    let address = listeners.first().map_or(settings.listen, Listener::local_addr);
    let tls = tls(settings)?;
    let issuer = settings.issuer(address);
    for warning in settings.warnings() {
        tracing::warn!("{warning}");
    }
    let backups = Backups::open(settings)?;
    let opening = Opening { predecessor, backups: backups.as_ref(), ..Opening::of(IfMissing::Create) };
    let app = App::open(settings, &issuer, opening).await?;
    same_issuer(settings, &app.provider).await?;
    watch_for_a_flood(flood, &app.provider);
    announce(settings, &issuer, address)?;
    setup_link::offer(&app.provider, &settings.data).await?;
    let shutdown = CancellationToken::new();
    let (web, options) = app.surface(settings, observed.metrics(settings), observed.system(), &shutdown);
    let options = ServerOptions { threads: threads(observed.stalls(), flood)?, ..options };
    // From here on nothing may block: what happened before was the start.
    let _watchdog = observed.stalls().watch()?;
    let metrics = settings.metrics_listen.map(|address| bind(address, sharing(settings))).transpose()?;
    if let Some(metrics) = &metrics {
        shown::fields(&[("  Metrics  ", format!("http://{}/metrics", metrics.local_addr()))])?;
    }
    let metrics =
        metrics.map(|listener| (listener, web::metrics_router(web.metrics.clone()).merge(debug::router())));
    if let Some(backups) = backups {
        let (store, sealer) = (app.provider.store().clone(), app.sealer.clone());
        tokio::spawn(backups.drill_from_time_to_time(store, sealer));
    }
    House { app, listeners, router: web::router(web), options, tls, metrics, shutdown }.run(settings).await
}

/// An issuer that was set is remembered with the data, and no other is served from it by mistake.
async fn same_issuer(settings: &Settings, provider: &Provider) -> anyhow::Result<()> {
    let now = &provider.settings().issuer;
    let other = match settings.issuer.is_some() {
        true => provider.bind_issuer(&clock::own_ctx()).await?,
        // What was merely made up from the port is not remembered.
        false => provider.stored_issuer().await?.filter(|stored| stored != now),
    };
    let Some(stored) = other else { return Ok(()) };
    provider.store().close().await;
    let is_set = if settings.issuer.is_some() { "and is" } else { "and is not set, which makes it" };
    Err(SettingsError(vec![format!(
        "issuer: {stored} is expected, by which the clients of this data know it, {is_set} {now}; if that is meant, run \
         `doorward issuer change {now}` first, and tell every client"
    )])
    .into())
}

/// The server's own TLS, if it speaks it.
pub(crate) fn tls(settings: &Settings) -> anyhow::Result<Option<Tls>> {
    let Some((certificate, key)) = settings.tls.files() else { return Ok(None) };
    if !settings.tls.client_certificates {
        return Ok(Some(Tls::from_files(certificate, key)?));
    }
    let authorities = mutual_tls(settings)?.authorities.subjects().collect();
    Ok(Some(Tls::asking_for_certificates(certificate, key, authorities)?))
}

fn announce(settings: &Settings, issuer: &Issuer, address: SocketAddr) -> io::Result<()> {
    let scheme = if settings.tls.files().is_some() { "https" } else { "http" };
    let version = env!("CARGO_PKG_VERSION");
    tracing::info!(version, %issuer, address = %format_args!("{scheme}://{address}"), "started");
    if settings.log.is_json() && shown::is_the_log() {
        return Ok(());
    }
    shown::line(format!("Doorward {version}\n"))?;
    shown::fields(&[
        ("  Issuer", issuer.to_string()),
        ("  Discovery", format!("{issuer}/.well-known/openid-configuration")),
        ("  Listening", format!("{scheme}://{address}")),
        ("  Database", settings.database().to_string()),
    ])
}

/// The sockets the service manager hands in; else one of our own.
pub(crate) fn listen(
    settings: &Settings,
    handed_in: &mut ListenFd,
) -> anyhow::Result<(Vec<Listener>, Predecessor)> {
    let mut inherited = Vec::new();
    for index in 0..handed_in.len() {
        let socket =
            handed_in.take_tcp_listener(index).context("the service manager handed in no TCP socket")?;
        if let Some(socket) = socket {
            inherited.push(Listener::inherited(socket).context("the socket handed in cannot be used")?);
        }
    }
    if !inherited.is_empty() {
        return Ok((inherited, Predecessor::Leaving));
    }
    let listener = bind(settings.listen, sharing(settings))?;
    let predecessor = if settings.listen_reuse_port { Predecessor::Leaving } else { Predecessor::None };
    Ok((vec![listener], predecessor))
}

pub(crate) fn sharing(settings: &Settings) -> Sharing {
    if settings.listen_reuse_port { Sharing::ReusePort } else { Sharing::Alone }
}

/// Listens on an address, or says which setting to change.
pub(crate) fn bind(address: SocketAddr, sharing: Sharing) -> anyhow::Result<Listener> {
    Listener::bind(address, sharing).map_err(|error| {
        let why = why_not(error.kind());
        anyhow::Error::new(error).context(format!("cannot listen on {address}{why}"))
    })
}

/// What is usually behind it, where that is known.
fn why_not(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::AddrInUse => ": is another server running there?",
        io::ErrorKind::AddrNotAvailable => {
            ": this machine has no such address; 0.0.0.0 or [::] means every address that it has"
        }
        io::ErrorKind::PermissionDenied => {
            ": ports below 1024 need CAP_NET_BIND_SERVICE, or a socket that the service manager hands in; 8080 and the like do not"
        }
        _ => "",
    }
}

/// A server, ready to run.
pub(crate) struct House {
    pub(crate) app: App,
    /// One, or the same server on several addresses.
    pub(crate) listeners: Vec<Listener>,
    pub(crate) router: Router,
    pub(crate) options: ServerOptions,
    pub(crate) tls: Option<Tls>,
    pub(crate) metrics: Option<(Listener, Router)>,
    /// Cancelled by a signal.
    pub(crate) shutdown: CancellationToken,
}

impl House {
    /// Runs until a signal says stop; then lets what is under way end, and closes the database.
    ///
    /// # Errors
    /// When signals cannot be received.
    pub(crate) async fn run(self, settings: &Settings) -> anyhow::Result<()> {
        let provider = self.app.provider;
        let shutdown = self.shutdown;
        let beside = TaskTracker::new();
        beside.spawn(worker::run(provider.clone(), clock::own_ctx, shutdown.clone()));
        // Longer than the jobs: what the other nodes change counts until the last answer.
        let following = tokio::spawn(provider.clone().follow(clock::now));
        match Socket::bind(&settings.data) {
            Ok(socket) => {
                beside.spawn(socket.serve(
                    provider.clone(),
                    self.options.forwarding.clone(),
                    shutdown.clone(),
                ));
            }
            // People can sign in all the same.
            Err(error) => tracing::warn!("`doorward user` and the like cannot reach this server: {error:#}"),
        }
        if let Some((listener, router)) = self.metrics {
            // A profile is answered when it is complete.
            let options = ServerOptions { request_timeout: LONGEST_PROFILE, ..draining(settings) };
            beside.spawn(web::server::serve(listener, router, options, None, shutdown.clone()));
        }
        if let Some(tls) = self.tls.clone() {
            beside.spawn(tls.watch(tls::WATCH_INTERVAL, shutdown.clone()));
        }
        let stop = Stop::listen()?;
        tokio::spawn(stop.obey(self.tls.clone(), shutdown.clone()));
        let surface = TaskTracker::new();
        let mut serving = Vec::new();
        for listener in self.listeners {
            let (router, options) = (self.router.clone(), self.options.clone());
            serving.push(surface.spawn(web::server::serve(
                listener,
                router,
                options,
                self.tls.clone(),
                shutdown.clone(),
            )));
        }
        notify(&[NotifyState::Ready]);
        for serving in serving {
            let report = serving.await?;
            tracing::info!(
                accepted = report.accepted,
                drained = report.drained,
                cut = report.cut,
                "stopped listening"
            );
        }
        beside.close();
        beside.wait().await;
        worker::finish(&provider, &clock::own_ctx()).await;
        following.abort();
        provider.store().close().await;
        Ok(())
    }
}

/// How a server ends that was told to stop twice.
const EXIT_AT_ONCE: i32 = 1;

/// The signals a server obeys.
pub(crate) struct Stop {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Stop {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Until the second signal to stop.
    pub(crate) async fn obey(mut self, tls: Option<Tls>, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                _ = self.hang_up.recv() => reload(tls.as_ref()),
                _ = self.terminate.recv() => break,
                _ = self.interrupt.recv() => break,
            }
        }
        notify(&[NotifyState::Stopping]);
        tracing::info!("stopping: nothing new is taken, requests in flight or under way are answered");
        shutdown.cancel();
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        // What was acknowledged is on the disk; nothing is lost but the answers under way.
        std::process::exit(EXIT_AT_ONCE);
    }
}

fn reload(tls: Option<&Tls>) {
    match tls.map(Tls::reload) {
        Some(Ok(())) => tracing::info!("certificate loaded again"),
        Some(Err(error)) => {
            tracing::error!(%error, "the certificate was not loaded again; the old one stays in use")
        }
        None => tracing::info!("nothing to load again: this server speaks no TLS"),
    }
}

/// Tells systemd, when it started us.
pub(crate) fn notify(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}
