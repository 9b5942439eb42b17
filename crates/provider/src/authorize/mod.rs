//! The authorization endpoint (RFC 6749 section 3.1, OpenID Connect Core section 3.1.2): an ordered list of checks, then an answer or
//! an interaction.
//!
//! Until client and redirect URI are known to belong together, an error is shown to the person and never sent anywhere (RFC 6749
//! section 4.1.2.1).

pub(crate) mod carried;
pub(crate) mod checks;

use crate::interaction::{Browser, Step};
use crate::{Ctx, Provider, ProviderError};
use protocol::{
    AuthorizationRequest, Client, ErrorCode, OAuthError, Params, RedirectUri, ResponseMode, ResponseType,
};
use std::sync::Arc;
use storage::client::RegisteredClient;

/// An answer for the client, to be carried by the browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationResponse {
    /// Where to.
    pub redirect_uri: RedirectUri,
    /// How.
    pub mode: ResponseMode,
    /// What.
    pub params: Vec<(&'static str, String)>,
    /// Whose request it was, where an interaction knows it.
    pub client_id: Option<protocol::ClientId>,
    /// The error in it, if it is one, with what the operator is told of it.
    pub refused: Option<OAuthError>,
}

impl AuthorizationResponse {
    /// The URL to send the browser to, for the modes that are a redirect.
    pub fn location(&self) -> String {
        let params: Vec<(&str, &str)> =
            self.params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        match self.mode {
            ResponseMode::Fragment => self.redirect_uri.with_fragment(&params),
            ResponseMode::Query | ResponseMode::FormPost => self.redirect_uri.with_query(&params),
        }
    }
}

/// How an authorization request goes on.
#[derive(Debug)]
pub enum Authorize {
    /// Answered at once.
    Answer(AuthorizationResponse),
    /// The person has something to do first.
    Interact(Step),
}

/// Why an authorization request gets an error page rather than an answer.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizeError {
    /// The request cannot be trusted to say where an answer belongs.
    #[error(transparent)]
    Page(OAuthError),
    /// This server could not decide.
    #[error(transparent)]
    Provider(#[from] ProviderError),
}

/// A request that may be answered, or the error its client is sent.
pub type Checked = Result<Box<AuthorizationRequest>, Box<AuthorizationResponse>>;

/// Where an answer goes: known once client and redirect URI are checked.
#[derive(Debug, Clone)]
struct ReturnAddress {
    redirect_uri: RedirectUri,
    mode: ResponseMode,
    state: Option<String>,
}

impl Provider {
    /// Answers an authorization request of this browser, or begins an interaction.
    ///
    /// # Errors
    /// When the person must be shown an error because nobody can be sent an answer, or this server could not decide.
    pub async fn authorize(
        &self,
        ctx: &mut Ctx,
        params: &Params,
        browser: &Browser<'_>,
    ) -> Result<Authorize, AuthorizeError> {
        let (client, checked) = self.check_authorization_request(params).await?;
        let request = match checked {
            Ok(request) => request,
            Err(answer) => return Ok(Authorize::Answer(*answer)),
        };
        let answered = self.begin(ctx, &client.client, *request, browser).await;
        Ok(answered?)
    }

    /// Checks an authorization request without answering it: the request, or the error its client is sent.
    ///
    /// # Errors
    /// As [`Provider::authorize`].
    pub async fn check_authorization_request(
        &self,
        params: &Params,
    ) -> Result<(Arc<RegisteredClient>, Checked), AuthorizeError> {
        let client = self.requesting_client(params).await?;
        let address = return_address(&client.client, params).map_err(AuthorizeError::Page)?;
        let checked = self.check_request(&client.client, params, &address);
        let checked = checked.map(Box::new).map_err(|error| Box::new(self.error_response(&address, error)));
        Ok((client, checked))
    }

