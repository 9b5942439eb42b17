//! What can be said about a client on the command line, when it is added and when it is changed: one list for both.

use super::client_proof_options::ProofOptions;
use super::token_options::TokenOptions;
use crate::settings;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use protocol::logo::LONGEST_LOGO_BYTES;
use protocol::{
    AccessTokenFormat, AppScheme, Client, ClientId, ClientUri, ConsentPolicy, ExchangePolicy, GrantType,
    Logo, PkcePolicy, RateLimit, RedirectUri, ResponseType, Scope, ServicePath,
};
use std::fs::File;
use std::io::Read as _;

#[derive(Args)]
pub(crate) struct ClientOptions {
    /// What people read on the sign-in and consent pages
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// A picture for those pages, kept with the registration: PNG, JPEG or WebP of at most 24 KiB
    #[arg(long, value_name = "FILE", value_parser = logo, overrides_with = "no_logo")]
    logo: Option<Logo>,
    /// The first letter of its name instead
    #[arg(long, overrides_with = "logo")]
    no_logo: bool,
    /// Its home page, where people are led back to; without it, the root of the site that answers go to
    #[arg(long, value_name = "URL")]
    client_uri: Option<ClientUri>,
    /// Where answers may go: https, http on loopback, or a reversed domain such as com.example.app; repeatable
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<RedirectUri>,
    /// Where a browser may go after sign-out; repeatable
    #[arg(long = "post-logout-redirect-uri", value_name = "URI", value_parser = post_logout_uri)]
    post_logout_redirect_uris: Vec<RedirectUri>,
    /// A scheme without a dot that its redirect URIs may have, such as cursor: other applications may use it too; repeatable
    #[arg(long = "app-scheme", value_name = "SCHEME")]
    app_schemes: Vec<AppScheme>,
    /// What its authorization requests may be answered with; id_token only as a form (form_post); repeatable
    #[arg(long = "response-type", value_parser = response_type())]
    response_types: Vec<ResponseType>,
    /// What it may use at the token endpoint; repeatable
    #[arg(long = "grant-type", value_parser = grant_type())]
    grant_types: Vec<GrantType>,
    /// The most it may ask for, separated by spaces
    #[arg(long)]
    scope: Option<Scope>,
    /// Whether people are asked before it gets anything about them; implicit is for your own applications
    #[arg(long, value_enum)]
    consent: Option<Consent>,
    /// What it must send so that its codes cannot be used by another: PKCE; PKCE or a nonce; nothing; or what the setting
    /// authorization.pkce says. A public client always needs PKCE
    #[arg(long, value_enum, value_name = "POLICY", overrides_with = "no_pkce")]
    pkce: Option<Guard>,
    /// The same as --pkce optional
    #[arg(long, overrides_with = "pkce")]
    no_pkce: bool,
    /// Its access tokens: a JWT that resource servers check themselves, or opaque, for introspection
    #[arg(long, value_enum, value_name = "FORMAT")]
    access_token_format: Option<Format>,
    #[command(flatten)]
    tokens: TokenOptions,
    /// Who may accept its access tokens, and which resources it may name; repeatable, without it the issuer
    #[arg(long)]
    audience: Vec<String>,
    /// Its access tokens are accepted once, and are opaque
    #[arg(long, overrides_with = "no_one_time_access_tokens")]
    one_time_access_tokens: bool,
    /// Its access tokens are accepted until they expire
    #[arg(long, overrides_with = "one_time_access_tokens")]
    no_one_time_access_tokens: bool,
    /// How long its access tokens live: 10m, 1h, .., or seconds; at most 1d
    #[arg(long, value_name = "DURATION", value_parser = settings::seconds)]
    access_token_lifetime: Option<u32>,
    /// How long its ID Tokens live; at most 1d
    #[arg(long, value_name = "DURATION", value_parser = settings::seconds)]
    id_token_lifetime: Option<u32>,
    /// How long an unused refresh token of it lives
    #[arg(long, value_name = "DURATION", value_parser = settings::seconds)]
    refresh_token_lifetime: Option<u32>,
    /// After how long people sign in again for it, when it does not say so itself
    #[arg(long, value_name = "DURATION", value_parser = settings::seconds)]
    default_max_age: Option<u32>,
    /// How often it may ask for tokens: 50/s, 600/min, or off
    #[arg(long, value_name = "RATE", value_parser = rate)]
    rate_limit: Option<Rate>,
    #[command(flatten)]
    exchange: ExchangeOptions,
    /// A resource server that may introspect every client's access tokens
    #[arg(long, overrides_with = "no_introspects_all")]
    introspects_all: bool,
    /// It may introspect its own access tokens only
    #[arg(long, overrides_with = "introspects_all")]
    no_introspects_all: bool,
    /// The service it belongs to: its access tokens say so
    #[arg(long, value_name = "ORGANIZATION/SERVICE", overrides_with = "no_service")]
    service: Option<ServicePath>,
    /// It belongs to no service
    #[arg(long, overrides_with = "service")]
    no_service: bool,
    #[command(flatten)]
    pub(crate) proof: ProofOptions,
}

