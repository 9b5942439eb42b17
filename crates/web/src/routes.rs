//! Every route, one line each. What a route does stands in the file of its name.

use crate::app::Web;
use crate::assets::asset_at;
use crate::below;
use crate::dialects::keycloak::{frames, realm};
use crate::dialects::{keycloak, machine, organization};
use crate::error::PageError;
use crate::health;
use crate::oauth::{
    authorize, device_authorization, discovery, introspect, logout, revoke, token, userinfo, validate,
};
use crate::own_host::{self, Named, OwnHost};
use crate::person::{consent, device, home, logo, select_account, setup, sign_in, sign_up};
use crate::server::Problem;
use crate::server::rate_limit::{Limit, RateLimits};
use crate::server::security_headers::{OPENER_POLICY, SecurityHeaders};
use axum::Router;
use axum::extract::Request;
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, get, post};
use http::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, ORIGIN, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use http::{Method, StatusCode};
use protocol::{ErrorCode, OAuthError};
use provider::ProviderError;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// The whole surface.
pub fn router(web: Web) -> Router {
    let refusing = web.clone();
    let limits =
        web.rate_limits.clone().with_refusal(move |request, wait| too_many(&refusing, request, wait));
    let own_host = OwnHost::new(web.clone());
    let general = Under { web: &web, limit: limits.general(), named: Named::Anyhow };
    let people = Under { web: &web, limit: limits.general(), named: Named::AsIssuer(&own_host) };
    let trying_passwords = Under { web: &web, limit: limits.sign_in(), named: Named::AsIssuer(&own_host) };
    let people_and_programs =
        Under { web: &web, limit: limits.general(), named: Named::AsIssuerByBrowsers(&own_host) };
    // All requests of all people behind a gateway come from its one address: no limit per address.
    let unlimited = Under { web: &web, limit: RateLimits::off().general(), named: Named::Anyhow };
    let surface = Router::new()
        .merge(for_clients(&general))
        .merge(for_people(&people))
        .merge(setup_form(&trying_passwords))
        .merge(
            on_the_way_to_a_client(&people)
                .merge(signing_out(&people_and_programs))
                .merge(for_people_of_keycloak(&people))
                .merge(password_forms(&trying_passwords))
                .layer(map_response(keeps_its_opener)),
        )
        // CORS outside: a script can read that it asked too often, and its preflights cost it nothing.
        .merge(for_scripts(&general).merge(for_scripts_in_dialects(&general)).layer(any_origin()))
        .merge(for_scripts_of_keycloak(&general).layer(keycloak::cors::with_credentials(any_origin())))
        .merge(for_operators(&unlimited))
        .merge(for_gateways(&unlimited))
        .fallback_service(nowhere(&web))
        .layer(SecurityHeaders::new(web.is_https()))
        .with_state(web.clone());
    below::moved(surface, &web.provider.settings().issuer)
}

/// What lies over each route of a group.
struct Under<'a> {
    web: &'a Web,
    limit: Limit,
    /// By which name it must have come.
    named: Named<'a>,
}

/// No cookie counts for [`for_scripts`], so no origin is refused. It is echoed: some clients do not know that `*` is one of them (Fetch standard,
/// section 3.3.3). What scripts send and read beside what browsers always let them is what their protocols name: DPoP (RFC 9449), MCP,
/// W3C Trace Context.
fn any_origin() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::mirror_request())
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            AUTHORIZATION,
            CONTENT_TYPE,
            CACHE_CONTROL,
            HeaderName::from_static("dpop"),
            HeaderName::from_static("mcp-protocol-version"),
            HeaderName::from_static("x-requested-with"),
            HeaderName::from_static("traceparent"),
            HeaderName::from_static("tracestate"),
        ])
        .expose_headers([RETRY_AFTER, WWW_AUTHENTICATE, HeaderName::from_static("dpop-nonce")])
        .vary([ORIGIN])
        .max_age(std::time::Duration::from_secs(3_600))
}

/// What a script in any page may call too.
fn for_scripts(under: &Under<'_>) -> Router<Web> {
    routes(
        under,
        [
            ("/.well-known/openid-configuration", get(discovery::metadata)),
            ("/.well-known/oauth-authorization-server", get(discovery::metadata)),
            ("/oauth2/jwks", get(discovery::jwks)),
            ("/oauth2/device_authorization", post(device_authorization::post)),
            ("/oauth2/token", post(token::post)),
            ("/oauth2/revoke", post(revoke::post)),
            ("/oauth2/userinfo", get(userinfo::get).post(userinfo::post)),
        ],
    )
}

fn for_clients(under: &Under<'_>) -> Router<Web> {
    routes(
        under,
        [
            ("/oauth2/introspect", post(introspect::post)),
            ("/oauth2/protocol/openid-connect/token/introspect", post(keycloak::introspect)),
            ("/realms/{realm}/protocol/openid-connect/token/introspect", post(keycloak::introspect)),
            ("/auth-server/v1/oauth/token", post(machine::token)),
            ("/auth-server/v1/oauth/validate", post(machine::validate)),
            ("/auth-server/v1/oauth/revoke", post(machine::revoke)),
        ],
    )
}

