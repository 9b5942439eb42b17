//! When audit events are written, sealed and forgotten. While there are none, nothing runs but one look a minute.

use crate::Hands;
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

pub(crate) async fn write(hands: Hands) {
    let provider = &hands.provider;
    loop {
        let _batch_or_looking = timeout(LOOK_EVERY, provider.audit_batch()).await;
        while let Err(error) = provider.flush_audit().await {
            tracing::warn!(%error, "audit events could not be written, and are kept for now");
            sleep(AGAIN).await;
        }
        hands.done("audit_write");
    }
}

/// Every node seals what it wrote, and what else it finds: the database sees to it that an event is sealed once.
pub(crate) async fn seal(hands: Hands) {
    let provider = &hands.provider;
    loop {
        let _told_or_looking = timeout(LOOK_EVERY, provider.audit_written()).await;
        sleep(SEAL_AFTER).await;
        let ctx = hands.ctx();
        match provider.seal_audit(&ctx, ctx.now - SETTLED).await {
            Ok(_) => hands.done("audit_seal"),
            Err(error) => {
                tracing::warn!(%error, "audit events could not be sealed");
                sleep(AGAIN).await;
            }
        }
    }
}

pub(crate) async fn forget(hands: Hands) {
    let provider = &hands.provider;
    loop {
        sleep(LOOK_EVERY).await;
        let forgotten = match provider.runs_job("audit").await {
            Ok(false) => Ok(()),
            _ => provider.forget_audit(&hands.ctx()).await.map(drop),
        };
        match forgotten {
            Ok(()) => hands.done("audit_forget"),
            Err(error) => tracing::error!(%error, "old audit events could not be forgotten"),
        }
        sleep(FORGET_EVERY).await;
    }
}
