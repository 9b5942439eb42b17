//! The one mapping from what the provider refused to what is answered: JSON for programs, a page for people. Logged once, here.

use crate::answer::{error_page, json};
use crate::pages::ErrorPage;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use protocol::{ErrorCode, OAuthError};
use provider::{AuthorizeError, Overloaded, ProviderError, RequestId};
use serde::Serialize;
use std::time::Duration;

/// RFC 6749 section 5.2.
#[derive(Serialize)]
struct Members<'a> {
    error: &'static str,
    error_description: &'a str,
}

/// A refusal, answered as the OAuth endpoints do (RFC 6749 section 5.2, RFC 6750 section 3).
#[derive(Debug)]
pub(crate) struct ApiError(pub(crate) ProviderError);

impl<E: Into<ProviderError>> From<E> for ApiError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let outcome = Outcome::of(&self.0);
        outcome.log(&self.0, None);
        let members = Members { error: outcome.code.as_str(), error_description: &outcome.description };
        let mut response = json(outcome.status, &members);
        outcome.add_retry_after(&mut response);
        if let Some(challenge) = challenge(outcome.code, &outcome.description) {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// RFC 6749 section 5.2 and RFC 6750 section 3: a 401 or 403 says what would help.
fn challenge(code: ErrorCode, description: &str) -> Option<HeaderValue> {
    let challenge = match code {
        ErrorCode::InvalidClient => r#"Basic realm="doorward", charset="UTF-8""#.to_owned(),
        ErrorCode::InvalidToken => {
            format!(r#"Bearer realm="doorward", error="invalid_token", error_description="{description}""#)
        }
        ErrorCode::InsufficientScope => {
            format!(
                r#"Bearer realm="doorward", error="insufficient_scope", scope="openid", error_description="{description}""#
            )
        }
        _ => return None,
    };
    HeaderValue::from_str(&challenge).ok()
}

/// A refusal, answered with the error page.
#[derive(Debug)]
pub(crate) struct PageError {
    pub(crate) error: ProviderError,
    pub(crate) request_id: RequestId,
}

/// Turns what the provider refused into the error page of this request.
pub(crate) fn refused(request_id: RequestId) -> impl Fn(ProviderError) -> PageError + Copy {
    move |error| PageError { error, request_id }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let outcome = Outcome::of(&self.error);
        outcome.log(&self.error, Some(self.request_id));
        let (title, what_to_do) = outcome.words();
        let mut response = error_page(&ErrorPage {
            status: outcome.status.as_u16(),
            title: title.to_owned(),
            what_happened: sentence(&outcome.description),
            what_to_do: what_to_do.to_owned(),
            error_code: Some(outcome.code.as_str().to_owned()),
            request_id: self.request_id.to_string(),
        });
        outcome.add_retry_after(&mut response);
        response
    }
}

/// An authorization request that gets an error page.
pub(crate) fn not_answered(error: AuthorizeError) -> ProviderError {
    match error {
        AuthorizeError::Page(error) => ProviderError::OAuth(error),
        AuthorizeError::Provider(error) => error,
    }
}

/// A refusal in HTTP's terms.
struct Outcome {
    status: StatusCode,
    code: ErrorCode,
    description: String,
    retry_after: Option<Duration>,
}

impl Outcome {
    fn of(error: &ProviderError) -> Self {
        let later = |status, description: &str, retry_after| Self {
            status,
            code: ErrorCode::TemporarilyUnavailable,
            description: description.to_owned(),
            retry_after: Some(retry_after),
        };
        match error {
            ProviderError::OAuth(OAuthError { code, description }) => Self {
                status: StatusCode::from_u16(code.status()).unwrap_or(StatusCode::BAD_REQUEST),
                code: *code,
                description: description.clone().into_owned(),
                retry_after: None,
            },
            ProviderError::Overloaded { what: Overloaded::Hashing, retry_after } => {
                later(StatusCode::TOO_MANY_REQUESTS, "too many people are signing in at once", *retry_after)
            }
            ProviderError::Overloaded { what: Overloaded::Storage, retry_after } => {
                later(StatusCode::SERVICE_UNAVAILABLE, "too many requests are waiting", *retry_after)
            }
            ProviderError::TooManyAttempts { retry_after } => {
                later(StatusCode::TOO_MANY_REQUESTS, "too many failed attempts", *retry_after)
            }
            ProviderError::Unavailable(_) => later(
                StatusCode::SERVICE_UNAVAILABLE,
                "something this server stands on does not answer",
                Duration::from_secs(5),
            ),
            ProviderError::Defect(_) => Self {
                status: StatusCode::INTERNAL_SERVER_ERROR,
                code: ErrorCode::ServerError,
                description: "this server made a mistake".to_owned(),
                retry_after: None,
            },
        }
    }

    fn log(&self, error: &ProviderError, request_id: Option<RequestId>) {
        let request_id = request_id.map(|id| id.to_string()).unwrap_or_default();
        match error {
            ProviderError::Defect(_) | ProviderError::Unavailable(_) => {
                tracing::error!(%error, request_id, "request failed")
            }
            _ => tracing::debug!(%error, request_id, "request refused"),
        }
    }

    fn add_retry_after(&self, response: &mut Response) {
        if let Some(retry_after) = self.retry_after {
            let seconds = retry_after.as_secs_f64().ceil().max(1.0);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "at least 1, at most minutes"
            )]
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds as u64));
        }
    }

    fn words(&self) -> (&'static str, &'static str) {
        match self.code {
            ErrorCode::TemporarilyUnavailable => {
                ("Please try again in a moment", "Wait a moment, then go back and try again.")
            }
            ErrorCode::ServerError => (
                "Something went wrong here",
                "Try again. If it stays like this, tell the operator the id below.",
            ),
            _ => (
                "This cannot go on",
                "Go back to the app and start again. If it stays like this, tell its developer what stands above.",
            ),
        }
    }
}

/// A description as a sentence for people. A parameter's name at its start keeps its spelling.
pub(crate) fn sentence(description: &str) -> String {
    let first_word = description.split(' ').next().unwrap_or_default();
    if first_word.contains('_') || first_word.ends_with(':') {
        return format!("{description}.");
    }
    let mut chars = description.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}
