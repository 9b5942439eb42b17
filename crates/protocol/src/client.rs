//! A client as registered: what it is, how it authenticates, what it may ask for. Knows no secret and no storage.

mod stored;

use crate::access_token::{AccessTokenFormat, AccessTokenType};
use crate::assertion::AssertionAlgorithm;
use crate::authorization::ResponseType;
use crate::client_authentication::{ClientAuthentication, JwksUri, TlsSubject};
use crate::client_uri::ClientUri;
use crate::ids::ServiceId;
use crate::logo::Logo;
use crate::pkce::PkcePolicy;
use crate::rate_limit::RateLimit;
use crate::redirect_uri::{Answered, AppScheme, NotRegistrable, RedirectUri};
use crate::scope::Scope;
use crate::signing::SigningAlgorithm;
use crate::token_exchange::ExchangePolicy;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// A `client_id` (RFC 6749 section 2.2): 1 to 255 printable ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientId(String);

/// A `client_id` that RFC 6749 appendix A.1 does not allow, or too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("client_id: 1 to 255 printable ASCII characters are expected")]
pub struct InvalidClientId;

impl ClientId {
    /// Parses a `client_id`.
    ///
    /// # Errors
    /// When it is empty, longer than 255 characters, or not VSCHAR (RFC 6749 appendix A.1).
    pub fn parse(text: &str) -> Result<Self, InvalidClientId> {
        let allowed =
            !text.is_empty() && text.len() <= 255 && text.bytes().all(|b| (0x20..=0x7e).contains(&b));
        if allowed { Ok(Self(text.to_owned())) } else { Err(InvalidClientId) }
    }

    /// Of a part of this server that has people sign in for itself; [`ClientId::is_of_this_server`] keeps clients from having it.
    pub fn of_this_server(part: &'static str) -> Self {
        Self(format!("{OF_THIS_SERVER}{part}"))
    }

    /// Whether it is this server's own, and so nobody's to register.
    pub fn is_of_this_server(&self) -> bool {
        self.0.starts_with(OF_THIS_SERVER)
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const OF_THIS_SERVER: &str = "doorward:";

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ClientId {
    type Error = InvalidClientId;
    fn try_from(text: String) -> Result<Self, InvalidClientId> {
        Self::parse(&text)
    }
}

impl From<ClientId> for String {
    fn from(id: ClientId) -> Self {
        id.0
    }
}

impl std::str::FromStr for ClientId {
    type Err = InvalidClientId;
    fn from_str(text: &str) -> Result<Self, InvalidClientId> {
        Self::parse(text)
    }
}

/// A grant type that Doorward offers (RFC 6749 section 1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// RFC 6749 section 4.1.
    AuthorizationCode,
    /// RFC 6749 section 6.
    RefreshToken,
    /// RFC 6749 section 4.4.
    ClientCredentials,
    /// RFC 8628 section 3.4.
    #[serde(rename = "urn:ietf:params:oauth:grant-type:device_code")]
    DeviceCode,
    /// RFC 8693.
    #[serde(rename = "urn:ietf:params:oauth:grant-type:token-exchange")]
    TokenExchange,
    /// RFC 7523 section 2.1.
    #[serde(rename = "urn:ietf:params:oauth:grant-type:jwt-bearer")]
    JwtBearer,
}

impl GrantType {
    /// Every grant type there is.
    pub const ALL: [Self; 6] = [
        Self::AuthorizationCode,
        Self::RefreshToken,
        Self::ClientCredentials,
        Self::DeviceCode,
        Self::JwtBearer,
        Self::TokenExchange,
    ];

    /// The `grant_type` value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
            Self::JwtBearer => "urn:ietf:params:oauth:grant-type:jwt-bearer",
        }
    }

    /// Whether a client that cannot prove who it is may use it: not where the client itself is what is trusted.
    pub const fn is_for_public_clients(self) -> bool {
        !matches!(self, Self::ClientCredentials | Self::JwtBearer | Self::TokenExchange)
    }

    /// The grant type of a `grant_type` value, if Doorward offers it.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant_type| grant_type.as_str() == text)
    }
}

/// Whether a person is asked before a client learns about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentPolicy {
    /// Asked once per scope, remembered.
    Required,
    /// Not asked unless the client says `prompt=consent`: the operator vouches for the client.
    Implicit,
}

