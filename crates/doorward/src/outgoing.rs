//! A small HTTP client for what this program asks of a server itself: the demo's relying party, the health check. Plain http, and https to
//! whoever has the one certificate it was told, with a time limit and a size limit; follows no redirect.

use anyhow::Context as _;
use axum::body::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use std::time::Duration;
use url::form_urlencoded::Serializer;

/// The longest a whole exchange may take: a sign-in that waits for its turn in the hash pool is not among what is asked here.
const PATIENCE: Duration = Duration::from_secs(10);
const LONGEST_BODY: usize = 1024 * 1024;

/// The client; a cheap clone with the same connections.
#[derive(Clone)]
pub(crate) struct Outgoing(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// What came back.
pub(crate) struct Incoming {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

impl Outgoing {
    /// Trusts nobody's certificate.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub(crate) fn new() -> anyhow::Result<Self> {
        Self::with(RootCertStore::empty())
    }

    /// Trusts this certificate.
    ///
    /// # Errors
    /// When it is none, or TLS cannot be set up.
    pub(crate) fn trusting(certificate: CertificateDer<'static>) -> anyhow::Result<Self> {
        let mut trusted = RootCertStore::empty();
        trusted.add(certificate)?;
        Self::with(trusted)
    }

    fn with(trusted: RootCertStore) -> anyhow::Result<Self> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(trusted)
            .with_no_client_auth();
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        Ok(Self(Client::builder(TokioExecutor::new()).build(connector)))
    }

    pub(crate) async fn get(
        &self,
        url: &str,
        authorization: Option<HeaderValue>,
    ) -> anyhow::Result<Incoming> {
        self.send(Method::GET, url, authorization, None).await
    }

    pub(crate) async fn post_form(
        &self,
        url: &str,
        authorization: Option<HeaderValue>,
        form: &[(&str, &str)],
    ) -> anyhow::Result<Incoming> {
        let form = Serializer::new(String::new()).extend_pairs(form).finish();
        self.send(Method::POST, url, authorization, Some(form)).await
    }

    async fn send(
        &self,
        method: Method,
        url: &str,
        authorization: Option<HeaderValue>,
        form: Option<String>,
    ) -> anyhow::Result<Incoming> {
        let mut request = Request::new(Full::from(form.clone().unwrap_or_default()));
        *request.method_mut() = method;
        *request.uri_mut() = url.parse().with_context(|| format!("{url} is not a URL"))?;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if form.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        }
        if let Some(authorization) = authorization {
            headers.insert(AUTHORIZATION, authorization);
        }
        let exchange = async {
            let response = self.0.request(request).await?;
            let status = response.status();
            let body = Limited::new(response.into_body(), LONGEST_BODY).collect().await;
            let body = body.map_err(|error| anyhow::anyhow!("the answer broke off: {error}"))?.to_bytes();
            anyhow::Ok(Incoming { status, body })
        };
        let answered = tokio::time::timeout(PATIENCE, exchange).await;
        answered
            .with_context(|| format!("{url}: no answer within {PATIENCE:?}"))?
            .with_context(|| format!("{url} cannot be asked"))
    }
}
