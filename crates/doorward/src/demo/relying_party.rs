//! "Acme Notes", the demo's own relying party: a small website beside the provider, with a cookie of its own. What it shows is what a
//! client gets; it has no other way to anything.

use super::fixture::Fixture;
use super::oidc_client::OidcClient;
use super::pages;
use super::sessions::{Sessions, Visitor};
use super::television::drawn;
use crate::clock::{self, OsRandom};
use crate::outgoing::Outgoing;
use crate::settings::Issuer;
use anyhow::Context as _;
use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use crypto::generate_secret;
use http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use http::{StatusCode, Uri};
use std::collections::HashMap;
use std::sync::Arc;
use url::form_urlencoded;
use web::ContentSecurityPolicy;
use web::pages::{DemoHomePage, ErrorPage, LeadOn};
use web::server::security_headers::SecurityHeaders;

/// Of a visitor who is signed in.
const SESSION: &str = "acme-notes";
/// Of a browser, in whichever of its tabs somebody is on the way.
const BROWSER: &str = "acme-notes-browser";

/// The website.
pub(super) struct RelyingParty {
    oidc: OidcClient,
    sessions: Sessions,
    home: DemoHomePage,
}

impl RelyingParty {
    pub(super) fn new(issuer: &Issuer, fixture: &Fixture, outgoing: Outgoing) -> anyhow::Result<Self> {
        let own = &fixture.relying_party;
        let secret = own.client_secret.as_deref().unwrap_or_default();
        let phone = (!issuer.is_loopback()).then(|| drawn(&format!("{issuer}/demo/"))).transpose()?;
        Ok(Self {
            oidc: OidcClient::new(issuer.as_str(), &own.client_id, secret, outgoing),
            sessions: Sessions::default(),
            home: DemoHomePage {
                issuer: issuer.to_string(),
                signed_out: None,
                phone,
                sign_in_url: "/demo/sign-in".to_owned(),
                users: fixture.users.clone(),
                clients: fixture.clients().into_iter().cloned().collect(),
                endpoints: Vec::new(),
            },
        })
    }

    /// Its routes, all under `/demo`.
    pub(super) fn router(self) -> Router {
        Router::new()
            .route("/demo", get(async || Redirect::permanent("/demo/")))
            .route("/demo/", get(home))
            .route("/demo/sign-in", get(sign_in))
            .route("/demo/callback", get(callback))
            .route("/demo/result", get(result))
            .route("/demo/refresh", post(refresh))
            .route("/demo/sign-out", get(sign_out))
            .route("/demo/signed-out", get(signed_out))
            .layer(SecurityHeaders::new(false))
            .with_state(Arc::new(self))
    }
}

type Party = State<Arc<RelyingParty>>;
type Answer = Result<Response, Failed>;

async fn home(State(party): Party) -> Answer {
    let endpoints = party.oidc.metadata().await?.endpoints();
    Ok(page(&DemoHomePage { endpoints, ..party.home.clone() }))
}

/// Off to the provider.
async fn sign_in(State(party): Party, headers: HeaderMap) -> Answer {
    let (url, attempt) = party.oidc.begin().await?;
    let browser = cookie(&headers, BROWSER).map_or_else(|| generate_secret(&mut OsRandom), str::to_owned);
    party.sessions.remember(browser.clone(), Visitor::SigningIn(attempt));
    Ok(with_cookie(Redirect::to(url.as_str()), BROWSER, &browser))
}

/// Back from the provider.
async fn callback(State(party): Party, request: Request) -> Answer {
    let answer = query(request.uri());
    let state = answer.get("state").map(String::as_str).unwrap_or_default();
    let attempt =
        cookie(request.headers(), BROWSER).and_then(|browser| party.sessions.take_attempt(browser, state));
    let session = cookie(request.headers(), SESSION).and_then(|session| party.sessions.signed_in(session));
    if attempt.is_none() && session.is_some() {
        // Somebody went back, or loaded it again: it was finished already.
        return Ok(Redirect::to("/demo/result").into_response());
    }
    let attempt = attempt.context("no sign-in is under way in this browser, or it was finished already")?;
    let signed_in = party.oidc.finish(attempt, &answer).await?;
    // A new cookie: one that somebody knew before the sign-in is worth nothing after it.
    let cookie = generate_secret(&mut OsRandom);
    party.sessions.remember(cookie.clone(), Visitor::SignedIn(Box::new(signed_in)));
    Ok(with_cookie(Redirect::to("/demo/result"), SESSION, &cookie))
}

