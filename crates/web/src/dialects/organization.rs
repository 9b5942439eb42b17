//! The organization API: devices of a service, and what a service asks with a user's token. JSON in, JSON out, errors as
//! `{error, error_code, timestamp}`: a sentence, and the name that clients compare with. Where the words are not those of the system this API
//! comes from, docs/reference/dialects.md says why.

use crate::answer::json;
use crate::app::Web;
use crate::error::{ApiError, sentence};
use crate::extract::{CallsInJson, Circumstances, bearer};
use axum::extract::{FromRequest as _, Request, State};
use axum::response::{IntoResponse, Response};
use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, StatusCode};
use protocol::{
    ErrorCode, Features, GrantType, OAuthError, ServicePath, Slug, SubscriptionStatus, Timestamp, UserId,
};
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
    let refused = Refusal::of(Asked::Device, ctx.now);
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
    let refused = Refusal::of(Asked::Device, ctx.now);
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
    let refused = Refusal::of(Asked::Tokens, ctx.now);
    let request = client_request(&web, request).await.map_err(&refused)?;
    Ok(json(StatusCode::OK, &web.provider.token(&mut ctx, &request).await.map_err(&refused)?))
}

/// `POST /api/auth/refresh`: the token endpoint for a refresh token, which names its client itself.
pub(crate) async fn refresh(
    State(web): State<Web>,
    Circumstances(mut ctx): Circumstances,
    request: Request,
) -> Result<Response, Refusal> {
    let refused = Refusal::of(Asked::Renewal, ctx.now);
    let mut request = client_request(&web, request).await.map_err(&refused)?;
    request.params = request.params.with("grant_type", GrantType::RefreshToken.as_str());
    Ok(json(StatusCode::OK, &web.provider.token(&mut ctx, &request).await.map_err(&refused)?))
}

