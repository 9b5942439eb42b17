//! The organization API: devices of a service, and what a service asks with a user's token. JSON in, JSON out, errors as
//! `{error, error_code, timestamp}`.

use crate::answer::json;
use crate::app::Web;
use crate::error::ApiError;
use crate::extract::{CallsInJson, Circumstances, bearer};
use axum::extract::{FromRequest as _, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use protocol::{ErrorCode, Features, OAuthError, Slug, SubscriptionStatus, Timestamp, UserId};
use provider::{ClientRequest, Ctx, ProviderError, UserCodeProblem};
use serde::Serialize;

/// What these clients want who never name a scope; a client gets of it what it may have.
const SCOPE: &str = "openid profile email offline_access";

/// `POST /auth/device/code`: the device authorization endpoint (RFC 8628 section 3.1).
pub(crate) async fn device_code(
    State(web): State<Web>,
    Circumstances(mut ctx): Circumstances,
    request: Request,
) -> Result<Response, Refusal> {
    let refused = Refusal::at(ctx.now);
    let mut request = client_request(&web, request).await.map_err(&refused)?;
    request.params = request.params.or("scope", SCOPE);
    let answer = web.provider.device_authorization(&mut ctx, &request).await.map_err(&refused)?;
    Ok(json(StatusCode::OK, &answer))
}

/// `POST /auth/device/verify`: what a page that asks people for a user code shows beside it.
pub(crate) async fn device_verify(
    State(web): State<Web>,
    Circumstances(ctx): Circumstances,
    request: Request,
) -> Result<Response, Refusal> {
    let refused = Refusal::at(ctx.now);
    let request = client_request(&web, request).await.map_err(&refused)?;
    let typed = request.params.require("user_code").map_err(|error| refused(error.into()))?;
    let found = web.provider.service_of_user_code(&ctx, typed).await.map_err(&refused)?;
    let service = found
        .map_err(|problem| refused(told(problem)))?
        .ok_or_else(|| refused(bad("the device's client belongs to no service")))?;
    let answer = Verified {
        org_slug: service.organization,
        service_slug: service.service,
        // People sign in here, with a password.
        available_providers: ["password"],
    };
    Ok(json(StatusCode::OK, &answer))
}

#[derive(Serialize)]
struct Verified {
    org_slug: Slug,
    service_slug: Slug,
    available_providers: [&'static str; 1],
}

/// `POST /auth/token`: the token endpoint.
pub(crate) async fn exchange(
    State(web): State<Web>,
    Circumstances(mut ctx): Circumstances,
    request: Request,
) -> Result<Response, Refusal> {
    let refused = Refusal::at(ctx.now);
    let request = client_request(&web, request).await.map_err(&refused)?;
    Ok(json(StatusCode::OK, &web.provider.token(&mut ctx, &request).await.map_err(&refused)?))
}

/// `GET /api/subscription`: how the token's user stands with its service now.
pub(crate) async fn subscription(
    State(web): State<Web>,
    Circumstances(ctx): Circumstances,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let refused = Refusal::at(ctx.now);
    let token = token(&headers).map_err(&refused)?;
    let current = web.provider.subscription(&ctx, &token).await.map_err(&refused)?;
    let answer = Subscription {
        service: current.service.service,
        plan: current.plan,
        features: current.features,
        status: current.status,
        current_period_end: current.current_period_end.map_or("N/A".to_owned(), Timestamp::rfc3339),
    };
    Ok(json(StatusCode::OK, &answer))
}

#[derive(Serialize)]
struct Subscription {
    service: Slug,
    plan: Slug,
    features: Features,
    status: SubscriptionStatus,
    current_period_end: String,
}

/// `GET /api/user`: who the token's user is, told only about members of the token's organization.
pub(crate) async fn user(
    State(web): State<Web>,
    Circumstances(ctx): Circumstances,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let refused = Refusal::of_resource(ctx.now);
    let token = token(&headers).map_err(&refused)?;
    let user = web.provider.organization_user(&ctx, &token).await.map_err(&refused)?;
    let (org, service) = (user.service.organization, user.service.service);
    Ok(json(StatusCode::OK, &User { id: user.id, email: user.email, org, service }))
}

#[derive(Serialize)]
struct User {
    id: UserId,
    email: Option<String>,
    org: Slug,
    service: Slug,
}

/// Whether this path is one of this dialect's: what is refused before it gets here is told in its words, too.
pub(crate) fn speaks(path: &str) -> bool {
    path.starts_with("/api/") || path.starts_with("/auth/")
}

/// A request that comes too often, in this dialect's words.
pub(crate) fn too_often(ctx: &Ctx, error: OAuthError) -> Response {
    Refusal { error: error.into(), at: ctx.now, of_resource: false }.into_response()
}

/// A refusal in this dialect's words. Status and headers are those of the same refusal elsewhere.
pub(crate) struct Refusal {
    error: ProviderError,
    at: Timestamp,
    /// `access_denied` is 400 where tokens are asked for (RFC 6749 section 5.2), and 403 where a token opens a door.
    of_resource: bool,
}

impl Refusal {
    fn at(now: Timestamp) -> impl Fn(ProviderError) -> Self {
        move |error| Self { error, at: now, of_resource: false }
    }

    fn of_resource(now: Timestamp) -> impl Fn(ProviderError) -> Self {
        move |error| Self { error, at: now, of_resource: true }
    }
}

#[derive(Serialize)]
struct Members {
    error: &'static str,
    error_code: String,
    error_description: String,
    timestamp: String,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut denied = false;
        let mut response = ApiError(self.error).told(|code, description| {
            denied = code == ErrorCode::AccessDenied;
            Members {
                error: code.as_str(),
                error_code: error_code(code),
                error_description: description,
                timestamp: self.at.rfc3339(),
            }
        });
        if denied && self.of_resource {
            *response.status_mut() = StatusCode::FORBIDDEN;
        }
        response
    }
}

/// The names that this dialect's clients compare with.
fn error_code(code: ErrorCode) -> String {
    match code {
        ErrorCode::AuthorizationPending => "DEVICE_CODE_PENDING".to_owned(),
        ErrorCode::ExpiredToken => "DEVICE_CODE_EXPIRED".to_owned(),
        other => other.as_str().to_ascii_uppercase(),
    }
}

fn told(problem: UserCodeProblem) -> ProviderError {
    match problem {
        UserCodeProblem::Malformed => bad("user_code: eight letters are expected"),
        UserCodeProblem::Unknown => {
            OAuthError::new(ErrorCode::InvalidGrant, "user_code is not known, or no more").into()
        }
        UserCodeProblem::TooMany { retry_after } => ProviderError::TooManyAttempts { retry_after },
    }
}

fn bad(description: &'static str) -> ProviderError {
    OAuthError::new(ErrorCode::InvalidRequest, description).into()
}

async fn client_request(web: &Web, request: Request) -> Result<ClientRequest, ProviderError> {
    let CallsInJson(request) =
        CallsInJson::from_request(request, web).await.map_err(|ApiError(error)| error)?;
    Ok(request)
}

fn token(headers: &HeaderMap) -> Result<String, ProviderError> {
    bearer(headers)?.ok_or_else(|| {
        OAuthError::new(ErrorCode::InvalidToken, "Authorization: a Bearer token is expected").into()
    })
}
