//! AFTERWARDS: what happens from time to time rather than in a request: sweeping what has expired, turning signing keys, sealing audit events.
//!
//! Decides nothing itself: it knows when, `provider` knows what. Of several nodes on one database, one runs a job; should two, after a
//! mistake of a clock's rate, no harm is done.

mod audit;
mod supervise;

pub use audit::finish;

use provider::{Ctx, Provider};
use std::future::Future;
use std::time::Duration;
use supervise::{Job, supervise};
use tokio_util::sync::CancellationToken;

/// Expired rows are swept this often.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// Keys are looked at this often; they turn every few months.
const MAINTAIN_KEYS_EVERY: Duration = Duration::from_secs(3_600);
/// After a failure, keys are looked at again this soon: a new installation may have none yet.
const RETRY_KEYS_AFTER: Duration = Duration::from_secs(5);

/// What a job is handed: who decides, and how the circumstances of one run are made.
#[derive(Clone)]
struct Hands {
    provider: Provider,
    new_ctx: fn() -> Ctx,
}

/// Runs every job until `shutdown`. `new_ctx` makes the circumstances of one run.
pub async fn run(provider: Provider, new_ctx: fn() -> Ctx, shutdown: CancellationToken) {
    let hands = Hands { provider, new_ctx };
    let jobs = vec![
        job("keys", &hands, maintain_keys),
        job("sweep", &hands, sweep),
        job("names", &hands, fill_names),
        job("audit_write", &hands, audit::write),
        job("audit_seal", &hands, audit::seal),
        job("audit_forget", &hands, audit::forget),
    ];
    supervise(jobs, shutdown).await;
}

/// A job by its name in the metrics. It counts as done when it begins, so that one that never succeeds is seen as well.
fn job<F>(name: &'static str, hands: &Hands, run: fn(Hands) -> F) -> Job
where
    F: Future<Output = ()> + Send + 'static,
{
    hands.provider.note_job(name, (hands.new_ctx)().now);
    let hands = hands.clone();
    Job { name, begin: Box::new(move || Box::pin(run(hands.clone()))) }
}

impl Hands {
    fn ctx(&self) -> Ctx {
        (self.new_ctx)()
    }

    /// This run did what there was to do, if only finding out that another node does it.
    fn done(&self, name: &'static str) {
        self.provider.note_job(name, self.ctx().now);
    }
}

async fn maintain_keys(hands: Hands) {
    let provider = &hands.provider;
    loop {
        let maintained = match provider.runs_job("keys").await {
            // Another node's: its keys are heard of.
            Ok(false) if provider.has_every_key() => provider.age_keys(hands.ctx().now).await,
            _ => provider.maintain_keys(&mut hands.ctx()).await,
        };
        match &maintained {
            Ok(()) => hands.done("keys"),
            Err(error) => tracing::error!(%error, "signing keys could not be maintained"),
        }
        tokio::time::sleep(if maintained.is_ok() { MAINTAIN_KEYS_EVERY } else { RETRY_KEYS_AFTER }).await;
    }
}

/// Once: names of users from before they were compared as they are now.
async fn fill_names(hands: Hands) {
    while let Err(error) = hands.provider.fill_names().await {
        tracing::warn!(%error, "older names could not be looked at");
        tokio::time::sleep(SWEEP_EVERY).await;
    }
    loop {
        hands.done("names");
        tokio::time::sleep(MAINTAIN_KEYS_EVERY).await;
    }
}

async fn sweep(hands: Hands) {
    let provider = &hands.provider;
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        if matches!(provider.runs_job("sweep").await, Ok(false)) {
            provider.prune(hands.ctx().now);
            hands.done("sweep");
            continue;
        }
        match provider.sweep(hands.ctx().now).await {
            Ok(report) => {
                if report.total() > 0 {
                    tracing::debug!(rows = report.total(), "expired rows swept");
                }
                hands.done("sweep");
            }
            Err(error) => tracing::warn!(%error, "expired rows could not be swept"),
        }
    }
}