/// The same for who speaks a dialect (docs/guide/dialects.md).
fn for_scripts_in_dialects(under: &Under<'_>) -> Router<Web> {
    routes(
        under,
        [
            ("/auth/device/code", post(organization::device_code)),
            ("/auth/device/verify", post(organization::device_verify)),
            ("/auth/token", post(organization::exchange)),
            ("/.well-known/jwks.json", get(discovery::jwks)),
            ("/oauth2/.well-known/jwks.json", get(discovery::jwks)),
            ("/oauth2/.well-known/openid-configuration", get(discovery::metadata)),
            ("/api/auth/logout", post(organization::logout)),
            ("/api/auth/refresh", post(organization::refresh)),
            ("/api/subscription", get(organization::subscription)),
            ("/api/user", get(organization::user)),
        ],
    )
}

/// What keycloak-js and other scripts call at Keycloak's paths.
fn for_scripts_of_keycloak(under: &Under<'_>) -> Router<Web> {
    routes(
        under,
        [
            ("/.well-known/oauth-authorization-server/realms/{realm}", get(discovery::metadata)),
            ("/realms/{realm}", get(realm::document)),
            ("/realms/{realm}/.well-known/openid-configuration", get(discovery::metadata)),
            ("/realms/{realm}/account", get(realm::account)),
            ("/oauth2/protocol/openid-connect/auth/device", post(keycloak::device_authorization)),
            ("/oauth2/protocol/openid-connect/certs", get(discovery::jwks)),
            ("/oauth2/protocol/openid-connect/revoke", post(keycloak::revoke)),
            ("/oauth2/protocol/openid-connect/token", post(keycloak::token)),
            ("/oauth2/protocol/openid-connect/userinfo", get(userinfo::get).post(userinfo::post)),
            ("/realms/{realm}/protocol/openid-connect/auth/device", post(keycloak::device_authorization)),
            ("/realms/{realm}/protocol/openid-connect/certs", get(discovery::jwks)),
            ("/realms/{realm}/protocol/openid-connect/revoke", post(keycloak::revoke)),
            ("/realms/{realm}/protocol/openid-connect/token", post(keycloak::token)),
            ("/realms/{realm}/protocol/openid-connect/userinfo", get(userinfo::get).post(userinfo::post)),
        ],
    )
}

fn for_people_of_keycloak(under: &Under<'_>) -> Router<Web> {
    let auth = || get(keycloak::auth).post(keycloak::posted_auth);
    routes(
        under,
        [
            ("/oauth2/protocol/openid-connect/auth", auth()),
            ("/oauth2/protocol/openid-connect/registrations", get(keycloak::registrations)),
            ("/realms/{realm}/device", get(realm::device)),
            ("/realms/{realm}/protocol/openid-connect/auth", auth()),
            ("/realms/{realm}/protocol/openid-connect/registrations", get(keycloak::registrations)),
            ("/realms/{realm}/protocol/openid-connect/login-status-iframe.html", get(frames::login_status)),
            ("/realms/{realm}/protocol/openid-connect/login-status-iframe.html/init", get(frames::init)),
            (
                "/realms/{realm}/protocol/openid-connect/3p-cookies/step1.html",
                get(frames::third_party_cookies),
            ),
        ],
    )
}

fn for_people(under: &Under<'_>) -> Router<Web> {
    routes(
        under,
        [
            ("/", get(home::get)),
            ("/device", get(device::get).post(device::post)),
            ("/device/allowed", get(device::allowed)),
            ("/device/denied", get(device::denied)),
            ("/assets/{name}", get(asset)),
            ("/client-logo", get(logo::get)),
        ],
    )
}

/// What a browser goes through from a client and back to it.
fn on_the_way_to_a_client(under: &Under<'_>) -> Router<Web> {
    routes(
        under,
        [
            ("/oauth2/authorize", get(authorize::get).post(authorize::post)),
            ("/oauth2/authorize/posted", get(authorize::posted)),
            ("/sign-out", get(logout::asked_again).post(logout::confirm)),
            ("/interaction", get(sign_in::resume)),
            ("/sign-in/cancel", get(sign_in::resume).post(sign_in::cancel)),
            ("/select-account", get(sign_in::resume).post(select_account::post)),
            ("/consent", get(sign_in::resume).post(consent::post)),
        ],
    )
}

/// What a browser is led to, and a client's back end calls too: the session that ends is named by a token.
fn signing_out(under: &Under<'_>) -> Router<Web> {
    let of_keycloak = || get(logout::get).post(keycloak::posted_logout);
    routes(
        under,
        [
            ("/oauth2/logout", get(logout::get).post(logout::post)),
            ("/oauth2/logout/posted", get(logout::posted)),
            ("/oauth2/protocol/openid-connect/logout", of_keycloak()),
            ("/realms/{realm}/protocol/openid-connect/logout", of_keycloak()),
        ],
    )
}

