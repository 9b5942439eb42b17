//! The HTTP client for what lies outside this machine: blocking, with TLS and the machine's own authorities, made where it is needed and never in
//! a server that does not. Follows no redirect. (Within the machine, and beside a running server: `outgoing.rs`.)

use std::sync::Arc;
use std::time::Duration;
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// A client whose exchanges take `patience` at most. Without `https` no authorities are loaded.
///
/// # Errors
/// When this machine trusts no authority at all.
pub(crate) fn agent(https: bool, patience: Duration) -> anyhow::Result<Agent> {
    let mut tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    if https {
        let found = rustls_native_certs::load_native_certs();
        if found.certs.is_empty() {
            anyhow::bail!(
                "this machine has no certificates of authorities to trust: install its package ca-certificates"
            );
        }
        let roots: Vec<_> = found.certs.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
        tls = tls.root_certs(RootCerts::new_with_certs(&roots));
    }
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_global(Some(patience))
        .user_agent(concat!("doorward/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls.build());
    Ok(config.build().into())
}
