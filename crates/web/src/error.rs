//! The one mapping from what the provider refused to what is answered: JSON for programs, a page for people. Logged once, here.

use crate::answer::{error_page, json};
use crate::metrics::{Refusal, Told};
use crate::pages::{ErrorPage, LeadOn, Wait};
use crate::refusals::Refused;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{HeaderValue, REFRESH, RETRY_AFTER, WWW_AUTHENTICATE};
use protocol::{ErrorCode, OAuthError};
use provider::{AuthorizeError, Ended, Overloaded, ProviderError, RequestId};
use serde::Serialize;
use std::time::Duration;

/// RFC 6749 section 5.2.
#[derive(Serialize)]
struct Members {
    error: &'static str,
    error_description: String,
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
        self.told(|code, error_description| Members { error: code.as_str(), error_description })
    }
}

impl ApiError {
    /// The same refusal in another dialect's words: only the body is another.
    pub(crate) fn told<M: Serialize>(&self, members: impl FnOnce(ErrorCode, String) -> M) -> Response {
        let outcome = Outcome::of(&self.0);
        outcome.log(&self.0, None);
        let mut response = json(outcome.status, &members(outcome.code, outcome.description.clone()));
        outcome.add_retry_after(&mut response);
        outcome.leave_on(&mut response, &self.0);
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
        let mut outcome = Outcome::of(&self.error);
        outcome.log(&self.error, Some(self.request_id));
        if outcome.code == ErrorCode::AccessDenied {
            // To a client it is 400 (RFC 6749 section 5.2); to a browser the plain word.
            outcome.status = StatusCode::FORBIDDEN;
        }
        let (title, what_to_do) = outcome.words;
        let lead_on = outcome.lead_on(&self.error);
        let mut response = error_page(&ErrorPage {
            status: outcome.status.as_u16(),
            title: title.to_owned(),
            what_happened: sentence(&outcome.description),
            what_to_do: outcome.in_time(what_to_do),
            lead_on,
            error_code: Some(outcome.code.as_str().to_owned()),
            request_id: self.request_id.to_string(),
        });
        outcome.add_retry_after(&mut response);
        if outcome.asks_again
            && let Some(seconds) = response.headers().get(RETRY_AFTER).cloned()
        {
            response.headers_mut().insert(REFRESH, seconds);
        }
        outcome.leave_on(&mut response, &self.error);
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
    /// A page's heading, and what its reader can do.
    words: (&'static str, &'static str),
    /// Whether a page asks again by itself when it is time.
    asks_again: bool,
}

const TRY_LATER: (&str, &str) = ("Please try again later", "Go back and try again in {wait}.");
const OUR_FAULT: (&str, &str) =
    ("Something went wrong here", "Try again. If it stays like this, tell the operator the id below.");
const START_AGAIN: (&str, &str) = (
    "We couldn't complete this sign-in",
    "Go back to the app and start again. If it stays like this, get in touch with its developer and share these details with them.",
);

const IN_A_MOMENT: (&str, &str) =
    ("You can sign in in a moment", "Leave this page open: in {wait} it asks again by itself.");

impl Outcome {
    fn later(status: StatusCode, description: &str, retry_after: Duration) -> Self {
        let code = ErrorCode::TemporarilyUnavailable;
        Self { status, retry_after: Some(retry_after), ..Self::refused(code, description, TRY_LATER) }
    }

    fn refused(code: ErrorCode, description: &str, words: (&'static str, &'static str)) -> Self {
        Self {
            status: StatusCode::from_u16(code.status()).unwrap_or(StatusCode::BAD_REQUEST),
            code,
            description: description.to_owned(),
            retry_after: None,
            words,
            asks_again: false,
        }
    }

    fn ended(ended: &Ended) -> Self {
        let (description, words) = match ended {
            Ended::Interaction => (
                "it was answered, took too long, or began in another browser",
                (
                    "This sign-in is over",
                    "Go back to the app. If it does not know you yet, sign in again from there.",
                ),
            ),
            Ended::Answered { .. } | Ended::Device => (
                "this page belonged to a sign-in that is finished",
                ("You have answered this already", "Go on in the app."),
            ),
            Ended::SetupLink => (
                "it was used, is older than a day, or is incomplete",
                (
                    "This link has expired",
                    "If nobody runs this installation yet, start the server again: it makes a new one.",
                ),
            ),
        };
        Self::refused(ErrorCode::InvalidRequest, description, words)
    }