/// `POST /api/auth/logout`: ends what the token stands on, at the wish of whoever holds it.
pub(crate) async fn logout(
    State(web): State<Web>,
    Circumstances(ctx): Circumstances,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    let refused = Refusal::of(Asked::Resource, ctx.now);
    let token = token(&headers).map_err(&refused)?;
    web.provider.give_up_grant(&ctx, &token).await.map_err(&refused)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/subscription`: how the token's user stands with its service now.
pub(crate) async fn subscription(
    State(web): State<Web>,
    Circumstances(ctx): Circumstances,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let refused = Refusal::of(Asked::Resource, ctx.now);
    let token = token(&headers).map_err(&refused)?;
    let current = web.provider.subscription(&ctx, &token).await.map_err(&refused)?;
    let answer = Subscription {
        service: current.service.service,
        plan: current.plan,
        features: current.features,
        status: status(current.status, current.current_period_end, ctx.now),
        current_period_end: current.current_period_end.map_or("N/A".to_owned(), date_and_time),
    };
    Ok(json(StatusCode::OK, &answer))
}

#[derive(Serialize)]
struct Subscription {
    service: Slug,
    plan: Slug,
    features: Features,
    status: &'static str,
    current_period_end: String,
}

/// The three words there are: what goes on, whatever was paid, and what does not, before and after it is over.
fn status(status: SubscriptionStatus, ends_at: Option<Timestamp>, now: Timestamp) -> &'static str {
    match status {
        SubscriptionStatus::Active | SubscriptionStatus::Trialing | SubscriptionStatus::PastDue => "active",
        SubscriptionStatus::Canceled if ends_at.is_none_or(|at| at <= now) => "expired",
        SubscriptionStatus::Canceled => "cancelled",
    }
}

/// `2027-01-01 00:00:00`, in UTC.
fn date_and_time(at: Timestamp) -> String {
    at.rfc3339().chars().take(19).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

/// `GET /api/user`: who the token's user is, told only about members of the token's organization.
pub(crate) async fn user(
    State(web): State<Web>,
    Circumstances(ctx): Circumstances,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let refused = Refusal::of(Asked::Resource, ctx.now);
    let token = token(&headers).map_err(&refused)?;
    let user = web.provider.organization_user(&ctx, &token).await.map_err(&refused)?;
    let named = |part: fn(&ServicePath) -> &Slug| user.service.as_ref().map(|path| part(path).to_string());
    let answer = User {
        org: named(|path| &path.organization).unwrap_or_default(),
        service: named(|path| &path.service).unwrap_or_default(),
        id: user.id,
        email: user.email,
    };
    Ok(json(StatusCode::OK, &answer))
}

#[derive(Serialize)]
struct User {
    id: UserId,
    email: Option<String>,
    /// Empty for a token that names no service.
    org: String,
    service: String,
}

/// Whether this path is one of this dialect's: what is refused before it gets here is told in its words, too.
pub(crate) fn speaks(path: &str) -> bool {
    [
        "/auth/device/code",
        "/auth/device/verify",
        "/auth/token",
        "/api/auth/refresh",
        "/api/auth/logout",
        "/api/subscription",
        "/api/user",
    ]
    .contains(&path)
}

/// A request that comes too often, in this dialect's words.
pub(crate) fn too_often(ctx: &Ctx, error: OAuthError) -> Response {
    Refusal { error: error.into(), at: ctx.now, asked: Asked::Resource }.into_response()
}

/// What was asked for: one RFC's word is several of this dialect's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// A device code, or whose one is.
    Device,
    /// Tokens for one.
    Tokens,
    /// Tokens for a refresh token.
    Renewal,
    /// Something with an access token.
    Resource,
}

/// A refusal in this dialect's words.
pub(crate) struct Refusal {
    error: ProviderError,
    at: Timestamp,
    asked: Asked,
}

impl Refusal {
    fn of(asked: Asked, now: Timestamp) -> impl Fn(ProviderError) -> Self {
        move |error| Self { error, at: now, asked }
    }
}

#[derive(Serialize)]
struct Members {
    error: String,
    error_code: &'static str,
    timestamp: String,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let missing = matches!(&self.error, ProviderError::OAuth(error) if *error == no_token());
        let mut status = None;
        let mut response = ApiError(self.error).told(|code, description| {
            let (theirs, error_code) =
                if missing { (Some(401), "UNAUTHORIZED") } else { words(self.asked, code) };
            status = theirs.and_then(|status| StatusCode::from_u16(status).ok());
            Members { error: sentence(&description), error_code, timestamp: self.at.rfc3339() }
        });
        if let Some(status) = status {
            *response.status_mut() = status;
        }
        // RFC 6749 section 5.2 asks a 401 for it; what is no 401 here challenges nobody.
        if response.status() != StatusCode::UNAUTHORIZED {
            response.headers_mut().remove(WWW_AUTHENTICATE);
        }
        response
    }
}

/// The status, where it is another than everywhere, and the name.
fn words(asked: Asked, code: ErrorCode) -> (Option<u16>, &'static str) {
    match (code, asked) {
        // A device that polls too fast hears no other word: these clients know none for it.
        (ErrorCode::AuthorizationPending | ErrorCode::SlowDown, _) => (Some(400), "DEVICE_CODE_PENDING"),
        (ErrorCode::ExpiredToken, _) => (Some(400), "DEVICE_CODE_EXPIRED"),
        (ErrorCode::InvalidToken, _) => (Some(401), "JWT_ERROR"),
        (ErrorCode::AccessDenied, Asked::Resource) | (ErrorCode::InsufficientScope, _) => {
            (Some(403), "FORBIDDEN")
        }
        (ErrorCode::InvalidGrant, Asked::Renewal)
        | (ErrorCode::InvalidClient | ErrorCode::AccessDenied, Asked::Tokens | Asked::Renewal) => {
            (Some(401), "UNAUTHORIZED")
        }
        (ErrorCode::TemporarilyUnavailable, _) => (None, "TEMPORARILY_UNAVAILABLE"),
        (ErrorCode::ServerError, _) => (None, "INTERNAL_SERVER_ERROR"),
        _ => (Some(400), "BAD_REQUEST"),
    }
}

fn no_token() -> OAuthError {
    OAuthError::new(ErrorCode::InvalidToken, "Authorization: a Bearer token is expected")
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
    bearer(headers)?.ok_or_else(|| no_token().into())
}