/// A registered client. `Client::new` gives the safe defaults; every field may then be set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// `client_id`.
    pub id: ClientId,
    /// What people read on the sign-in and consent pages.
    pub name: String,
    /// What stands above its name there; none means the name's first letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo: Option<Logo>,
    /// Its home page (RFC 7591 section 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<ClientUri>,
    /// How it authenticates.
    pub authentication: ClientAuthentication,
    /// The one algorithm of its assertions (`token_endpoint_auth_signing_alg`); none means any its keys are for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg: Option<AssertionAlgorithm>,
    /// Whether its assertions must name the issuer, and nothing else, as their audience (FAPI 2.0 section 5.3.2.1).
    #[serde(default)]
    pub require_issuer_audience: bool,
    /// Its public keys, a JWK Set (RFC 7591 section 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<serde_json::Value>,
    /// Where its public keys are (RFC 7591 section 2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<JwksUri>,
    /// Whom its certificate names, with [`ClientAuthentication::TlsClientAuth`] (RFC 8705 section 2.1.2).
    #[serde(flatten)]
    pub tls_subject: Option<TlsSubject>,
    /// Whether its access tokens are good only with the certificate they were issued to (RFC 8705 section 3.4).
    #[serde(default)]
    pub tls_client_certificate_bound_access_tokens: bool,
    /// Where answers may go; matched exactly (RFC 9700 section 4.1.3).
    #[serde(default)]
    pub redirect_uris: Vec<RedirectUri>,
    /// Where a browser may go after sign-out (OpenID Connect RP-Initiated Logout section 3.1).
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// Schemes without a dot that its redirect URIs may have, by its operator's word (RFC 8252 section 7.1 would have a reversed domain).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub app_schemes: BTreeSet<AppScheme>,
    /// What its authorization requests may be answered with.
    #[serde(default = "code_alone")]
    pub response_types: BTreeSet<ResponseType>,
    /// What it may present at the token endpoint.
    pub grant_types: BTreeSet<GrantType>,
    /// The most it may ask for.
    pub scope: Scope,
    /// What a request that names no scope asks for; `None` means all it may have (RFC 6749 section 3.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_scope: Option<Scope>,
    /// Whether people are asked.
    pub consent: ConsentPolicy,
    /// What its authorization requests must carry against the injection of codes; none means the installation's setting. A public
    /// client's must always carry a code challenge: see [`Client::pkce_policy`].
    #[serde(flatten, with = "stored::pkce")]
    pub pkce: Option<PkcePolicy>,
    /// The form of its access tokens.
    pub access_token_format: AccessTokenFormat,
    /// The signature of its JWT access tokens; `None` means the installation's setting.
    #[serde(flatten, with = "stored::alg")]
    pub access_token_signed_response_alg: Option<SigningAlgorithm>,
    /// The `typ` of its JWT access tokens; a resource server's registration may say the same of those that are for it.
    #[serde(default)]
    pub access_token_type: AccessTokenType,
    /// Whether its JWT access tokens carry the claims of their scopes; a resource server's registration may say the same.
    #[serde(default)]
    pub access_token_claims: bool,
    /// Whether its ID Tokens carry the claims of the scopes granted; without, they are left to UserInfo (OpenID Connect Core section 5.4).
    #[serde(default = "on")]
    pub id_token_claims: bool,
    /// The signature of its ID Tokens.
    pub id_token_signed_response_alg: SigningAlgorithm,
    /// The `aud` of its access tokens where a request names no resource, and the resources it may name (RFC 8707); empty means the issuer.
    #[serde(default)]
    pub audience: Vec<String>,
    /// Its access tokens are accepted once. They are opaque then, whatever [`Client::access_token_format`] says: nobody accepts one
    /// without asking.
    #[serde(default)]
    pub one_time_access_tokens: bool,
    /// Seconds an access token lives; `None` means the installation's setting.
    #[serde(default)]
    pub access_token_lifetime: Option<u32>,
    /// Seconds an ID Token lives; `None` means the installation's setting.
    #[serde(default)]
    pub id_token_lifetime: Option<u32>,
    /// Seconds a grant may be refreshed; `None` means the installation's setting.
    #[serde(default)]
    pub refresh_token_lifetime: Option<u32>,
    /// Whether each refresh token is spent for a successor. A public client's always is (RFC 9700 section 4.14).
    #[serde(default = "on")]
    pub rotate_refresh_tokens: bool,
    /// Seconds for which a spent refresh token gets its successor again while that is unspent; `None` means the installation's setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_grace: Option<u32>,
    /// Seconds after which a sign-in is too old for this client when it names no `max_age`.
    #[serde(default)]
    pub default_max_age: Option<u32>,
    /// How often it may ask for tokens.
    #[serde(default)]
    pub rate_limit: Option<RateLimit>,
    /// What it may exchange tokens for (RFC 8693).
    #[serde(default)]
    pub token_exchange: ExchangePolicy,
    /// The client that may exchange its access tokens, and no other (RFC 8693 section 4.4).
    #[serde(default)]
    pub may_act: Option<ClientId>,
    /// A resource server that may introspect every client's access tokens, not only its own.
    #[serde(default)]
    pub introspects_all: bool,
    /// Whether introspection tells it the username and the claims of the scopes granted (RFC 7662 section 2.2).
    #[serde(default)]
    pub introspects_claims: bool,
    /// The service it belongs to: its tokens say so, and what its user has subscribed to.
    #[serde(default)]
    pub service: Option<ServiceId>,
    /// A service account: a client whose API keys speak for it.
    #[serde(default)]
    pub service_account: bool,
    /// Refused everywhere while set.
    #[serde(default)]
    pub disabled: bool,
}