async fn result(State(party): Party, headers: HeaderMap) -> Answer {
    let Some(signed_in) = cookie(&headers, SESSION).and_then(|cookie| party.sessions.signed_in(cookie))
    else {
        return Ok(Redirect::to("/demo/").into_response());
    };
    let userinfo = party.oidc.userinfo(&signed_in).await?;
    let introspection = party.oidc.introspect(&signed_in).await?;
    Ok(page(&pages::result(&signed_in, &userinfo, &introspection, clock::now())?))
}

async fn refresh(State(party): Party, headers: HeaderMap) -> Answer {
    let known =
        cookie(&headers, SESSION).and_then(|cookie| Some((cookie, party.sessions.signed_in(cookie)?)));
    let (cookie, signed_in) = known.context("nobody is signed in in this browser")?;
    let refreshed = party.oidc.refresh(signed_in).await?;
    party.sessions.remember(cookie.to_owned(), Visitor::SignedIn(Box::new(refreshed)));
    Ok(Redirect::to("/demo/result").into_response())
}

async fn sign_out(State(party): Party, headers: HeaderMap) -> Answer {
    let known =
        cookie(&headers, SESSION).and_then(|cookie| Some((cookie, party.sessions.signed_in(cookie)?)));
    let Some((cookie, signed_in)) = known else { return Ok(Redirect::to("/demo/").into_response()) };
    let name = signed_in.name().to_owned();
    let url = party.oidc.sign_out_url(&signed_in.id_token).await?;
    party.sessions.remember(cookie.to_owned(), Visitor::SignedOut(name));
    Ok(Redirect::to(url.as_str()).into_response())
}

/// Back from the provider, which ended its session too.
async fn signed_out(State(party): Party, headers: HeaderMap) -> Answer {
    let Some(name) = cookie(&headers, SESSION).and_then(|cookie| party.sessions.signed_out(cookie)) else {
        return Ok(Redirect::to("/demo/").into_response());
    };
    let endpoints = party.oidc.metadata().await?.endpoints();
    Ok(page(&DemoHomePage { endpoints, signed_out: Some(name), ..party.home.clone() }))
}

fn page(page: &impl askama::Template) -> Response {
    web::page(StatusCode::OK, page, &ContentSecurityPolicy::default())
}

/// What did not work out, shown to the visitor.
pub(super) struct Failed(anyhow::Error);

impl<E: Into<anyhow::Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let request_id = clock::own_ctx().request_id;
        tracing::warn!(error = format!("{:#}", self.0), %request_id, "the demo's relying party gave up");
        let status = StatusCode::BAD_REQUEST;
        let error = ErrorPage {
            status: status.as_u16(),
            title: "Acme Notes could not sign you in".to_owned(),
            what_happened: format!("{:#}.", self.0),
            what_to_do: "Go back to the start of the demo and try again.".to_owned(),
            error_code: None,
            lead_on: LeadOn::new("Start of the demo", "/demo/"),
            request_id: request_id.to_string(),
        };
        web::page(status, &error, &ContentSecurityPolicy::default())
    }
}

fn with_cookie(response: impl IntoResponse, name: &str, value: &str) -> Response {
    let mut response = response.into_response();
    // Not sent along when another site posts; base64url needs no quoting.
    let cookie = format!("{name}={value}; Path=/demo; HttpOnly; SameSite=Lax");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

fn cookie<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let pairs = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'));
    pairs
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == wanted).then_some(value))
}

fn query(uri: &Uri) -> HashMap<String, String> {
    form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect()
}
