//! AFTERWARDS: what happens from time to time rather than in a request: sweeping what has expired, turning signing keys, sealing audit events.
//!
//! Decides nothing itself: it knows when, `provider` knows what. Of several nodes on one database, one runs a job; should two, after a
//! mistake of a clock's rate, no harm is done.

mod audit;

pub use audit::finish;

use provider::{Ctx, Provider};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Expired rows are swept this often.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// Keys are looked at this often; they turn every few months.
const MAINTAIN_KEYS_EVERY: Duration = Duration::from_secs(3_600);
/// After a failure, keys are looked at again this soon: a new installation may have none yet.
const RETRY_KEYS_AFTER: Duration = Duration::from_secs(5);

/// Runs every job until `shutdown`. `new_ctx` makes the circumstances of one run.
pub async fn run(provider: Provider, new_ctx: impl Fn() -> Ctx, shutdown: CancellationToken) {
    let keys = maintain_keys(&provider, &new_ctx);
    let sweeping = sweep(&provider, &new_ctx);
    tokio::select! {
        () = keys => {}
        () = sweeping => {}
        () = audit::run(&provider, &new_ctx) => {}
        () = fill_names(&provider) => {}
        () = shutdown.cancelled() => {}
    }
}

async fn maintain_keys(provider: &Provider, new_ctx: &impl Fn() -> Ctx) {
    loop {
        let maintained = match provider.runs_job("keys").await {
            // Another node's: its keys are heard of.
            Ok(false) if provider.has_every_key() => provider.age_keys(new_ctx().now).await,
            _ => provider.maintain_keys(&mut new_ctx()).await,
        };
        if let Err(error) = &maintained {
            tracing::error!(%error, "signing keys could not be maintained");
        }
        tokio::time::sleep(if maintained.is_ok() { MAINTAIN_KEYS_EVERY } else { RETRY_KEYS_AFTER }).await;
    }
}

/// Once: names of users from before they were compared as they are now.
async fn fill_names(provider: &Provider) {
    while let Err(error) = provider.fill_names().await {
        tracing::warn!(%error, "older names could not be looked at");
        tokio::time::sleep(SWEEP_EVERY).await;
    }
    std::future::pending().await
}

async fn sweep(provider: &Provider, new_ctx: &impl Fn() -> Ctx) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        if matches!(provider.runs_job("sweep").await, Ok(false)) {
            provider.prune(new_ctx().now);
            continue;
        }
        match provider.sweep(new_ctx().now).await {
            Ok(report) if report.total() > 0 => tracing::debug!(rows = report.total(), "expired rows swept"),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "expired rows could not be swept"),
        }
    }
}