impl Client {
    /// A client with safe defaults: code and refresh grants, consent required, PKCE as the installation says, JWT access tokens, RS256 ID Tokens
    /// with the claims of the scopes granted (OpenID Connect Dynamic Client Registration section 2: the default of
    /// `id_token_signed_response_alg`).
    pub fn new(id: ClientId, name: impl Into<String>, authentication: ClientAuthentication) -> Self {
        Self {
            id,
            name: name.into(),
            logo: None,
            client_uri: None,
            authentication,
            token_endpoint_auth_signing_alg: None,
            require_issuer_audience: false,
            jwks: None,
            jwks_uri: None,
            tls_subject: None,
            tls_client_certificate_bound_access_tokens: false,
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            app_schemes: BTreeSet::new(),
            response_types: code_alone(),
            grant_types: [GrantType::AuthorizationCode, GrantType::RefreshToken].into(),
            scope: Scope::STANDARD
                .iter()
                .fold(Scope::default(), |all, token| all.union(&Scope::parse(token).unwrap_or_default())),
            default_scope: None,
            consent: ConsentPolicy::Required,
            pkce: None,
            access_token_format: AccessTokenFormat::Jwt,
            access_token_signed_response_alg: None,
            access_token_type: AccessTokenType::default(),
            access_token_claims: false,
            id_token_claims: true,
            id_token_signed_response_alg: SigningAlgorithm::Rs256,
            audience: Vec::new(),
            one_time_access_tokens: false,
            access_token_lifetime: None,
            id_token_lifetime: None,
            refresh_token_lifetime: None,
            rotate_refresh_tokens: true,
            refresh_grace: None,
            default_max_age: None,
            rate_limit: None,
            token_exchange: ExchangePolicy::default(),
            may_act: None,
            introspects_all: false,
            introspects_claims: false,
            service: None,
            service_account: false,
            disabled: false,
        }
    }

    /// The registered redirect URI that a request's `redirect_uri` matches.
    pub fn redirect_uri(&self, presented: &str) -> Option<RedirectUri> {
        let presented = RedirectUri::parse(presented).ok()?;
        self.admitted(&self.redirect_uris, presented)
    }

    /// The same for where a browser goes after sign-out.
    pub fn post_logout_redirect_uri(&self, presented: &str) -> Option<RedirectUri> {
        let presented = RedirectUri::parse(presented).ok()?;
        self.admitted(&self.post_logout_redirect_uris, presented)
    }

    fn admitted(&self, registered: &[RedirectUri], presented: RedirectUri) -> Option<RedirectUri> {
        let is_public = !self.authentication.is_confidential();
        registered.iter().any(|registered| registered.admits(&presented, is_public)).then_some(presented)
    }

    /// Whether its addresses may be registered.
    ///
    /// # Errors
    /// The first that may not, and why.
    pub fn check_redirect_uris(&self) -> Result<(), (RedirectUri, NotRegistrable)> {
        let answers = self.redirect_uris.iter().map(|uri| (uri, Answered::Authorization));
        let logouts = self.post_logout_redirect_uris.iter().map(|uri| (uri, Answered::Logout));
        for (uri, answered) in answers.chain(logouts) {
            uri.check_registrable(answered, &self.app_schemes).map_err(|why| (uri.clone(), why))?;
        }
        Ok(())
    }

