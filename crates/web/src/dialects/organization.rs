//! The organization API: what a service asks with a user's token, in JSON, errors as `{error, error_code, timestamp}`.

use crate::answer::json;
use crate::app::Web;
use crate::error::ApiError;
use crate::extract::{Circumstances, bearer};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use protocol::{ErrorCode, Features, OAuthError, Slug, SubscriptionStatus, Timestamp, UserId};
use provider::{Ctx, ProviderError};
use serde::Serialize;

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
    let refused = Refusal::at(ctx.now);
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
    Refusal { error: error.into(), at: ctx.now }.into_response()
}

/// A refusal in this dialect's words. Status and headers are those of the same refusal elsewhere.
pub(crate) struct Refusal {
    error: ProviderError,
    at: Timestamp,
}

impl Refusal {
    fn at(now: Timestamp) -> impl Fn(ProviderError) -> Self {
        move |error| Self { error, at: now }
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
        ApiError(self.error).told(|code, description| Members {
            error: code.as_str(),
            error_code: error_code(code),
            error_description: description,
            timestamp: self.at.rfc3339(),
        })
    }
}

/// The names that this dialect's clients compare with.
fn error_code(code: ErrorCode) -> String {
    code.as_str().to_ascii_uppercase()
}

fn token(headers: &HeaderMap) -> Result<String, ProviderError> {
    bearer(headers)?.ok_or_else(|| {
        OAuthError::new(ErrorCode::InvalidToken, "Authorization: a Bearer token is expected").into()
    })
}