/// What is to become of the service a client belongs to.
pub(crate) enum ServiceChoice {
    AsItIs,
    None,
    Of(ServicePath),
}

/// Token exchange (RFC 8693).
#[derive(Args)]
struct ExchangeOptions {
    /// A client whose tokens it may exchange, beside its own and those meant for it; repeatable
    #[arg(long = "exchange-client", value_name = "CLIENT_ID")]
    exchange_clients: Vec<ClientId>,
    /// What it may exchange tokens for, beside its own audience; repeatable
    #[arg(long, value_name = "AUDIENCE")]
    exchange_audience: Vec<String>,
    /// The most that it may exchange tokens for, without it its own scope
    #[arg(long, value_name = "SCOPE")]
    exchange_scope: Option<Scope>,
    /// The tokens it gets by exchange need not say who acts
    #[arg(long, overrides_with = "no_exchange_impersonation")]
    exchange_impersonation: bool,
    /// The tokens it gets by exchange say who acts
    #[arg(long, overrides_with = "exchange_impersonation")]
    no_exchange_impersonation: bool,
    /// The tokens it gets by exchange are accepted once
    #[arg(long, overrides_with = "no_exchange_one_time")]
    exchange_one_time: bool,
    /// The tokens it gets by exchange are accepted until they expire
    #[arg(long, overrides_with = "exchange_one_time")]
    no_exchange_one_time: bool,
    /// The client that alone may exchange this client's tokens
    #[arg(long, value_name = "CLIENT_ID")]
    may_act: Option<ClientId>,
}

/// A rate, or none any more.
type Rate = Option<RateLimit>;

fn post_logout_uri(text: &str) -> Result<RedirectUri, String> {
    text.parse().map_err(|error: protocol::redirect_uri::InvalidRedirectUri| format!("post-logout {error}"))
}

fn logo(path: &str) -> Result<Logo, String> {
    let unreadable = |error: std::io::Error| format!("it cannot be read: {error}");
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err("it is not a file".to_owned());
    }
    // One byte more than it may have is enough to refuse it.
    let mut bytes = Vec::new();
    let longest = LONGEST_LOGO_BYTES as u64 + 1;
    File::open(path).and_then(|file| file.take(longest).read_to_end(&mut bytes)).map_err(unreadable)?;
    Logo::new(bytes).map_err(|error| error.to_string())
}

fn rate(text: &str) -> Result<Rate, protocol::rate_limit::InvalidRateLimit> {
    if text == "off" { Ok(None) } else { text.parse().map(Some) }
}

#[derive(Clone, Copy, ValueEnum)]
enum Consent {
    Required,
    Implicit,
}

/// A client's own policy, or the installation's.
#[derive(Clone, Copy, ValueEnum)]
enum Guard {
    Required,
    PkceOrNonce,
    Optional,
    Default,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Jwt,
    Opaque,
}

impl ClientOptions {
    /// What was said about its service, which only the installation can look up.
    pub(crate) fn service(&self) -> ServiceChoice {
        match (&self.service, self.no_service) {
            (Some(path), _) => ServiceChoice::Of(path.clone()),
            (None, true) => ServiceChoice::None,
            (None, false) => ServiceChoice::AsItIs,
        }
    }

