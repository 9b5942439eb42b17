//! The checks of an authorization request whose errors the client is told, in order, one small function each.

use super::ReturnAddress;
use crate::Provider;
use crate::settings::ACR_PASSWORD;
use crate::tokens::scope;
use crypto::TokenType;
use protocol::claims::IdTokenClaims;
use protocol::{
    AuthorizationRequest, ClaimsRequest, Client, CodeChallenge, ErrorCode, GrantType, OAuthError, Params,
    PkcePolicy, Prompts, ResponseMode, ResponseType, Scope,
};

const MAX_TEXT: usize = 2_048;
/// Of what somebody sent, so much is repeated in a message.
const MAX_SHOWN: usize = 64;

impl Provider {
    pub(super) fn check_request(
        &self,
        client: &Client,
        params: &Params,
        address: &ReturnAddress,
    ) -> Result<AuthorizationRequest, OAuthError> {
        repeated(params)?;
        response_mode(params)?;
        bounded(params, "state")?;
        request_objects(params)?;
        let response_type = response_type(client, params)?;
        let mut scope = scope::asked_of_a_person(client, params)?;
        let code_challenge = match response_type {
            ResponseType::Code => {
                grant_type(client)?;
                self.code_challenge(client, &scope, params)?
            }
            ResponseType::IdToken => {
                id_token(&scope, params)?;
                // OpenID Connect Core section 11: there is nothing to refresh.
                scope = scope.without(Scope::OFFLINE_ACCESS);
                None
            }
        };
        let prompts = self.prompts_of(client, params)?;
        let max_age = max_age(params)?;
        let claims = claims(params)?;
        let acr_values = words(params, "acr_values")?;
        essential_acr(&claims)?;
        let subject = self.subject(client, params, &claims)?;
        Ok(AuthorizationRequest {
            client_id: client.id.clone(),
            redirect_uri: address.redirect_uri.clone(),
            redirect_uri_given: params.get("redirect_uri").is_some(),
            response_type,
            response_mode: address.mode,
            scope,
            state: address.state.clone(),
            nonce: bounded(params, "nonce")?,
            code_challenge,
            prompts,
            max_age: max_age.or(client.default_max_age),
            login_hint: bounded(params, "login_hint")?,
            ui_locales: words(params, "ui_locales")?,
            acr_values,
            subject,
            claims,
            resources: self.requested_resources(client, params)?,
            device: None,
        })
    }

    fn prompts_of(&self, client: &Client, params: &Params) -> Result<Prompts, OAuthError> {
        let asked = params.get("prompt").unwrap_or_default();
        let prompts = Prompts::parse(asked);
        let prompts =
            prompts.map_err(|error| OAuthError::new(ErrorCode::InvalidRequest, error.to_string()))?;
        if let Some(word) = Prompts::unknown(asked).next() {
            let word: String = word.chars().take(MAX_SHOWN).collect();
            tracing::info!(client = %client.id, ?word, "prompt: a word that is not understood was ignored");
        }
        if prompts.create && !self.settings().registration_open {
            // Initiating User Registration section 4.1: a prompt that is not in prompt_values_supported.
            return refuse(ErrorCode::InvalidRequest, "prompt: accounts are not created here");
        }
        Ok(prompts)
    }

    /// RFC 7636 section 4.4.1, and RFC 9700 section 2.1.1 for who may do without.
    fn code_challenge(
        &self,
        client: &Client,
        scope: &Scope,
        params: &Params,
    ) -> Result<Option<CodeChallenge>, OAuthError> {
        let invalid = |description| Err(OAuthError::new(ErrorCode::InvalidRequest, description));
        let method = params.get("code_challenge_method");
        if let Some(challenge) = params.get("code_challenge") {
            return CodeChallenge::parse(challenge, method)
                .map(Some)
                .or_else(|error| invalid(error.to_string()));
        }
        if method.is_some() {
            return invalid("code_challenge is missing beside its code_challenge_method".to_owned());
        }
        // Without an ID Token the client never sees the nonce again.
        let has_nonce = scope.contains(Scope::OPENID) && params.get("nonce").is_some();
        if client.pkce_policy(self.settings().pkce).admits_without_challenge(has_nonce) {
            return Ok(None);
        }
        let missing = OAuthError::new(ErrorCode::InvalidRequest, missing_challenge(client, has_nonce));
        Err(missing.admitted_by("client set --pkce"))
    }

