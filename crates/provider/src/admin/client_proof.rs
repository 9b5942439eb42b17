//! What a registration must say so that its client can prove who it is: keys, certificates, subjects, algorithms.

use crate::clients::trusted_keys::KnownKeys;
use crypto::is_distinguished_name;
use protocol::{Client, ClientAuthentication as Method, TlsSubject};

/// Whether the client can prove who it is by what it registers; if not, why.
pub(super) fn check(client: &Client) -> Result<(), String> {
    let invalid = |why: &str| Err(why.to_owned());
    let method = client.authentication;
    // RFC 7591 section 2: "The jwks_uri and jwks parameters MUST NOT both be present".
    if client.jwks.is_some() && client.jwks_uri.is_some() {
        return invalid("jwks and jwks_uri: only one of them is allowed (RFC 7591 section 2)");
    }
    if method.needs_keys() && client.jwks.is_none() && client.jwks_uri.is_none() {
        return Err(format!("{}: the client's jwks or jwks_uri is needed", method.as_str()));
    }
    if let Some(jwks) = &client.jwks {
        let known =
            KnownKeys::parse(jwks.to_string().as_bytes()).map_err(|error| format!("jwks: {error}"))?;
        if method == Method::SelfSignedTlsClientAuth && known.certificates.is_empty() {
            return invalid("jwks: a key with its certificate in x5c is needed (RFC 8705 section 2.2.2)");
        }
        if method == Method::PrivateKeyJwt && !known.signing.can_sign() {
            return invalid("jwks: an Ed25519, P-256 or RSA key that signs is needed");
        }
        // A certificate's key may be of any kind.
        if method != Method::SelfSignedTlsClientAuth
            && let Some(skipped) = known.signing.skipped().first()
        {
            return Err(format!("jwks: {skipped}"));
        }
        if let (Method::PrivateKeyJwt, Some(algorithm)) = (method, client.token_endpoint_auth_signing_alg)
            && !algorithm.is_symmetric()
            && !known.signing.can_sign_by(algorithm)
        {
            return Err(format!("jwks: no key in it is for {}", algorithm.as_str()));
        }
    }
    match (&client.tls_subject, method == Method::TlsClientAuth) {
        (None, true) => {
            return invalid("tls_client_auth: whom the certificate names is needed (RFC 8705 section 2.1.2)");
        }
        (Some(_), false) => {
            return invalid("a certificate's subject is for tls_client_auth only (RFC 8705 section 2.1.2)");
        }
        (Some(TlsSubject::Dn(name)), true) if !is_distinguished_name(name) => {
            return invalid(
                "tls_client_auth_subject_dn: a name such as CN=machine,O=Example is expected (RFC 4514)",
            );
        }
        _ => {}
    }
    match client.token_endpoint_auth_signing_alg {
        None => Ok(()),
        Some(algorithm) if method == Method::ClientSecretJwt && algorithm.is_symmetric() => Ok(()),
        Some(algorithm) if method == Method::PrivateKeyJwt && !algorithm.is_symmetric() => Ok(()),
        Some(algorithm) => Err(format!("{}: {} signs nothing", method.as_str(), algorithm.as_str())),
    }
}