    fn of(error: &ProviderError) -> Self {
        let (later, refused) = (Self::later, Self::refused);
        match error {
            ProviderError::OAuth(OAuthError { code, description, .. }) => {
                refused(*code, description, START_AGAIN)
            }
            ProviderError::Ended(ended) => Self::ended(ended),
            ProviderError::Overloaded { what: Overloaded::Hashing, retry_after } => {
                later(StatusCode::TOO_MANY_REQUESTS, "too many people are signing in at once", *retry_after)
            }
            ProviderError::Overloaded { what: Overloaded::Arrivals, retry_after } => Self {
                words: IN_A_MOMENT,
                asks_again: true,
                ..later(StatusCode::TOO_MANY_REQUESTS, "many people are signing in right now", *retry_after)
            },
            ProviderError::Overloaded { what: Overloaded::Interactions, retry_after } => Self {
                words: IN_A_MOMENT,
                asks_again: true,
                ..later(
                    StatusCode::TOO_MANY_REQUESTS,
                    "too many sign-ins were begun from this network and left open",
                    *retry_after,
                )
            },
            ProviderError::TooManyRequests { retry_after } => {
                later(StatusCode::TOO_MANY_REQUESTS, "this client asks too often", *retry_after)
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
            ProviderError::Defect(_) => {
                refused(ErrorCode::ServerError, "this server made a mistake", OUR_FAULT)
            }
        }
    }

    /// What its reader can do, with how long they wait.
    fn in_time(&self, what_to_do: &str) -> String {
        let wait = Wait::seconds(self.retry_after.map_or(0, whole_seconds));
        what_to_do.replace("{wait}", &wait.to_string())
    }

    /// The page's own way on.
    fn lead_on(&self, error: &ProviderError) -> LeadOn {
        match error {
            ProviderError::Ended(Ended::Answered { client_name, client_origin: Some(origin) }) => {
                LeadOn::new(format!("Go to {client_name}"), origin)
            }
            ProviderError::Ended(Ended::Device) => LeadOn::new("Enter a code", "/device"),
            // This very page, once more.
            _ if self.asks_again => LeadOn::new("Try again", ""),
            _ => LeadOn::start_page(),
        }
    }

    fn log(&self, error: &ProviderError, request_id: Option<RequestId>) {
        let request_id = request_id.map(|id| id.to_string()).unwrap_or_default();
        match error {
            ProviderError::Defect(_) | ProviderError::Unavailable(_) => {
                let trace_id = meter::current_trace_id().map(hex);
                tracing::error!(%error, request_id, trace_id, "request failed")
            }
            // Told by the layer around the route, which knows where and who.
            ProviderError::OAuth(_) | ProviderError::Ended(_) => {}
            _ => tracing::debug!(%error, request_id, "request refused"),
        }
    }

    /// Leaves on the answer what the layer around the route counts and tells.
    fn leave_on(&self, response: &mut Response, error: &ProviderError) {
        response.extensions_mut().insert(self.told(error));
        let refused = match error {
            ProviderError::OAuth(error) => error.clone(),
            ProviderError::Ended(_) => OAuthError::new(self.code, self.description.clone()),
            _ => return,
        };
        response.extensions_mut().insert(Refused(refused));
    }

    /// For the metrics.
    fn told(&self, error: &ProviderError) -> Told {
        let refusal = match error {
            ProviderError::TooManyRequests { .. } => Some(Refusal::Client),
            ProviderError::TooManyAttempts { .. } => Some(Refusal::Attempts),
            _ => None,
        };
        Told { code: self.code, refusal, sent_back: false }
    }

    fn add_retry_after(&self, response: &mut Response) {
        if let Some(retry_after) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(whole_seconds(retry_after)));
        }
    }
}

fn hex(id: [u8; 16]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// RFC 9110 section 10.2.3: whole seconds; rounded up, or the client would be early.
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
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
