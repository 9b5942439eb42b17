//! Fetching what others publish at addresses that are theirs to choose: clients' keys. https only, no redirects, no proxy, bounded in time and
//! size, a few at a time, and only from addresses that are everybody's or that the operator allows. The address that was checked is the one
//! that is connected to. Knows no keys and no client; nothing of it exists before the first fetch.

mod addresses;
#[cfg(test)]
mod tests;

pub(crate) use addresses::Allowed;

use anyhow::{Context as _, bail};
use protocol::JwksUri;
use provider::{FetchKeys, FetchedKeys, Fetching};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::Semaphore;
use ureq::Agent;
use ureq::config::Config;
use ureq::http::header::CACHE_CONTROL;
use ureq::http::{HeaderMap, StatusCode, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

/// The longest one fetch may take, looking up the name included.
const PATIENCE: Duration = Duration::from_secs(5);
/// .. and connecting.
const CONNECT_PATIENCE: Duration = Duration::from_secs(3);
/// A key is half a kilobyte, with its certificates a few.
const LARGEST: u64 = 256 * 1024;
/// Fetches at once: each holds a thread.
const AT_ONCE: usize = 8;

/// Fetches over the network.
pub(crate) struct Fetcher {
    allowed: Allowed,
    ca_file: Option<PathBuf>,
    agent: OnceLock<Agent>,
    turns: Arc<Semaphore>,
}

impl Fetcher {
    pub(crate) fn new(allowed: Allowed, ca_file: Option<PathBuf>) -> Arc<Self> {
        Arc::new(Self { allowed, ca_file, agent: OnceLock::new(), turns: Arc::new(Semaphore::new(AT_ONCE)) })
    }

    /// Made at the first fetch: the authorities this machine trusts are some hundred kilobytes.
    fn agent(&self) -> anyhow::Result<Agent> {
        if let Some(agent) = self.agent.get() {
            return Ok(agent.clone());
        }
        let made = agent(self.allowed.clone(), self.ca_file.as_deref())?;
        Ok(self.agent.get_or_init(|| made).clone())
    }
}

/// [`FetchKeys`] for a shared [`Fetcher`].
pub(crate) struct Shared(pub(crate) Arc<Fetcher>);

impl FetchKeys for Shared {
    fn fetch(&self, uri: JwksUri) -> Fetching {
        let fetcher = Arc::clone(&self.0);
        Box::pin(async move {
            let told = |error: anyhow::Error| format!("{error:#}");
            let turn = Arc::clone(&fetcher.turns).acquire_owned().await.map_err(|error| error.to_string())?;
            #[expect(
                clippy::disallowed_methods,
                reason = "fetches are rare, and only a few are under way: AT_ONCE"
            )]
            let fetched = tokio::task::spawn_blocking(move || {
                let fetched = fetcher.agent().and_then(|agent| fetched(&agent, &uri));
                drop(turn);
                fetched
            });
            fetched.await.map_err(|error| error.to_string())?.map_err(told)
        })
    }
}

fn fetched(agent: &Agent, uri: &JwksUri) -> anyhow::Result<FetchedKeys> {
    let mut answer =
        agent.get(uri.as_str()).header("accept", "application/jwk-set+json, application/json").call()?;
    // RFC 9110 section 15.4: a redirect leads to where nobody has checked.
    if answer.status() != StatusCode::OK {
        bail!("it answers {}", answer.status());
    }
    let max_age = max_age(answer.headers());
    let body = answer.body_mut().with_config().limit(LARGEST).read_to_vec().context("its answer")?;
    Ok(FetchedKeys { body, max_age })
}

/// RFC 9111 section 5.2.2.1.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let lines = headers.get_all(CACHE_CONTROL).iter().filter_map(|line| line.to_str().ok());
    let mut directives = lines.flat_map(|line| line.split(',')).map(str::trim);
    let seconds = directives.find_map(|directive| {
        let (name, value) = directive.split_once('=')?;
        name.eq_ignore_ascii_case("max-age").then_some(value.trim_matches('"'))
    })?;
    seconds.parse().ok().map(Duration::from_secs)
}

fn agent(allowed: Allowed, ca_file: Option<&Path>) -> anyhow::Result<Agent> {
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .root_certs(RootCerts::new_with_certs(&authorities(ca_file)?));
    let config = Agent::config_builder()
        .https_only(true)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        // A proxy would look the name up by itself, and connect to what it finds.
        .proxy(None)
        // A connection that is kept is one whose address is not checked again.
        .max_idle_connections(0)
        .timeout_global(Some(PATIENCE))
        .timeout_connect(Some(CONNECT_PATIENCE))
        .user_agent(concat!("doorward/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls.build());
    Ok(Agent::with_parts(
        config.build(),
        DefaultConnector::default(),
        Checked { allowed, names: DefaultResolver::default() },
    ))
}

fn authorities(ca_file: Option<&Path>) -> anyhow::Result<Vec<Certificate<'static>>> {
    let mut found: Vec<CertificateDer<'static>> = rustls_native_certs::load_native_certs().certs;
    if let Some(path) = ca_file {
        let read = || format!("outgoing.ca_file {}", path.display());
        let pem = std::fs::read(path).with_context(read)?;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            found.push(certificate.map_err(|error| anyhow::anyhow!("{error}")).with_context(read)?);
        }
    }
    if found.is_empty() {
        bail!(
            "this machine has no certificates of authorities to trust: install its package ca-certificates"
        );
    }
    Ok(found.iter().map(|der| Certificate::from_der(der).to_owned()).collect())
}

/// Looks names up, and gives only addresses that may be reached: what comes out of here is what is connected to.
#[derive(Debug)]
struct Checked {
    allowed: Allowed,
    names: DefaultResolver,
}

impl Resolver for Checked {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.names.resolve(uri, config, timeout)?;
        let host = uri.host().unwrap_or_default();
        let mut admitted = self.empty();
        for address in found.iter().filter(|address| self.allowed.admits(host, address.ip())) {
            admitted.push(*address);
        }
        if admitted.is_empty() {
            let why = "it is at an address of a private or special network: outgoing.allow says what may be reached there";
            return Err(ureq::Error::Io(io::Error::new(io::ErrorKind::PermissionDenied, why)));
        }
        Ok(admitted)
    }
}