fn password_forms(under: &Under<'_>) -> Router<Web> {
    routes(
        under,
        [
            ("/sign-in", get(sign_in::get).post(sign_in::post)),
            ("/sign-up", get(sign_up::get).post(sign_up::post)),
        ],
    )
}

fn setup_form(under: &Under<'_>) -> Router<Web> {
    routes(under, [("/setup", get(setup::get).post(setup::post))])
}

/// A client may open a sign-in in a window of its own, whose last page tells the one that opened it. With the policy that other pages have,
/// browsers cut that tie for good, at the first page or redirect that carries it.
async fn keeps_its_opener(mut response: Response) -> Response {
    response.headers_mut().entry(OPENER_POLICY).or_insert(HeaderValue::from_static("unsafe-none"));
    response
}

fn for_operators(under: &Under<'_>) -> Router<Web> {
    routes(under, [("/health/live", get(health::live)), ("/health/ready", get(health::ready))])
}

fn for_gateways(under: &Under<'_>) -> Router<Web> {
    let below = any(validate::below);
    let table = [
        ("/oauth2/validate", any(validate::asked)),
        ("/oauth2/validate/", below.clone()),
        ("/oauth2/validate/{*path}", below),
    ];
    table
        .into_iter()
        .fold(Router::new(), |router, (path, methods)| router.route(path, under.route(path, methods)))
}

/// A router of these routes, each counted and timed under its path.
fn routes<const N: usize>(under: &Under<'_>, table: [(&'static str, MethodRouter<Web>); N]) -> Router<Web> {
    table.into_iter().fold(Router::new(), |router, (path, methods)| {
        // Here, and not on the router: laid around the layers, it would answer a preflight (OPTIONS) before CORS does.
        let web = under.web.clone();
        let methods = methods.fallback(move |request: Request| wrong_method(web.clone(), request));
        router.route(path, under.route(path, methods))
    })
}

impl Under<'_> {
    fn route(&self, path: &'static str, methods: MethodRouter<Web>) -> MethodRouter<Web> {
        let methods = match self.named {
            Named::Anyhow => methods,
            Named::AsIssuer(own) => methods.layer(from_fn_with_state(own.clone(), own_host::only)),
            Named::AsIssuerByBrowsers(own) => methods.layer(from_fn_with_state(own.clone(), own_host::noted)),
        };
        methods.layer((self.limit.clone(), self.web.metrics.route(path)))
    }
}

/// What no route is for; paths are made up by whoever asks, and are no labels.
fn nowhere(web: &Web) -> MethodRouter {
    let missing = web.clone();
    any(move |request: Request| not_found(missing.clone(), request)).layer(web.metrics.route("(none)"))
}

async fn asset(request: Request) -> Response {
    let Some(asset) = asset_at(request.uri().path()) else {
        return Problem::new(StatusCode::NOT_FOUND).into_response();
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(asset.content_type)),
        // The name carries a hash of the content.
        (CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    ];
    (headers, asset.body).into_response()
}

/// A browser gets here by an address that was the answer to a form: it is shown the way on.
async fn wrong_method(web: Web, request: Request) -> Response {
    if !wants_page(&request) {
        return Problem::new(StatusCode::METHOD_NOT_ALLOWED).into_response();
    }
    let request_id = (web.new_ctx)(None).request_id;
    crate::answer::error_page(&crate::pages::ErrorPage {
        status: 405,
        title: "This page cannot be shown again".to_owned(),
        what_happened: "It was the answer to a form, and cannot be asked for by itself.".to_owned(),
        what_to_do: "Go back to the app you came from, and start again there.".to_owned(),
        error_code: None,
        lead_on: crate::pages::LeadOn::start_page(),
        request_id: request_id.to_string(),
    })
}

async fn not_found(web: Web, request: Request) -> Response {
    if !wants_page(&request) {
        return Problem::new(StatusCode::NOT_FOUND).into_response();
    }
    let request_id = (web.new_ctx)(None).request_id;
    let mut error = crate::pages::ErrorPage {
        status: 404,
        title: "There is nothing here".to_owned(),
        what_happened: "This address leads nowhere.".to_owned(),
        what_to_do: "Check the address, or go back to where you came from.".to_owned(),
        error_code: None,
        lead_on: crate::pages::LeadOn::start_page(),
        request_id: String::new(),
    };
    error.request_id = request_id.to_string();
    crate::answer::error_page(&error)
}

fn too_many(web: &Web, request: &Request, wait: std::time::Duration) -> Response {
    if !wants_page(request) {
        let description = "too many requests from this address";
        let error = OAuthError::new(ErrorCode::TemporarilyUnavailable, description);
        let mut response = match organization::speaks(request.uri().path()) {
            true => organization::too_often(&(web.new_ctx)(None), error),
            false => crate::error::ApiError(ProviderError::OAuth(error)).into_response(),
        };
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        return response;
    }
    let request_id = (web.new_ctx)(None).request_id;
    PageError { error: ProviderError::TooManyAttempts { retry_after: wait }, request_id }.into_response()
}

pub(crate) fn wants_page(request: &Request) -> bool {
    request
        .headers()
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}
