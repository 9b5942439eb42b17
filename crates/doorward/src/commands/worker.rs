//! `doorward worker`: checks passwords for servers on other machines. Keeps no state; what it does is in `verifiers`, how it is asked about in `worker_test`.

use super::passwords::cores;
use super::shown;
use super::worker_test;
use crate::app::{draining, pool_settings};
use crate::serve::{self, Stop};
use crate::settings::{Resolved, SettingFlags, Settings};
use crate::telemetry::Telemetry;
use crate::verifiers::{self, MOST_QUESTION_BYTES, Secrets, Service};
use anyhow::ensure;
use clap::{Args, Subcommand};
use listenfd::ListenFd;
use passwords::{HashPool, argon2_made_by};
use sd_notify::NotifyState;
use std::process::ExitCode;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use web::server::{ServerOptions, tls};

pub(crate) const HELP: &str = "\
Examples:
  openssl rand -base64 32 > worker.secret && chmod 600 worker.secret
  doorward worker --listen 0.0.0.0:8443 --tls-certificate chain.pem \\
    --tls-key key.pem --worker-secret-file worker.secret
  doorward worker --listen 10.0.0.7:8081 --worker-allow-plain on \\
    --worker-secret-file worker.secret
  doorward worker test https://worker-1.internal:8443 \\
    --worker-secret-file worker.secret

And on the server:
  doorward serve --passwords-workers https://worker-1.internal:8443 \\
    --worker-secret-file worker.secret

It has no database and no state. What a hash costs, the server says with each password; of the settings, those of listening, TLS, \
passwords.threads, passwords.max_wait, logging and worker.* concern it.";

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct WorkerArgs {
    #[command(subcommand)]
    command: Option<WorkerCommand>,
    #[command(flatten)]
    flags: SettingFlags,
}

#[derive(Subcommand)]
enum WorkerCommand {
    /// Ask a worker, as a server would: does it answer, is it the right one, would it help
    #[command(after_help = worker_test::HELP)]
    Test(Box<worker_test::TestArgs>),
}

pub(crate) fn run(args: WorkerArgs) -> anyhow::Result<ExitCode> {
    if let Some(WorkerCommand::Test(args)) = args.command {
        return worker_test::run(&args);
    }
    // Before any thread begins: it takes variables out of the environment.
    let mut handed_in = ListenFd::from_env();
    let settings = Resolved::from_system(&args.flags)?.settings;
    let _telemetry = Telemetry::start(&settings.log)?;
    serve::runtime()?.block_on(work(&settings, &mut handed_in))?;
    Ok(ExitCode::SUCCESS)
}

async fn work(settings: &Settings, handed_in: &mut ListenFd) -> anyhow::Result<()> {
    let tls = serve::tls(settings)?;
    ensure!(
        tls.is_some() || settings.worker.allow_plain,
        "passwords travel here: set tls.certificate and tls.key, or worker.allow_plain if only this machine or a private network can reach it"
    );
    let secrets = Secrets::of(settings)?;
    let (listeners, _) = serve::listen(settings, handed_in)?;
    let address = listeners.first().map_or(settings.listen, web::server::Listener::local_addr);
    let shutdown = CancellationToken::new();
    let pool = HashPool::start(pool_settings(settings))?;
    let service = Service::new(pool, secrets, settings.worker.allow_plain, shutdown.clone());
    announce(settings, address)?;

    let beside = TaskTracker::new();
    if let Some(metrics) = settings.metrics_listen {
        let listener = serve::bind(metrics, serve::sharing(settings))?;
        let router = verifiers::metrics_router(service.clone());
        beside.spawn(web::server::serve(listener, router, draining(settings), None, shutdown.clone()));
    }
    if let Some(tls) = tls.clone() {
        beside.spawn(tls.watch(tls::WATCH_INTERVAL, shutdown.clone()));
    }
    tokio::spawn(Stop::listen()?.obey(tls.clone(), shutdown.clone()));
    let options = ServerOptions {
        max_connections: settings.max_connections,
        max_connections_per_address: settings.max_connections_per_address,
        max_body_bytes: MOST_QUESTION_BYTES,
        ..draining(settings)
    };
    let router = verifiers::router(service);
    let surface = TaskTracker::new();
    for listener in listeners {
        surface.spawn(web::server::serve(
            listener,
            router.clone(),
            options.clone(),
            tls.clone(),
            shutdown.clone(),
        ));
    }
    serve::notify(&[NotifyState::Ready]);
    surface.close();
    surface.wait().await;
    beside.close();
    beside.wait().await;
    Ok(())
}

fn announce(settings: &Settings, address: std::net::SocketAddr) -> std::io::Result<()> {
    let scheme = if settings.tls.files().is_some() { "https" } else { "http" };
    let threads = settings.passwords.threads.unwrap_or_else(cores);
    shown::line(format!("Doorward {} worker\n", env!("CARGO_PKG_VERSION")))?;
    shown::fields(&[
        ("  Listening", format!("{scheme}://{address}")),
        ("  Hashing", format!("{threads} at once, Argon2 by {}", argon2_made_by())),
    ])
}
