//! Keycloak's paths. The endpoints behind them are ours, and so is the issuer: the realm in a path selects nothing. What is written here is
//! only what Keycloak's clients say and expect otherwise than ours; docs/reference/dialects.md compares the two.

pub(crate) mod cors;
pub(crate) mod frames;
pub(crate) mod realm;

use crate::answer::json;
use crate::app::Web;
use crate::error::{ApiError, PageError};
use crate::extract::{Arrives, Calls, Circumstances, Requests, Visit, authorization, form};
use crate::oauth::{authorize, logout};
use crate::own_host::CameBy;
use axum::extract::{FromRequestParts, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::request::Parts;
use protocol::Params;
use provider::{ClientRequest, Ctx, Dialect};

/// What every path of an endpoint has before its own name.
const ENDPOINTS: &str = "/protocol/openid-connect";

/// The circumstances of a request to one of Keycloak's endpoints: its clients know the endpoint, and the issuer, by what stands in the path.
pub(crate) struct AtKeycloak(Ctx);

impl FromRequestParts<Web> for AtKeycloak {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Self::Rejection> {
        let Ok(Circumstances(mut ctx)) = Circumstances::from_request_parts(parts, web).await;
        ctx.dialect = Dialect::Keycloak;
        let path = parts.uri.path();
        ctx.known_as.push(path.to_owned());
        if let Some((realm, _)) = path.split_once(ENDPOINTS) {
            ctx.known_as.extend([realm.to_owned(), format!("{realm}{ENDPOINTS}/token")]);
        }
        Ok(Self(ctx))
    }
}

/// `../auth`, with the request in the URL.
pub(crate) async fn auth(web: State<Web>, Requests(mut visit): Requests) -> Result<Response, PageError> {
    visit.params = with_default_scopes(visit.params);
    authorize::get(web, Requests(visit)).await
}

/// `../auth`, with the request in a form.
pub(crate) async fn posted_auth(
    web: State<Web>,
    Requests(mut visit): Requests,
) -> Result<Response, PageError> {
    visit.params = with_default_scopes(visit.params);
    authorize::post(web, Requests(visit)).await
}

/// `../registrations`: an authorization request of somebody who has no account yet (Initiating User Registration via OpenID Connect 1.0).
pub(crate) async fn registrations(
    web: State<Web>,
    Requests(mut visit): Requests,
) -> Result<Response, PageError> {
    visit.params = with_default_scopes(visit.params).with("prompt", "create");
    authorize::get(web, Requests(visit)).await
}

/// `../token`.
pub(crate) async fn token(
    State(web): State<Web>,
    AtKeycloak(mut ctx): AtKeycloak,
    Calls(request): Calls,
) -> Result<Response, ApiError> {
    Ok(json(StatusCode::OK, &web.provider.keycloak_token(&mut ctx, request).await?))
}

/// `../token/introspect`.
pub(crate) async fn introspect(
    State(web): State<Web>,
    AtKeycloak(ctx): AtKeycloak,
    Calls(request): Calls,
) -> Result<Response, ApiError> {
    let request = web.provider.opened_request(request);
    Ok(json(StatusCode::OK, &web.provider.introspect(&ctx, &request).await?))
}

/// `../revoke`.
pub(crate) async fn revoke(
    State(web): State<Web>,
    AtKeycloak(ctx): AtKeycloak,
    Calls(request): Calls,
) -> Result<StatusCode, ApiError> {
    let request = web.provider.opened_request(request);
    web.provider.revoke(&ctx, &request).await?;
    Ok(StatusCode::OK)
}

/// `../auth/device`.
pub(crate) async fn device_authorization(
    State(web): State<Web>,
    AtKeycloak(mut ctx): AtKeycloak,
    Calls(mut request): Calls,
) -> Result<Response, ApiError> {
    request.params = with_default_scopes(request.params);
    Ok(json(StatusCode::OK, &web.provider.device_authorization(&mut ctx, &request).await?))
}

/// `POST ../logout`: a browser's form, or a client that ends the session its refresh token came from.
pub(crate) async fn posted_logout(
    web: State<Web>,
    AtKeycloak(ctx): AtKeycloak,
    came: CameBy,
    request: Request,
) -> Result<Response, ApiError> {
    let authorization = authorization(request.headers())?;
    let cookies = web.cookies().read(request.headers());
    let params = form(request).await.map_err(ApiError)?;
    if params.get("refresh_token").is_none() {
        return Ok(logout::post(web, came, Arrives(Visit { ctx, params, cookies })).await.into_response());
    }
    let request = web.provider.opened_request(ClientRequest { params, authorization });
    web.provider.end_session_of_refresh_token(&ctx, &request).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What a realm of Keycloak's has for default scopes, its clients never ask for, and expect the claims of. Each is given as far as the client
/// may have it, and the person is asked for it like for any other.
fn with_default_scopes(params: Params) -> Params {
    let scope = params.get("scope").filter(|_| !params.repeats("scope"));
    let scope = scope.map(|scope| format!("{scope} profile email"));
    match scope {
        Some(scope) => params.with("scope", &scope),
        None => params,
    }
}