    async fn requesting_client(&self, params: &Params) -> Result<Arc<RegisteredClient>, AuthorizeError> {
        let unknown = || {
            AuthorizeError::Page(OAuthError::new(
                ErrorCode::InvalidRequest,
                "client_id names no client registered here",
            ))
        };
        if params.repeats("client_id") {
            return Err(AuthorizeError::Page(OAuthError::new(
                ErrorCode::InvalidRequest,
                "client_id is included more than once",
            )));
        }
        let id = params.require("client_id").map_err(AuthorizeError::Page)?;
        let id = protocol::ClientId::parse(id).map_err(|_| unknown())?;
        self.client(&id).await?.ok_or_else(unknown)
    }

    /// The answer for a request whose person has done everything, or cannot.
    pub(crate) fn response(
        &self,
        request: &AuthorizationRequest,
        answer: Result<String, OAuthError>,
    ) -> AuthorizationResponse {
        let address = ReturnAddress {
            redirect_uri: request.redirect_uri.clone(),
            mode: request.response_mode,
            state: request.state.clone(),
        };
        let response = match answer {
            Ok(answer) => self.addressed(&address, vec![(request.response_type.as_str(), answer)]),
            Err(error) => self.error_response(&address, error),
        };
        AuthorizationResponse { client_id: Some(request.client_id.clone()), ..response }
    }

    fn error_response(&self, address: &ReturnAddress, error: OAuthError) -> AuthorizationResponse {
        let error_params = vec![
            ("error", error.code.to_string()),
            ("error_description", error.description.clone().into_owned()),
        ];
        AuthorizationResponse { refused: Some(error), ..self.addressed(address, error_params) }
    }

    fn addressed(
        &self,
        address: &ReturnAddress,
        mut params: Vec<(&'static str, String)>,
    ) -> AuthorizationResponse {
        if let Some(state) = &address.state {
            params.push(("state", state.clone()));
        }
        // RFC 9207 section 2: in success and error alike.
        params.push(("iss", self.inner.settings.issuer.clone()));
        AuthorizationResponse {
            redirect_uri: address.redirect_uri.clone(),
            mode: address.mode,
            params,
            client_id: None,
            refused: None,
        }
    }
}

fn return_address(client: &Client, params: &Params) -> Result<ReturnAddress, OAuthError> {
    let refused = |description: &'static str| OAuthError::new(ErrorCode::InvalidRequest, description);
    if params.repeats("redirect_uri") {
        return Err(refused("redirect_uri is included more than once"));
    }
    let redirect_uri = match params.get("redirect_uri") {
        Some(presented) => client.redirect_uri(presented).ok_or_else(|| not_registered(client, presented))?,
        // RFC 6749 section 3.1.2.3: may be left out where exactly one is registered; OpenID Connect Core section 3.1.2.1 requires it.
        None => match client.redirect_uris.as_slice() {
            [only] if !checks::asks_for_openid(params) => only.clone(),
            _ => return Err(refused("redirect_uri is missing")),
        },
    };
    // Of two values neither counts; the checks refuse the request for it.
    let once = |name| params.get(name).filter(|_| !params.repeats(name));
    let mode = once("response_mode").and_then(ResponseMode::parse);
    // OAuth 2.0 Multiple Response Type Encoding Practices section 5: an answer to id_token, an error too, never goes into a query.
    let mode = match (once("response_type") == Some(ResponseType::IdToken.as_str()), mode) {
        (true, None | Some(ResponseMode::Query)) => ResponseMode::Fragment,
        (_, mode) => mode.unwrap_or(ResponseMode::Query),
    };
    Ok(ReturnAddress { redirect_uri, mode, state: once("state").map(str::to_owned) })
}

/// Says which address came, to whoever develops or operates the client: it is shown, and nobody is sent there.
fn not_registered(client: &Client, presented: &str) -> OAuthError {
    const SHOWN_CHARS: usize = 200;
    let mut shown: String = presented.chars().take(SHOWN_CHARS).collect::<String>().escape_debug().collect();
    if presented.chars().nth(SHOWN_CHARS).is_some() {
        shown.push_str("..");
    }
    let description = format!(
        "redirect_uri is not registered for this client. This one came: {shown}. If it is the client's own, the operator \
         registers it beside those it has: doorward client set {} takes --redirect-uri once for each",
        client.id
    );
    OAuthError::new(ErrorCode::InvalidRequest, description).admitted_by("client set --redirect-uri")
}
