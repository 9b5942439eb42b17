//! The checks of an authorization request whose errors the client is told, in order, one small function each.

use super::ReturnAddress;
use crate::Provider;
use crate::settings::ACR_PASSWORD;
use crypto::TokenType;
use protocol::claims::IdTokenClaims;
use protocol::{
    AuthorizationRequest, ClaimsRequest, Client, CodeChallenge, ErrorCode, GrantType, OAuthError, Params,
    Prompts, ResponseMode, Scope,
};

const MAX_TEXT: usize = 2_048;

impl Provider {
    pub(super) fn check_request(
        &self,
        client: &Client,
        params: &Params,
        address: &ReturnAddress,
    ) -> Result<AuthorizationRequest, OAuthError> {
        response_mode(params)?;
        request_objects(params)?;
        response_type(params)?;
        grant_type(client)?;
        let scope = scope(client, params)?;
        let code_challenge = code_challenge(client, params)?;
        let prompts = self.prompts_of(params)?;
        let max_age = max_age(params)?;
        let claims = claims(params)?;
        let acr_values = words(params, "acr_values")?;
        essential_acr(&claims)?;
        let subject = self.subject(client, params, &claims)?;
        Ok(AuthorizationRequest {
            client_id: client.id.clone(),
            redirect_uri: address.redirect_uri.clone(),
            redirect_uri_given: params.get("redirect_uri").is_some(),
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

    fn prompts_of(&self, params: &Params) -> Result<Prompts, OAuthError> {
        let prompts = Prompts::parse(params.get("prompt").unwrap_or_default());
        let prompts =
            prompts.map_err(|error| OAuthError::new(ErrorCode::InvalidRequest, error.to_string()))?;
        if prompts.create && !self.settings().registration_open {
            // Initiating User Registration section 4.1: a prompt that is not in prompt_values_supported.
            return refuse(ErrorCode::InvalidRequest, "prompt: accounts are not created here");
        }
        Ok(prompts)
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
        (claims.iss == self.settings().issuer).then_some(claims)
    }
}

pub(super) fn asks_for_openid(params: &Params) -> bool {
    params.get("scope").is_some_and(|scope| scope.split(' ').any(|token| token == Scope::OPENID))
}

fn refuse<T>(code: ErrorCode, description: &'static str) -> Result<T, OAuthError> {
    Err(OAuthError::new(code, description))
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

fn response_type(params: &Params) -> Result<(), OAuthError> {
    match params.require("response_type")? {
        "code" => Ok(()),
        // RFC 9700 section 2.1.2: no access token in an authorization response.
        _ => refuse(ErrorCode::UnsupportedResponseType, "response_type: code is expected"),
    }
}

fn grant_type(client: &Client) -> Result<(), OAuthError> {
    if client.grant_types.contains(&GrantType::AuthorizationCode) {
        return Ok(());
    }
    refuse(ErrorCode::UnauthorizedClient, "this client is not registered for authorization_code")
}

/// RFC 6749 section 3.3: what the client may not have is left out, and the answer says what was granted; nothing left is an error.
pub(crate) fn scope(client: &Client, params: &Params) -> Result<Scope, OAuthError> {
    let Some(asked) = params.get("scope") else { return refuse(ErrorCode::InvalidScope, "scope is missing") };
    let asked =
        Scope::parse(asked).map_err(|error| OAuthError::new(ErrorCode::InvalidScope, error.to_string()))?;
    let mut granted = client.scope.intersection(&asked);
    if !client.grant_types.contains(&GrantType::RefreshToken) {
        // OpenID Connect Core section 11: offline_access is ignored where no refresh token could be used.
        granted = granted.without(Scope::OFFLINE_ACCESS);
    }
    if granted.is_empty() {
        return refuse(ErrorCode::InvalidScope, "this client may have none of the scope it asks for");
    }
    Ok(granted)
}

fn code_challenge(client: &Client, params: &Params) -> Result<Option<CodeChallenge>, OAuthError> {
    let Some(challenge) = params.get("code_challenge") else {
        if client.needs_pkce() || params.get("code_challenge_method").is_some() {
            // RFC 7636 section 4.4.1.
            return refuse(ErrorCode::InvalidRequest, "code_challenge is missing");
        }
        return Ok(None);
    };
    CodeChallenge::parse(challenge, params.get("code_challenge_method"))
        .map(Some)
        .map_err(|error| OAuthError::new(ErrorCode::InvalidRequest, error.to_string()))
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
