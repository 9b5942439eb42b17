//! A site over TLS whose certificate nobody trusts unless told to. Also used by the unit tests of `src/fetch`, which meet the same sites from inside.

use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use std::net::TcpListener;
use std::sync::Arc;

/// A certificate for these names that vouches for itself, as PEM; what a server with it says; and where it listens.
pub(crate) fn site(names: &[&str]) -> (String, Arc<ServerConfig>, TcpListener) {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()).into();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key));
    let config = Arc::new(config.expect("a key and its certificate"));
    (made.cert.pem(), config, TcpListener::bind("127.0.0.1:0").expect("a free port"))
}
