//! The name a browser came by. Cookies belong to the issuer's, and so does every page that goes by them: a request that names another host is
//! for somebody else, whoever led the browser here. Programs bring no cookies, and go on calling token, introspection and keys by whatever name
//! leads here; sign-out too, where the token that a client's back end brings names what ends.

use crate::app::Web;
use crate::pages::{ErrorPage, LeadOn};
use crate::server::head::{is_loopback, name_of};
use crate::server::{ForwardedHost, Problem};
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::{HOST, HeaderValue};
use http::request::Parts;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the check needs; a cheap clone.
#[derive(Clone)]
pub(crate) struct OwnHost {
    web: Web,
    told: Arc<AtomicBool>,
}

impl OwnHost {
    pub(crate) fn new(web: Web) -> Self {
        Self { web, told: Arc::default() }
    }

    fn is_ours(&self, request: &Request) -> bool {
        let issuer = &self.web.provider.settings().issuer;
        let own =
            name_of(issuer.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or("")));
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        // A proxy that calls us by an inner name may say by which one it was called.
        let forwarded = request.extensions().get::<ForwardedHost>().map(|host| &*host.0);
        // Not the port: cookies know none (RFC 6265 section 8.5), and many a proxy leaves it out.
        host.into_iter()
            .chain(forwarded)
            .map(name_of)
            .any(|name| name.eq_ignore_ascii_case(own) || (is_loopback(own) && is_loopback(name)))
    }
}

/// By which name the requests of a route must have come.
#[derive(Clone, Copy)]
pub(crate) enum Named<'a> {
    /// By any: no cookie counts.
    Anyhow,
    /// By the issuer's: what is shown or done goes by a browser's cookies.
    AsIssuer(&'a OwnHost),
    /// Browsers by the issuer's, programs by any; the handler knows them apart ([`CameBy`]).
    AsIssuerByBrowsers(&'a OwnHost),
}

/// RFC 9110 section 15.5.20: 421 where the host is not ours.
pub(crate) async fn only(State(own): State<OwnHost>, request: Request, next: Next) -> Response {
    match own.is_ours(&request) {
        true => next.run(request).await,
        false => Elsewhere::of(own, &request).refusal(),
    }
}

/// The same, once the handler has found that it is a browser's request.
pub(crate) async fn noted(State(own): State<OwnHost>, mut request: Request, next: Next) -> Response {
    if !own.is_ours(&request) {
        let elsewhere = Elsewhere::of(own, &request);
        request.extensions_mut().insert(elsewhere);
    }
    next.run(request).await
}

/// A request that names a host which is not ours.
#[derive(Clone)]
struct Elsewhere {
    own: OwnHost,
    host: Option<HeaderValue>,
    wants_page: bool,
}

impl Elsewhere {
    fn of(own: OwnHost, request: &Request) -> Self {
        Self {
            own,
            host: request.headers().get(HOST).cloned(),
            wants_page: crate::routes::wants_page(request),
        }
    }

    fn refusal(&self) -> Response {
        let web = &self.own.web;
        let issuer = &web.provider.settings().issuer;
        if !self.own.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                host = ?self.host,
                issuer,
                "a browser's request names a host that is not the issuer's, and is refused (421): set issuer to what people type, and let the \
                 proxy pass the Host header on (or X-Forwarded-Host, as one of trusted_proxies); others like it are not told any more"
            );
        }
        let status = StatusCode::MISDIRECTED_REQUEST;
        if !self.wants_page {
            return Problem::new(status).detail("This server's pages are at another host.").into_response();
        }
        crate::answer::error_page(&ErrorPage {
            status: status.as_u16(),
            title: "You came by another address".to_owned(),
            what_happened: "This server does not know itself under the address in your browser.".to_owned(),
            what_to_do: format!("Go to {issuer} instead, or go back to the app and start again."),
            error_code: None,
            lead_on: LeadOn::new("Go there", issuer),
            request_id: (web.new_ctx)(None).request_id.to_string(),
        })
    }
}

/// By which name a request came that is answered to browsers by the issuer's only.
pub(crate) struct CameBy(Option<Elsewhere>);

impl FromRequestParts<Web> for CameBy {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Web) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get().cloned()))
    }
}

impl CameBy {
    /// What a browser is answered that came by another name.
    pub(crate) fn refusal(&self) -> Option<Response> {
        self.0.as_ref().map(Elsewhere::refusal)
    }
}
