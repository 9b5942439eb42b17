//! The authorization request (RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2.1) as a typed, storable value.
//!
//! The order in which its parameters are checked, and what an error does, is `provider`'s part.

use crate::client::ClientId;
use crate::ids::DeviceCodeId;
use crate::pkce::CodeChallenge;
use crate::redirect_uri::RedirectUri;
use crate::resource::ResourceIndicator;
use crate::scope::Scope;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A checked authorization request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client_id: ClientId,
    /// Where the answer goes.
    pub redirect_uri: RedirectUri,
    /// Whether the request named it; if so the token request must repeat it (RFC 6749 section 4.1.3).
    pub redirect_uri_given: bool,
    /// What answers it.
    #[serde(default)]
    pub response_type: ResponseType,
    /// How the answer travels.
    pub response_mode: ResponseMode,
    /// What is asked for, already cut to what the client may have.
    pub scope: Scope,
    /// Returned unchanged.
    pub state: Option<String>,
    /// Returned in the ID Token.
    pub nonce: Option<String>,
    /// PKCE.
    pub code_challenge: Option<CodeChallenge>,
    /// What must be shown.
    pub prompts: Prompts,
    /// Seconds after which a sign-in is too old.
    pub max_age: Option<u32>,
    /// What the client believes the person signs in as.
    pub login_hint: Option<String>,
    /// Languages, preferred first (BCP 47).
    pub ui_locales: Vec<String>,
    /// Authentication contexts, preferred first.
    pub acr_values: Vec<String>,
    /// The only subject the answer may be about: from `id_token_hint` or the `claims` parameter.
    pub subject: Option<String>,
    /// The `claims` parameter.
    pub claims: ClaimsRequest,
    /// What the grant's access tokens may be for, as asked for; empty means the client's default (RFC 8707 section 2.1).
    #[serde(default)]
    pub resources: Vec<ResourceIndicator>,
    /// What a device asks for, if one does: its person is asked by the same pages (RFC 8628 section 3.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceRequest>,
}

/// What a person has to do with a device (RFC 8628 section 3.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DeviceRequest {
    /// Its request, as its person is told of it, who then knows their own from another's (section 5.4).
    Found {
        /// Its device code.
        id: DeviceCodeId,
        /// When it asked.
        asked_at: Timestamp,
        /// From which address.
        asked_from: Option<String>,
        /// The user code that was entered, sealed: its person compares it with what their device shows (section 3.3.1).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user_code: Option<String>,
    },
    /// A user code that nobody has looked up yet: whoever entered it signs in first, because guesses are counted per account (section 5.1).
    Entered {
        /// What it is looked up by.
        user_code_key: [u8; 16],
        /// The code itself, sealed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user_code: Option<String>,
    },
}

impl DeviceRequest {
    /// The device code, once it is known.
    pub fn id(&self) -> Option<DeviceCodeId> {
        match self {
            Self::Found { id, .. } => Some(*id),
            Self::Entered { .. } => None,
        }
    }

    /// The user code that was entered, sealed.
    pub fn user_code(&self) -> Option<&String> {
        match self {
            Self::Found { user_code, .. } | Self::Entered { user_code, .. } => user_code.as_ref(),
        }
    }
}

/// What answers an authorization request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseType {
    /// An authorization code.
    #[default]
    Code,
    /// An ID Token and nothing else (OpenID Connect Core section 3.2), as a form only: it stands in no address.
    IdToken,
}

impl ResponseType {
    /// Every one that is offered. None puts an access token into an authorization response (RFC 9700 section 2.1.2).
    pub const ALL: [Self; 2] = [Self::Code, Self::IdToken];

    /// The `response_type` value, and the name of what it is answered with.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::IdToken => "id_token",
        }
    }

    /// The one of a `response_type` value.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|response_type| response_type.as_str() == text)
    }
}

/// How the answer to an authorization request travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query component: the default for `code`.
    Query,
    /// In the fragment.
    Fragment,
    /// As a form the browser posts (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

impl ResponseMode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Query, Self::Fragment, Self::FormPost];

    /// The `response_mode` value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Fragment => "fragment",
            Self::FormPost => "form_post",
        }
    }

    /// The mode of a `response_mode` value.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }
}

/// Something the client wants shown (OpenID Connect Core section 3.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompt {
    /// Nothing: answer at once or with an error.
    None,
    /// Sign in again.
    Login,
    /// Ask for consent again.
    Consent,
    /// Choose an account.
    SelectAccount,
    /// Create an account (Initiating User Registration via OpenID Connect).
    Create,
}

impl Prompt {
    /// Every prompt.
    pub const ALL: [Self; 5] = [Self::None, Self::Login, Self::Consent, Self::SelectAccount, Self::Create];

    /// Its word in the `prompt` value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Login => "login",
            Self::Consent => "consent",
            Self::SelectAccount => "select_account",
            Self::Create => "create",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|prompt| prompt.as_str() == word)
    }
}

/// The `prompt` parameter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompts {
    /// `none` stands alone.
    pub none: bool,
    /// See [`Prompt::Login`].
    pub login: bool,
    /// See [`Prompt::Consent`].
    pub consent: bool,
    /// See [`Prompt::SelectAccount`].
    pub select_account: bool,
    /// See [`Prompt::Create`].
    pub create: bool,
}

