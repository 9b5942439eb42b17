//! What can be said on the command line about how a client proves who it is.

use anyhow::Context as _;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, value_parser};
use protocol::{AssertionAlgorithm, Client, ClientAuthentication, JwksUri, TlsSubject};
use serde_json::Value;
use std::net::IpAddr;

#[derive(Args)]
pub(crate) struct ProofOptions {
    /// The method: a secret (client_secret: in the header or the form), an assertion it signs, or a certificate
    #[arg(long, value_name = "METHOD", value_parser = method())]
    pub(crate) authentication: Option<ClientAuthentication>,
    /// Its public keys, for private_key_jwt, or certificates, for self_signed_tls_client_auth: a file with a JWK Set
    #[arg(long, value_name = "FILE", value_parser = jwk_set)]
    jwks: Option<Value>,
    /// Where it publishes that JWK Set
    #[arg(long, value_name = "URL", conflicts_with = "jwks")]
    jwks_uri: Option<JwksUri>,
    /// The one algorithm its assertions are signed by; without it, any its keys are for
    #[arg(long, value_name = "ALG", value_parser = algorithm())]
    assertion_alg: Option<AssertionAlgorithm>,
    /// Its assertions must name the issuer alone as their audience, not the token endpoint
    #[arg(long, overrides_with = "no_require_issuer_audience")]
    require_issuer_audience: bool,
    /// Its assertions may name the token endpoint, too
    #[arg(long, overrides_with = "require_issuer_audience")]
    no_require_issuer_audience: bool,
    #[command(flatten)]
    subject: SubjectOption,
    /// Its access tokens are good only with the certificate it got them with
    #[arg(long, overrides_with = "no_certificate_bound_tokens")]
    certificate_bound_tokens: bool,
    /// Its access tokens are good by themselves
    #[arg(long, overrides_with = "certificate_bound_tokens")]
    no_certificate_bound_tokens: bool,
}

/// One of the names a certificate can bear.
#[derive(Args)]
#[group(multiple = false)]
struct SubjectOption {
    /// For tls_client_auth: the subject of its certificate, such as CN=machine,O=Example
    #[arg(long, value_name = "NAME")]
    tls_subject_dn: Option<String>,
    /// For tls_client_auth: a DNS name in its certificate
    #[arg(long, value_name = "NAME")]
    tls_san_dns: Option<String>,
    /// For tls_client_auth: a URI in its certificate
    #[arg(long, value_name = "URI")]
    tls_san_uri: Option<String>,
    /// For tls_client_auth: an address in its certificate
    #[arg(long, value_name = "ADDRESS", value_parser = value_parser!(IpAddr))]
    tls_san_ip: Option<IpAddr>,
    /// For tls_client_auth: an e-mail address in its certificate
    #[arg(long, value_name = "ADDRESS")]
    tls_san_email: Option<String>,
}

impl ProofOptions {
    /// The client with what was given changed.
    pub(crate) fn apply(self, mut client: Client) -> Client {
        if let Some(method) = self.authentication {
            client.authentication = method;
            // What belongs to another method goes with it.
            client.token_endpoint_auth_signing_alg = None;
            client.tls_subject.take_if(|_| method != ClientAuthentication::TlsClientAuth);
        }
        if let Some(jwks) = self.jwks {
            (client.jwks, client.jwks_uri) = (Some(jwks), None);
        }
        if let Some(uri) = self.jwks_uri {
            (client.jwks, client.jwks_uri) = (None, Some(uri));
        }
        client.token_endpoint_auth_signing_alg =
            self.assertion_alg.or(client.token_endpoint_auth_signing_alg);
        client.tls_subject = self.subject.given().or(client.tls_subject);
        client.require_issuer_audience = self.require_issuer_audience
            || client.require_issuer_audience && !self.no_require_issuer_audience;
        let bound = &mut client.tls_client_certificate_bound_access_tokens;
        *bound = self.certificate_bound_tokens || *bound && !self.no_certificate_bound_tokens;
        client
    }
}

impl SubjectOption {
    fn given(self) -> Option<TlsSubject> {
        let dn = self.tls_subject_dn.map(TlsSubject::Dn);
        let dns = self.tls_san_dns.map(TlsSubject::Dns);
        let uri = self.tls_san_uri.map(TlsSubject::Uri);
        let ip = self.tls_san_ip.map(TlsSubject::Ip);
        dn.or(dns).or(uri).or(ip).or(self.tls_san_email.map(TlsSubject::Email))
    }
}

/// What is shown of it, by `client show`.
pub(crate) fn shown(client: &Client) -> Vec<(&'static str, String)> {
    let yes = |holds: bool| if holds { "yes".to_owned() } else { String::new() };
    let keys = |jwks: &Value| jwks["keys"].as_array().map(Vec::len).unwrap_or_default();
    let (kind, name) = match &client.tls_subject {
        None => ("certificate's subject", String::new()),
        Some(TlsSubject::Dn(name)) => ("certificate's subject", name.clone()),
        Some(TlsSubject::Dns(name)) => ("certificate's DNS name", name.clone()),
        Some(TlsSubject::Uri(uri)) => ("certificate's URI", uri.clone()),
        Some(TlsSubject::Ip(address)) => ("certificate's address", address.to_string()),
        Some(TlsSubject::Email(address)) => ("certificate's e-mail", address.clone()),
    };
    vec![
        ("authentication", client.authentication.as_str().to_owned()),
        ("keys", client.jwks.as_ref().map(|jwks| format!("{} by value", keys(jwks))).unwrap_or_default()),
        ("keys at", client.jwks_uri.as_ref().map(ToString::to_string).unwrap_or_default()),
        (
            "assertion algorithm",
            client.token_endpoint_auth_signing_alg.map_or("", AssertionAlgorithm::as_str).to_owned(),
        ),
        ("issuer audience only", yes(client.require_issuer_audience)),
        (kind, name),
        ("bound to certificate", yes(client.tls_client_certificate_bound_access_tokens)),
    ]
}

/// Reads a JWK Set from the file of this name.
pub(crate) fn jwk_set(path: &str) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{path} cannot be read"))?;
    serde_json::from_str(&text).with_context(|| format!("{path} is not JSON"))
}

fn method() -> impl TypedValueParser<Value = ClientAuthentication> {
    PossibleValuesParser::new(ClientAuthentication::ALL.map(ClientAuthentication::as_str))
        .try_map(|text| text.parse::<ClientAuthentication>())
}

fn algorithm() -> impl TypedValueParser<Value = AssertionAlgorithm> {
    PossibleValuesParser::new(AssertionAlgorithm::ALL.map(AssertionAlgorithm::as_str))
        .try_map(|text| text.parse::<AssertionAlgorithm>())
}