    /// OpenID Connect Core section 3.1.2.2: with an `id_token_hint` or a `sub` asked for by value, the answer is about that subject or
    /// there is none. An ID Token that has expired is still a good hint.
    fn subject(
        &self,
        client: &Client,
        params: &Params,
        claims: &ClaimsRequest,
    ) -> Result<Option<String>, OAuthError> {
        let asked = claims.subject().map(str::to_owned);
        let Some(hint) = params.get("id_token_hint") else { return Ok(asked) };
        let hinted = self.id_token_hint(hint);
        let hinted = hinted.filter(|claims| claims.aud.contains(client.id.as_str()));
        let Some(hinted) = hinted else {
            return refuse(
                ErrorCode::InvalidRequest,
                "id_token_hint is not an ID Token issued to this client here",
            );
        };
        match asked {
            Some(asked) if asked != hinted.sub => {
                refuse(ErrorCode::InvalidRequest, "id_token_hint and claims name different subjects")
            }
            _ => Ok(Some(hinted.sub)),
        }
    }

    /// The claims of an ID Token issued here, however old.
    pub(crate) fn id_token_hint(&self, hint: &str) -> Option<IdTokenClaims> {
        let verified = self.keyring().verify(hint, TokenType::IdToken).ok()?;
        let claims: IdTokenClaims = serde_json::from_slice(&verified.payload).ok()?;
        // RFC 8725 section 3.12: an access token whose header says no more than JWT names its client otherwise.
        let is_id_token = !claims.user.contains_key("client_id");
        (is_id_token && claims.iss == self.settings().issuer).then_some(claims)
    }
}

pub(super) fn asks_for_openid(params: &Params) -> bool {
    params.get("scope").is_some_and(|scope| scope.split(' ').any(|token| token == Scope::OPENID))
}

fn refuse<T>(code: ErrorCode, description: &'static str) -> Result<T, OAuthError> {
    Err(OAuthError::new(code, description))
}

/// RFC 6749 section 3.1. Its name is said where it can be: `error_description` has no letters beyond ASCII (section 4.1.2.1).
fn repeated(params: &Params) -> Result<(), OAuthError> {
    let Some(name) = params.repeated() else { return Ok(()) };
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    let description = match plain && name.len() <= MAX_SHOWN {
        true => format!("a parameter is included more than once: {name}").into(),
        false => std::borrow::Cow::Borrowed("a parameter is included more than once"),
    };
    Err(OAuthError::new(ErrorCode::InvalidRequest, description))
}

fn response_mode(params: &Params) -> Result<(), OAuthError> {
    match params.get("response_mode") {
        Some(mode) if ResponseMode::parse(mode).is_none() => {
            refuse(ErrorCode::InvalidRequest, "response_mode: query, fragment or form_post is expected")
        }
        _ => Ok(()),
    }
}

/// OpenID Connect Core sections 6.1, 6.2 and 7.2.1.
fn request_objects(params: &Params) -> Result<(), OAuthError> {
    if params.get("request").is_some() {
        return refuse(ErrorCode::RequestNotSupported, "request objects are not offered");
    }
    if params.get("request_uri").is_some() {
        return refuse(ErrorCode::RequestUriNotSupported, "request_uri is not offered");
    }
    if params.get("registration").is_some() {
        return refuse(ErrorCode::RegistrationNotSupported, "registration is not offered");
    }
    Ok(())
}

