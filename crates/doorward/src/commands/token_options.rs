//! What a client's tokens and answers say, and how long they are good: a part of what can be said about a client on the command line.

use super::client_options::{given, switch};
use crate::settings;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use protocol::{AccessTokenType, Client, Scope, SigningAlgorithm};

#[derive(Args)]
pub(crate) struct TokenOptions {
    /// What a request that names no scope asks for, separated by spaces; without it, all it may have
    #[arg(long, value_name = "SCOPE", overrides_with = "no_default_scope")]
    default_scope: Option<Scope>,
    /// A request that names no scope asks for all it may have
    #[arg(long, overrides_with = "default_scope")]
    no_default_scope: bool,
    /// What signs its JWT access tokens; without it, the installation's setting
    #[arg(long, value_parser = algorithm())]
    access_token_alg: Option<SigningAlgorithm>,
    /// What signs its ID Tokens
    #[arg(long, value_parser = algorithm())]
    id_token_alg: Option<SigningAlgorithm>,
    /// The typ of its JWT access tokens; JWT is for resource servers older than RFC 9068
    #[arg(long, value_name = "TYPE", value_parser = access_token_type())]
    access_token_type: Option<AccessTokenType>,
    /// Its JWT access tokens carry the claims of their scopes
    #[arg(long, overrides_with = "no_access_token_claims")]
    access_token_claims: bool,
    /// Its JWT access tokens say of their user who it is, and no more
    #[arg(long, overrides_with = "access_token_claims")]
    no_access_token_claims: bool,
    /// Its ID Tokens carry the claims of the scopes granted
    #[arg(long, overrides_with = "no_id_token_claims")]
    id_token_claims: bool,
    /// Its ID Tokens leave the claims of scopes to UserInfo
    #[arg(long, overrides_with = "id_token_claims")]
    no_id_token_claims: bool,
    /// Introspection tells it usernames, and the claims of the scopes granted
    #[arg(long, overrides_with = "no_introspects_claims")]
    introspects_claims: bool,
    /// Introspection tells it of a user who it is, and no more
    #[arg(long, overrides_with = "introspects_claims")]
    no_introspects_claims: bool,
    /// Each refresh token is good once, for its successor
    #[arg(long, overrides_with = "no_rotate_refresh_tokens")]
    rotate_refresh_tokens: bool,
    /// A refresh token is good until it expires; for confidential clients
    #[arg(long, overrides_with = "rotate_refresh_tokens")]
    no_rotate_refresh_tokens: bool,
    /// How long a refresh token that was used gets its unused successor again; at most as long as an access token lives
    #[arg(long, value_name = "DURATION", value_parser = settings::seconds)]
    refresh_grace: Option<u32>,
}

impl TokenOptions {
    /// Changes what was given.
    pub(super) fn apply(self, client: &mut Client) {
        given(&mut client.default_scope, self.default_scope.map(Some));
        given(&mut client.default_scope, self.no_default_scope.then_some(None));
        given(&mut client.access_token_signed_response_alg, self.access_token_alg.map(Some));
        given(&mut client.id_token_signed_response_alg, self.id_token_alg);
        given(&mut client.access_token_type, self.access_token_type);
        let claims = switch(self.access_token_claims, self.no_access_token_claims);
        given(&mut client.access_token_claims, claims);
        given(&mut client.id_token_claims, switch(self.id_token_claims, self.no_id_token_claims));
        let introspects = switch(self.introspects_claims, self.no_introspects_claims);
        given(&mut client.introspects_claims, introspects);
        let rotate = switch(self.rotate_refresh_tokens, self.no_rotate_refresh_tokens);
        given(&mut client.rotate_refresh_tokens, rotate);
        given(&mut client.refresh_grace, self.refresh_grace.map(Some));
    }
}

/// What `client show` says of it; empty values are not shown.
pub(super) fn shown(client: &Client) -> Vec<(&'static str, String)> {
    let yes = |holds: bool, what: &str| if holds { what.to_owned() } else { String::new() };
    let algorithm = client.access_token_signed_response_alg;
    vec![
        ("default scope", client.default_scope.as_ref().map(Scope::to_string).unwrap_or_default()),
        ("access token algorithm", algorithm.map_or("the installation's", |alg| alg.as_str()).to_owned()),
        ("access token type", client.access_token_type.as_str().to_owned()),
        ("access tokens say", yes(client.access_token_claims, "the claims of their scopes")),
        ("ID Token algorithm", client.id_token_signed_response_alg.as_str().to_owned()),
        ("ID Tokens say", yes(client.id_token_claims, "the claims of the scopes granted")),
        ("introspection says", yes(client.introspects_claims, "usernames and claims")),
        ("refresh tokens", yes(client.keeps_refresh_tokens(), "are kept until they expire")),
        ("refresh grace", client.refresh_grace.map(|seconds| format!("{seconds} s")).unwrap_or_default()),
    ]
}

pub(super) fn access_token_type() -> impl TypedValueParser<Value = AccessTokenType> {
    PossibleValuesParser::new(AccessTokenType::ALL.map(AccessTokenType::as_str))
        .try_map(|text| text.parse::<AccessTokenType>())
}

pub(super) fn algorithm() -> impl TypedValueParser<Value = SigningAlgorithm> {
    PossibleValuesParser::new(SigningAlgorithm::ALL.map(SigningAlgorithm::as_str))
        .try_map(|text| text.parse::<SigningAlgorithm>())
}