/// A `prompt` value that cannot be honoured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPrompt {
    /// OpenID Connect Core section 3.1.2.1.
    #[error("prompt: none stands alone")]
    NoneWithOthers,
}

impl Prompts {
    /// Parses the `prompt` parameter. Words that are not understood are ignored (OpenID Connect Core, errata 2, section 3.1.2.1):
    /// [`Prompts::unknown`] has them.
    ///
    /// # Errors
    /// When `none` comes with another word, understood or not.
    pub fn parse(text: &str) -> Result<Self, InvalidPrompt> {
        let mut prompts = Self::default();
        for prompt in words(text).filter_map(Prompt::parse) {
            match prompt {
                Prompt::None => prompts.none = true,
                Prompt::Login => prompts.login = true,
                Prompt::Consent => prompts.consent = true,
                Prompt::SelectAccount => prompts.select_account = true,
                Prompt::Create => prompts.create = true,
            }
        }
        if prompts.none && words(text).any(|word| word != Prompt::None.as_str()) {
            return Err(InvalidPrompt::NoneWithOthers);
        }
        Ok(prompts)
    }

    /// The words of a `prompt` parameter that are not understood.
    pub fn unknown(text: &str) -> impl Iterator<Item = &str> {
        words(text).filter(|word| Prompt::parse(word).is_none())
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}

/// The `claims` parameter (OpenID Connect Core section 5.5): single claims asked for by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClaimsRequest {
    /// Claims to answer at the UserInfo endpoint.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub userinfo: BTreeMap<String, Option<ClaimDemand>>,
    /// Claims to put into the ID Token.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub id_token: BTreeMap<String, Option<ClaimDemand>>,
}

/// What a client says about one claim.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClaimDemand {
    /// Whether the client cannot go on without it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub essential: bool,
    /// The one value wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<serde_json::Value>,
    /// The values wanted, preferred first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<serde_json::Value>,
}

/// A `claims` value that is not the JSON of OpenID Connect Core section 5.5, or larger than 8 KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("claims: a JSON object of at most 8 KiB with userinfo and id_token members is expected")]
pub struct InvalidClaims;

impl ClaimsRequest {
    const MAX_BYTES: usize = 8_192;

    /// Parses the `claims` parameter.
    ///
    /// # Errors
    /// When it is not the JSON that OpenID Connect Core section 5.5 describes.
    pub fn parse(text: &str) -> Result<Self, InvalidClaims> {
        // serde would also read an array as the members in order.
        if text.len() > Self::MAX_BYTES || !text.trim_start().starts_with('{') {
            return Err(InvalidClaims);
        }
        serde_json::from_str(text).map_err(|_| InvalidClaims)
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.userinfo.is_empty() && self.id_token.is_empty()
    }

    /// The subject asked for by value, if one is (OpenID Connect Core section 5.5.1).
    pub fn subject(&self) -> Option<&str> {
        [&self.id_token, &self.userinfo]
            .into_iter()
            .find_map(|claims| claims.get("sub")?.as_ref()?.value.as_ref()?.as_str())
    }

    /// The values of an essential `acr` (OpenID Connect Core section 5.5.1.1); empty when none is essential.
    pub fn essential_acr(&self) -> Vec<&str> {
        match self.id_token.get("acr") {
            Some(Some(demand)) if demand.essential => {
                demand.value.iter().chain(&demand.values).filter_map(serde_json::Value::as_str).collect()
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oidc_core_3_1_2_1_none_stands_alone() {
        assert_eq!(Prompts::parse("none login"), Err(InvalidPrompt::NoneWithOthers));
        assert_eq!(Prompts::parse("none magic"), Err(InvalidPrompt::NoneWithOthers));
        let both = Prompts::parse("login consent").unwrap();
        assert!(both.login && both.consent && !both.none);
    }

    #[test]
    fn oidc_core_3_1_2_1_unknown_words_are_ignored_and_known_by_name() {
        let prompts = Prompts::parse("Welcome  login back").unwrap();
        assert_eq!(prompts, Prompts { login: true, ..Prompts::default() });
        assert_eq!(Prompts::unknown("Welcome  login back").collect::<Vec<_>>(), ["Welcome", "back"]);
    }

    #[test]
    fn oidc_core_5_5_claims_are_asked_for_by_name() {
        let text = r#"{"userinfo":{"nickname":null,"email":{"essential":true}},"id_token":{"sub":{"value":"x"},
            "acr":{"essential":true,"values":["urn:a","urn:b"]}},"other":{}}"#;
        let claims = ClaimsRequest::parse(text).unwrap();
        assert_eq!(claims.subject(), Some("x"));
        assert_eq!(claims.essential_acr(), ["urn:a", "urn:b"]);
        assert!(claims.userinfo.contains_key("nickname"));
        let stored = serde_json::to_string(&claims).unwrap();
        assert_eq!(ClaimsRequest::parse(&stored).unwrap(), claims);
        for bad in ["[]", "{", r#"{"id_token":[]}"#, r#"{"userinfo":{"a":1}}"#] {
            assert_eq!(ClaimsRequest::parse(bad), Err(InvalidClaims), "{bad}");
        }
        assert_eq!(ClaimsRequest::parse(&" ".repeat(9_000)), Err(InvalidClaims));
    }

    proptest::proptest! {
        #[test]
        fn parsing_never_panics(text in ".*") {
            let _ = ClaimsRequest::parse(&text);
            let _ = Prompts::parse(&text);
        }
    }
}