    /// The client with what was given changed.
    pub(crate) fn apply(self, mut client: Client) -> Client {
        given(&mut client.name, self.name);
        given(&mut client.logo, if self.no_logo { Some(None) } else { self.logo.map(Some) });
        given(&mut client.client_uri, self.client_uri.map(Some));
        given(&mut client.redirect_uris, list(self.redirect_uris));
        given(&mut client.post_logout_redirect_uris, list(self.post_logout_redirect_uris));
        given(&mut client.app_schemes, list(self.app_schemes).map(|all| all.into_iter().collect()));
        given(&mut client.response_types, list(self.response_types).map(|all| all.into_iter().collect()));
        given(&mut client.grant_types, list(self.grant_types).map(|all| all.into_iter().collect()));
        given(&mut client.scope, self.scope);
        given(&mut client.consent, self.consent.map(Into::into));
        let pkce = self.pkce.map(Into::into);
        given(&mut client.pkce, if self.no_pkce { Some(Some(PkcePolicy::Optional)) } else { pkce });
        given(&mut client.access_token_format, self.access_token_format.map(Into::into));
        self.tokens.apply(&mut client);
        given(&mut client.audience, list(self.audience));
        given(&mut client.access_token_lifetime, self.access_token_lifetime.map(Some));
        let one_time = switch(self.one_time_access_tokens, self.no_one_time_access_tokens);
        given(&mut client.one_time_access_tokens, one_time);
        given(&mut client.id_token_lifetime, self.id_token_lifetime.map(Some));
        given(&mut client.refresh_token_lifetime, self.refresh_token_lifetime.map(Some));
        given(&mut client.default_max_age, self.default_max_age.map(Some));
        given(&mut client.introspects_all, switch(self.introspects_all, self.no_introspects_all));
        given(&mut client.rate_limit, self.rate_limit);
        given(&mut client.may_act, self.exchange.may_act.clone().map(Some));
        self.exchange.apply(&mut client.token_exchange);
        self.proof.apply(client)
    }
}

impl ExchangeOptions {
    fn apply(self, policy: &mut ExchangePolicy) {
        given(&mut policy.clients, list(self.exchange_clients).map(|all| all.into_iter().collect()));
        given(&mut policy.audience, list(self.exchange_audience));
        given(&mut policy.scope, self.exchange_scope.map(Some));
        given(&mut policy.impersonation, switch(self.exchange_impersonation, self.no_exchange_impersonation));
        given(&mut policy.one_time, switch(self.exchange_one_time, self.no_exchange_one_time));
    }
}

pub(super) fn given<T>(slot: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *slot = value;
    }
}

fn list<T>(values: Vec<T>) -> Option<Vec<T>> {
    Some(values).filter(|values| !values.is_empty())
}

pub(super) fn switch(on: bool, off: bool) -> Option<bool> {
    (on || off).then_some(on)
}

impl From<Consent> for ConsentPolicy {
    fn from(consent: Consent) -> Self {
        match consent {
            Consent::Required => Self::Required,
            Consent::Implicit => Self::Implicit,
        }
    }
}

impl From<Guard> for Option<PkcePolicy> {
    fn from(pkce: Guard) -> Self {
        match pkce {
            Guard::Required => Some(PkcePolicy::Required),
            Guard::PkceOrNonce => Some(PkcePolicy::PkceOrNonce),
            Guard::Optional => Some(PkcePolicy::Optional),
            Guard::Default => None,
        }
    }
}

impl From<Format> for AccessTokenFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Jwt => Self::Jwt,
            Format::Opaque => Self::Opaque,
        }
    }
}

fn response_type() -> impl TypedValueParser<Value = ResponseType> {
    PossibleValuesParser::new(ResponseType::ALL.map(ResponseType::as_str))
        .try_map(|text| ResponseType::parse(&text).ok_or("unknown response type"))
}

fn grant_type() -> impl TypedValueParser<Value = GrantType> {
    PossibleValuesParser::new(GrantType::ALL.map(GrantType::as_str))
        .try_map(|text| GrantType::parse(&text).ok_or("unknown grant type"))
}
