//! Refusals, told to the operator: one line each, with who asked, where, what was sent, why it was refused and what would admit it. The line is
//! written by the layer around the route (`metrics/timed.rs`), which sees every answer; here is what it is written from. Knows no secret: of
//! what was sent, only what is listed here is kept.

use crate::app::Web;
use http::header::{HeaderName, HeaderValue};
use protocol::credentials::Authorization;
use protocol::{OAuthError, Params};
use provider::{AuthorizationResponse, RequestId};
use std::cell::Cell;

/// The answer's header that names the request; on an error page it stands in the page too.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longer values are cut: a line is read by people.
const MOST_CHARS: usize = 200;

/// Parameters that hold nothing secret and tell what was asked for.
const TOLD: [&str; 7] = [
    "grant_type",
    "response_type",
    "redirect_uri",
    "post_logout_redirect_uri",
    "scope",
    "resource",
    "prompt",
];

thread_local! {
    /// What is noted of the request that this thread works on now: the layer puts it here before it polls, and takes it away after.
    static NOTED: Cell<Option<Box<Noted>>> = const { Cell::new(None) };
}

/// What is noted of a request on its way, for the case that it is refused.
pub(crate) struct Noted {
    pub(crate) request_id: RequestId,
    web: Option<Web>,
    client: Option<String>,
    sent: [Option<String>; TOLD.len()],
}

/// Left on an answer by who refused, for the line.
#[derive(Debug, Clone)]
pub(crate) struct Refused(pub(crate) OAuthError);

/// Gives the thread what was noted of the request that it goes on with.
pub(crate) fn resume(noted: Option<Box<Noted>>) {
    NOTED.set(noted);
}

/// Takes what is noted so far.
pub(crate) fn suspend() -> Option<Box<Noted>> {
    NOTED.take()
}

/// A request has come.
pub(crate) fn began(request_id: RequestId) {
    NOTED.set(Some(Box::new(Noted { request_id, web: None, client: None, sent: Default::default() })));
}

/// It asks for this.
pub(crate) fn asks(web: &Web, params: &Params, authorization: Option<&Authorization>) {
    let Some(mut noted) = NOTED.take() else { return };
    noted.web = Some(web.clone());
    noted.client = match authorization {
        Some(Authorization::Basic { id, .. }) => Some(id.clone()),
        _ => params.get("client_id").map(str::to_owned),
    };
    noted.sent = TOLD.map(|name| params.get(name).map(cut));
    NOTED.set(Some(noted));
}

/// It is answered by sending the browser back: which client's request it was, an interaction alone knows.
pub(crate) fn sends_back(response: &AuthorizationResponse) {
    let Some(mut noted) = NOTED.take() else { return };
    if let Some(client) = &response.client_id {
        noted.client = Some(client.to_string());
    }
    for (name, value) in TOLD.iter().zip(&mut noted.sent) {
        if *name == "redirect_uri" && value.is_none() {
            *value = Some(cut(response.redirect_uri.as_str()));
        }
    }
    NOTED.set(Some(noted));
}

fn cut(text: &str) -> String {
    let mut cut: String = text.chars().take(MOST_CHARS).collect();
    if cut.len() < text.len() {
        cut.push_str("..");
    }
    cut
}

impl Noted {
    /// The client's name. What somebody sent is told where there is such a client: what is no client's name may be anything, even a secret in the wrong place.
    fn client(&self) -> &str {
        match (&self.client, &self.web) {
            (None, _) => "",
            (Some(named), Some(web)) if !web.provider.knows_client(named) => "(not registered)",
            (Some(named), _) => named,
        }
    }

    fn sent(&self) -> String {
        let told = TOLD.iter().zip(&self.sent).filter_map(|(name, value)| Some((name, value.as_ref()?)));
        told.map(|(name, value)| format!("{name}={value:?}")).collect::<Vec<_>>().join(" ")
    }
}

/// Writes the line. One place for all of them, so that a flood is cut as one.
pub(crate) fn tell(endpoint: &str, method: &str, refused: &Refused, noted: Option<&Noted>) {
    let OAuthError { code, description, note } = &refused.0;
    let reason = note.reason.unwrap_or(description);
    let option = note.option.unwrap_or_default();
    let (client, sent) = noted.map(|noted| (noted.client(), noted.sent())).unwrap_or_default();
    let request_id = noted.map(|noted| noted.request_id.to_string()).unwrap_or_default();
    tracing::info!(
        endpoint,
        method,
        client,
        error = code.as_str(),
        reason,
        sent,
        option,
        request_id,
        "request refused"
    );
}

/// What names the request, for its answer.
pub(crate) fn header(noted: &Noted) -> Option<HeaderValue> {
    HeaderValue::from_str(&noted.request_id.to_string()).ok()
}
