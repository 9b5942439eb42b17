//! An issuer as a client sees it: its discovery document, and the endpoints named there. Owns requests and the reading of answers; what an
//! answer means for the person is `login.rs`'s.

use crate::https;
use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::time::Duration;
use ureq::Agent;
use url::form_urlencoded::byte_serialize;
use url::{Host, Url};

/// The longest one exchange may take.
const PATIENCE: Duration = Duration::from_secs(30);
const LONGEST_BODY: u64 = 1 << 20;

pub(super) struct Issuer {
    agent: Agent,
    metadata: Metadata,
    client_id: String,
    secret: Option<String>,
}

/// OpenID Connect Discovery section 3, RFC 8414 section 2, RFC 8628 section 4.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    token_endpoint: Url,
    device_authorization_endpoint: Option<Url>,
    userinfo_endpoint: Option<Url>,
}

/// What an OAuth endpoint said.
pub(super) enum Answer {
    Good(Map<String, Value>),
    Refused(Refusal),
}

/// RFC 6749 section 5.2.
#[derive(Deserialize)]
pub(super) struct Refusal {
    pub(super) error: String,
    #[serde(default, rename = "error_description")]
    pub(super) description: String,
}

/// It did not answer, or had no time: it may later.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unreachable(String);

impl Issuer {
    pub(super) fn discover(url: &Url, client_id: &str, secret: Option<String>) -> anyhow::Result<Self> {
        ensure!(
            is_safe(url),
            "{url} is not safe: an issuer is asked by https, or by http on this machine only"
        );
        let agent = https::agent(url.scheme() == "https", PATIENCE)?;
        let wanted = url.as_str().trim_end_matches('/');
        let document = format!("{wanted}/.well-known/openid-configuration");
        let (status, body) = exchange(&document, || agent.get(&document).call())?;
        ensure!(status == 200, "{document} answered {status}: is it an OpenID Provider?");
        let metadata: Metadata =
            serde_json::from_slice(&body).with_context(|| format!("{document} is no discovery document"))?;
        // OpenID Connect Discovery section 4.3.
        let issuer = metadata.issuer.trim_end_matches('/');
        ensure!(issuer == wanted, "the issuer there calls itself {issuer}: use --issuer {issuer}");
        let endpoints = [
            Some(&metadata.token_endpoint),
            metadata.device_authorization_endpoint.as_ref(),
            metadata.userinfo_endpoint.as_ref(),
        ];
        for endpoint in endpoints.into_iter().flatten() {
            let as_safe = is_safe(endpoint) && endpoint.scheme() == url.scheme();
            ensure!(as_safe, "its endpoint {endpoint} is not as safe as the issuer itself");
        }
        Ok(Self { agent, metadata, client_id: client_id.to_owned(), secret })
    }

    /// RFC 8628 section 3.1.
    pub(super) fn device_authorization(&self, scope: &str) -> anyhow::Result<Answer> {
        let endpoint = self.metadata.device_authorization_endpoint.as_ref();
        let endpoint = endpoint
            .context("this issuer has no device_authorization_endpoint: devices cannot sign in there")?;
        self.post(endpoint, &[("scope", scope)])
    }

    pub(super) fn token(&self, form: &[(&str, &str)]) -> anyhow::Result<Answer> {
        self.post(&self.metadata.token_endpoint, form)
    }

    /// OpenID Connect Core section 5.3.
    pub(super) fn userinfo(&self, access_token: &str) -> anyhow::Result<Value> {
        let endpoint = self.metadata.userinfo_endpoint.as_ref();
        let endpoint = endpoint.context("this issuer has no userinfo_endpoint")?.as_str();
        let bearer = format!("Bearer {access_token}");
        let ask = || self.agent.get(endpoint).header("authorization", &bearer).call();
        let (status, body) = exchange(endpoint, ask)?;
        ensure!(status == 200, "{endpoint} answered {status}: does the scope hold openid?");
        serde_json::from_slice(&body).with_context(|| format!("{endpoint} did not answer with JSON"))
    }

    fn post(&self, endpoint: &Url, form: &[(&str, &str)]) -> anyhow::Result<Answer> {
        let endpoint = endpoint.as_str();
        let mut request = self.agent.post(endpoint).header("accept", "application/json");
        let mut form = form.to_vec();
        match &self.secret {
            Some(secret) => request = request.header("authorization", basic(&self.client_id, secret)),
            None => form.push(("client_id", &self.client_id)),
        }
        let (status, body) = exchange(endpoint, || request.send_form(form))?;
        if status == 200 {
            let members = serde_json::from_slice(&body);
            return Ok(Answer::Good(
                members.with_context(|| format!("{endpoint} did not answer with JSON"))?,
            ));
        }
        match serde_json::from_slice::<Refusal>(&body) {
            // RFC 6585 section 4 and RFC 9110 section 15.6.4: not refused, only not now.
            _ if matches!(status, 429 | 503) => {
                Err(Unreachable(format!("{endpoint} has no time: status {status}")).into())
            }
            Ok(refusal) => Ok(Answer::Refused(refusal)),
            Err(_) => bail!("{endpoint} answered {status}"),
        }
    }
}

/// Sends a request and reads the whole answer.
fn exchange(
    url: &str,
    send: impl FnOnce() -> Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> anyhow::Result<(u16, Vec<u8>)> {
    let unreachable = |error| Unreachable(format!("{url} cannot be reached: {error}"));
    let mut answer = send().map_err(unreachable)?;
    let body = answer.body_mut().with_config().limit(LONGEST_BODY).read_to_vec().map_err(unreachable)?;
    Ok((answer.status().as_u16(), body))
}

/// RFC 6749 section 2.3.1: both halves are form-urlencoded before they are joined.
fn basic(id: &str, secret: &str) -> String {
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret))))
}

/// RFC 8414 section 2: an issuer is https. On the machine itself nobody listens in between.
fn is_safe(url: &Url) -> bool {
    let on_this_machine = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && on_this_machine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_is_for_this_machine_only() {
        for (url, safe) in [
            ("https://id.example", true),
            ("http://localhost:8080", true),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("http://id.example", false),
            ("http://localhost.example", false),
            ("ftp://localhost", false),
        ] {
            assert_eq!(is_safe(&Url::parse(url).unwrap()), safe, "{url}");
        }
    }
}