fn response_type(client: &Client, params: &Params) -> Result<ResponseType, OAuthError> {
    let Some(asked) = ResponseType::parse(params.require("response_type")?) else {
        // RFC 9700 section 2.1.2: no access token in an authorization response.
        return refuse(ErrorCode::UnsupportedResponseType, "response_type: code or id_token is expected");
    };
    if !client.response_types.contains(&asked) {
        let why = format!("this client is not registered for response_type {}", asked.as_str());
        let refused = OAuthError::new(ErrorCode::UnauthorizedClient, why);
        return Err(refused.admitted_by("client set --response-type"));
    }
    Ok(asked)
}

/// OpenID Connect Core section 3.2.2.1, and only as a form: an ID Token in an address would stay there.
fn id_token(scope: &Scope, params: &Params) -> Result<(), OAuthError> {
    if params.get("response_mode") != Some(ResponseMode::FormPost.as_str()) {
        return refuse(
            ErrorCode::InvalidRequest,
            "response_mode: form_post is expected with response_type id_token",
        );
    }
    if !scope.contains(Scope::OPENID) {
        return refuse(ErrorCode::InvalidScope, "scope: openid is expected with response_type id_token");
    }
    if params.get("nonce").is_none() {
        return refuse(
            ErrorCode::InvalidRequest,
            "nonce is missing: it is required with response_type id_token",
        );
    }
    Ok(())
}

fn grant_type(client: &Client) -> Result<(), OAuthError> {
    if client.grant_types.contains(&GrantType::AuthorizationCode) {
        return Ok(());
    }
    let why = "this client is not registered for authorization_code";
    Err(OAuthError::new(ErrorCode::UnauthorizedClient, why).admitted_by("client set --grant-type"))
}

/// Who has to mend it: the client, by sending one, or the operator, by the mildest policy that would admit this request.
fn missing_challenge(client: &Client, has_nonce: bool) -> String {
    if !client.authentication.is_confidential() {
        return "code_challenge is missing: a public client must use PKCE (S256)".to_owned();
    }
    let admitting = PkcePolicy::ALL.into_iter().find(|policy| policy.admits_without_challenge(has_nonce));
    let option = admitting.map_or("", PkcePolicy::as_str);
    format!(
        "code_challenge is missing: the client should use PKCE (S256), or be registered with --pkce {option}"
    )
}

fn max_age(params: &Params) -> Result<Option<u32>, OAuthError> {
    let Some(text) = params.get("max_age") else { return Ok(None) };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(seconds) if digits => Ok(Some(seconds)),
        _ => refuse(ErrorCode::InvalidRequest, "max_age: a number of seconds is expected"),
    }
}

fn claims(params: &Params) -> Result<ClaimsRequest, OAuthError> {
    match params.get("claims") {
        None => Ok(ClaimsRequest::default()),
        Some(text) => ClaimsRequest::parse(text)
            .map_err(|error| OAuthError::new(ErrorCode::InvalidRequest, error.to_string())),
    }
}

/// OpenID Connect Core section 5.5.1.1: an essential `acr` that no sign-in here reaches fails at once. `acr_values` are only wishes.
fn essential_acr(claims: &ClaimsRequest) -> Result<(), OAuthError> {
    let wanted = claims.essential_acr();
    if wanted.is_empty() || wanted.contains(&ACR_PASSWORD) {
        return Ok(());
    }
    refuse(ErrorCode::UnmetAuthenticationRequirements, "no sign-in here reaches the essential acr")
}

fn bounded(params: &Params, name: &'static str) -> Result<Option<String>, OAuthError> {
    match params.get(name) {
        Some(text) if text.len() > MAX_TEXT => {
            Err(OAuthError::new(ErrorCode::InvalidRequest, format!("{name} is longer than {MAX_TEXT} bytes")))
        }
        text => Ok(text.map(str::to_owned)),
    }
}

fn words(params: &Params, name: &'static str) -> Result<Vec<String>, OAuthError> {
    let text = bounded(params, name)?.unwrap_or_default();
    Ok(text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect())
}
