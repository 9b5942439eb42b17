//! When audit events are written, sealed and forgotten. While there are none, nothing runs but one look a minute.

use provider::{Ctx, Provider};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Events are sealed so long after the first of them was written: they gather meanwhile.
const SEAL_AFTER: Duration = Duration::from_secs(1);
/// Events are left alone for so long: the ones before them may still be on their way.
const SETTLED: Duration = Duration::from_millis(500);
/// What another process left, or what was written slowly, is found by looking this often.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// After a failure it is tried again this soon.
const AGAIN: Duration = Duration::from_secs(1);
/// Old events are forgotten by whole days.
const FORGET_EVERY: Duration = Duration::from_secs(3_600);

/// Does it for as long as it is polled.
pub(crate) async fn run(provider: &Provider, new_ctx: &impl Fn() -> Ctx) {
    tokio::join!(write(provider), seal(provider, new_ctx), forget(provider, new_ctx));
}

/// Writes and seals what there is when nothing more will come.
pub async fn finish(provider: &Provider, ctx: &Ctx) {
    let finished = async {
        provider.flush_audit().await?;
        provider.seal_audit(ctx, ctx.now + Duration::from_millis(1)).await
    };
    if let Err(error) = finished.await {
        tracing::warn!(%error, "the last audit events were not sealed");
    }
}

async fn write(provider: &Provider) {
    loop {
        provider.audit_batch().await;
        while let Err(error) = provider.flush_audit().await {
            tracing::warn!(%error, "audit events could not be written, and are kept for now");
            sleep(AGAIN).await;
        }
    }
}

/// Every node seals what it wrote, and what else it finds: the database sees to it that an event is sealed once.
async fn seal(provider: &Provider, new_ctx: &impl Fn() -> Ctx) {
    loop {
        let _told_or_looking = timeout(LOOK_EVERY, provider.audit_written()).await;
        sleep(SEAL_AFTER).await;
        let ctx = new_ctx();
        if let Err(error) = provider.seal_audit(&ctx, ctx.now - SETTLED).await {
            tracing::warn!(%error, "audit events could not be sealed");
            sleep(AGAIN).await;
        }
    }
}

async fn forget(provider: &Provider, new_ctx: &impl Fn() -> Ctx) {
    loop {
        sleep(LOOK_EVERY).await;
        if !matches!(provider.runs_job("audit").await, Ok(false))
            && let Err(error) = provider.forget_audit(&new_ctx()).await
        {
            tracing::error!(%error, "old audit events could not be forgotten");
        }
        sleep(FORGET_EVERY).await;
    }
}