    /// Where somebody goes on who came from it and has nothing more to do here: its home page, or the root of the site that this answer went
    /// to. An app has none.
    pub fn home(&self, redirect_uri: &RedirectUri) -> Option<String> {
        self.client_uri
            .as_ref()
            .map(ToString::to_string)
            .or_else(|| redirect_uri.site().and_then(|_| redirect_uri.web_origin()))
    }

    /// Whether pages of this web origin are its own: those that its redirect URIs lie in.
    pub fn has_origin(&self, origin: &str) -> bool {
        let is_public = !self.authentication.is_confidential();
        self.redirect_uris.iter().any(|uri| uri.is_in_origin(origin, is_public))
    }

    /// Whether its refresh tokens are good until they expire, rather than spent for a successor.
    pub fn keeps_refresh_tokens(&self) -> bool {
        !self.rotate_refresh_tokens && self.authentication.is_confidential()
    }

    /// What an authorization request must carry (RFC 9700 section 2.1.1), where the installation's setting is `default`.
    pub fn pkce_policy(&self, default: PkcePolicy) -> PkcePolicy {
        if self.authentication.is_confidential() {
            self.pkce.unwrap_or(default)
        } else {
            PkcePolicy::Required
        }
    }
}

const fn on() -> bool {
    true
}

fn code_alone() -> BTreeSet<ResponseType> {
    [ResponseType::Code].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> Client {
        Client::new(ClientId::parse("app").unwrap(), "App", ClientAuthentication::ClientSecret)
    }

    #[test]
    fn registrations_that_say_require_pkce_stay_readable() {
        for (before, policy) in [(true, PkcePolicy::Required), (false, PkcePolicy::Optional)] {
            let mut stored = serde_json::to_value(client()).unwrap();
            let members = stored.as_object_mut().unwrap();
            members.remove("pkce");
            members.insert("require_pkce".to_owned(), before.into());
            let read: Client = serde_json::from_value(stored).unwrap();
            assert_eq!(read.pkce, Some(policy));
        }
    }

    #[test]
    fn a_policy_is_read_as_it_was_written() {
        for pkce in
            [None, Some(PkcePolicy::Required), Some(PkcePolicy::PkceOrNonce), Some(PkcePolicy::Optional)]
        {
            let client = Client { pkce, ..client() };
            let stored = serde_json::to_string(&client).unwrap();
            assert_eq!(serde_json::from_str::<Client>(&stored).unwrap(), client, "{stored}");
            // What an older node reads.
            assert!(stored.contains(&format!("\"require_pkce\":{}", pkce != Some(PkcePolicy::Optional))));
        }
    }

    #[test]
    fn rfc9700_2_1_1_a_public_client_always_needs_a_challenge() {
        let public = Client { authentication: ClientAuthentication::None, ..client() };
        assert_eq!(public.pkce_policy(PkcePolicy::Optional), PkcePolicy::Required);
        assert_eq!(client().pkce_policy(PkcePolicy::PkceOrNonce), PkcePolicy::PkceOrNonce);
        let strict = Client { pkce: Some(PkcePolicy::Required), ..client() };
        assert_eq!(strict.pkce_policy(PkcePolicy::Optional), PkcePolicy::Required);
    }

    #[test]
    fn an_algorithm_is_read_as_it_was_written_and_older_nodes_find_one() {
        for chosen in [None, Some(SigningAlgorithm::EdDsa), Some(SigningAlgorithm::Es256)] {
            let client = Client { access_token_signed_response_alg: chosen, ..client() };
            let stored = serde_json::to_value(&client).unwrap();
            let found = chosen.unwrap_or_default().as_str();
            assert_eq!(stored["access_token_signed_response_alg"], found, "{stored}");
            assert_eq!(serde_json::from_value::<Client>(stored).unwrap(), client);
        }
    }

    #[test]
    fn a_registration_stored_before_there_were_its_newer_members_reads_with_their_defaults() {
        let client = client();
        let mut stored = serde_json::to_value(&client).unwrap();
        let members = stored.as_object_mut().unwrap();
        for newer in [
            "default_scope",
            "access_token_type",
            "access_token_claims",
            "id_token_claims",
            "response_types",
            "rotate_refresh_tokens",
            "refresh_grace",
            "introspects_claims",
            "access_token_alg_by_default",
        ] {
            members.remove(newer);
        }
        // What older versions wrote by themselves stays what was registered.
        members.insert("access_token_signed_response_alg".to_owned(), "EdDSA".into());
        let read: Client = serde_json::from_value(stored).unwrap();
        let expected = Client { access_token_signed_response_alg: Some(SigningAlgorithm::EdDsa), ..client };
        assert_eq!(read, expected);
    }
}
