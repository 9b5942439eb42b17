//! Checking passwords on other machines: what a server and its `doorward worker`s say to each other, and how. Who is asked when is decided in
//! `passwords`; here is the way there and back.
//!
//! Every message is sealed under a secret that both sides know (AES-256-GCM-SIV), also inside TLS: so only a worker that knows the secret can say that
//! a password is right, and only a server that knows it can have one checked. Its length says nothing: all questions are as long as each other, and
//! so are all answers.

mod address;
mod client;
mod connector;
mod message;
mod replays;
mod secrets;
mod service;
#[cfg(test)]
mod tests;

pub(crate) use address::{WorkerUrls, is_near};
pub(crate) use client::{Failure, Verifier};
pub(crate) use message::MOST_QUESTION_BYTES;
pub(crate) use secrets::Secrets;
pub(crate) use service::{Service, metrics_router, router};

use crate::settings::Settings;
use crypto::MasterKeyId;
use passwords::{HashPool, Remote};
use std::sync::Arc;

/// Lets the workers of the settings do a part of the pool's work.
///
/// # Errors
/// When there is no secret, or the authorities cannot be read.
pub(crate) fn share(settings: &Settings, pool: &HashPool, master_key: MasterKeyId) -> anyhow::Result<()> {
    let urls = settings.passwords.workers.as_slice();
    if urls.is_empty() {
        return Ok(());
    }
    let secrets = Arc::new(Secrets::of(settings)?);
    anyhow::ensure!(
        !secrets.hold(master_key),
        "the workers' secret is the master key: make one of its own, since every worker holds it"
    );
    let client = connector::client(settings.worker.ca_file.as_deref(), urls)?;
    let remotes = urls.iter().map(|url| {
        let verifier =
            Verifier::new(url.clone(), client.clone(), Arc::clone(&secrets), settings.worker.timeout);
        Arc::new(verifier) as Arc<dyn Remote>
    });
    pool.share_with(remotes.collect());
    Ok(())
}

/// A client for one worker, as a server with these settings has it.
///
/// # Errors
/// As [`share`].
pub(crate) fn verifier(settings: &Settings, urls: &WorkerUrls, secrets: Secrets) -> anyhow::Result<Verifier> {
    let urls = urls.as_slice();
    let url = urls.first().ok_or_else(|| anyhow::anyhow!("no worker is named"))?;
    let client = connector::client(settings.worker.ca_file.as_deref(), urls)?;
    Ok(Verifier::new(url.clone(), client, Arc::new(secrets), settings.worker.timeout))
}
