//! The token endpoint (RFC 6749 section 3.2): one pipeline for every grant type.
//!
//! 1. Authenticate the client; does it ask too often?
//! 2. Is the grant type offered, and allowed to it?
//! 3. The grant type's own part: is what was presented good, and what stands on it?
//! 4. Issue.
//! 5. Spend what was presented and store what was issued, in one command.

mod authorization_code;
mod client_credentials;
mod device_code;
mod jwt_bearer;
mod keycloak;
mod refresh_token;
mod token_exchange;

pub use keycloak::KeycloakTokenResponse;

use crate::clients::request::ClientRequest;
use crate::tokens::issue::Issued;
use crate::tokens::scope;
use crate::{Ctx, Provider, ProviderError};
use crypto::OpaqueToken;
use protocol::{
    AccessTokenId, AuditEvent, ErrorCode, GrantId, GrantType, OAuthError, RefreshTokenId, Scope,
    TokenTypeUri, UserId,
};
use serde::Serialize;
use std::time::Duration;
use storage::client::RegisteredClient;
use storage::grant::Grant;
use storage::refresh_token::{NewRefreshToken, RefreshTokenById};

/// A successful answer (RFC 6749 section 5.1, OpenID Connect Core section 3.1.3.3).
#[derive(Serialize)]
pub struct TokenResponse {
    access_token: String,
    /// RFC 8693 section 2.2.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
    token_type: &'static str,
    /// Seconds.
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    scope: Scope,
    #[serde(skip)]
    what: (AccessTokenId, Option<UserId>, Option<GrantId>),
}

impl TokenResponse {
    fn new(issued: Issued, refresh_token: Option<&OpaqueToken>) -> Self {
        Self {
            access_token: issued.access_token,
            issued_token_type: None,
            token_type: "Bearer",
            expires_in: issued.expires_in,
            refresh_token: refresh_token.map(OpaqueToken::reveal),
            id_token: issued.id_token,
            scope: issued.scope,
            what: issued.what,
        }
    }

    fn exchanged(issued: Issued, as_what: TokenTypeUri) -> Self {
        Self { issued_token_type: Some(as_what.as_str()), ..Self::new(issued, None) }
    }
}

impl Provider {
    /// Answers a token request.
    ///
    /// # Errors
    /// The error codes of RFC 6749 section 5.2; overload and unavailability of what this server stands on.
    pub async fn token(
        &self,
        ctx: &mut Ctx,
        request: &ClientRequest,
    ) -> Result<TokenResponse, ProviderError> {
        let named = self.named_by_refresh_token(request).await?;
        let request = named.as_ref().unwrap_or(request);
        let client = self.authenticate_client(ctx, request).await?;
        self.inner.budgets.spend(&client.client, ctx.now)?;
        let params = &request.params;
        let grant_type = GrantType::parse(params.require("grant_type")?).ok_or_else(|| {
            ProviderError::oauth(ErrorCode::UnsupportedGrantType, "this grant_type is not offered")
        })?;
        if !client.client.grant_types.contains(&grant_type) {
            let why = "this client is not registered for this grant_type";
            let refused = OAuthError::new(ErrorCode::UnauthorizedClient, why);
            return Err(refused.admitted_by("client set --grant-type").into());
        }
        let answered = match grant_type {
            GrantType::AuthorizationCode => self.redeem_authorization_code(ctx, &client, params).await,
            GrantType::RefreshToken => self.refresh(ctx, &client, params).await,
            GrantType::ClientCredentials => self.client_credentials(ctx, &client, params).await,
            GrantType::TokenExchange => self.exchange(ctx, &client.client, params).await,
            GrantType::DeviceCode => self.redeem_device_code(ctx, &client, params).await,
            GrantType::JwtBearer => self.jwt_bearer(ctx, &client, params).await,
        }?;
        self.tell_use(ctx, || {
            let ((token, user, grant), client) = (answered.what, client.client.id.clone());
            AuditEvent::AccessTokenIssued { client, grant_type, token, user, grant }
        });
        Ok(answered)
    }

    /// A client that says nothing of who it is, and is named by the refresh token it presents: it could be any, so only a public one is
    /// admitted so (RFC 6749 section 6 asks for authentication of those that can).
    async fn named_by_refresh_token(
        &self,
        request: &ClientRequest,
    ) -> Result<Option<ClientRequest>, ProviderError> {
        let params = &request.params;
        let says = ["client_id", "client_assertion"].iter().any(|name| params.get(name).is_some());
        let refreshes = params.get("grant_type") == Some(GrantType::RefreshToken.as_str());
        if says || request.authorization.is_some() || !refreshes {
            return Ok(None);
        }
        let Some(token) = params.get("refresh_token").and_then(OpaqueToken::parse) else { return Ok(None) };
        let id = RefreshTokenId::from_bytes(token.selector());
        let stored = self.inner.store.read(RefreshTokenById(id)).await?;
        let stored = stored.filter(|stored| token.matches(&stored.issued.secret_hash));
        Ok(stored.map(|stored| ClientRequest {
            params: params.clone().with("client_id", stored.issued.client_id.as_str()),
            authorization: None,
        }))
    }

    /// The first refresh token of a grant, if the client may refresh: bound already, if it is to be, and still to be stored.
    async fn first_refresh_token(
        &self,
        ctx: &mut Ctx,
        client: &RegisteredClient,
        grant: &Grant,
    ) -> Result<Option<(OpaqueToken, NewRefreshToken)>, ProviderError> {
        let may_refresh = client.client.grant_types.contains(&GrantType::RefreshToken);
        if !may_refresh || !scope::is_refreshable(grant, &client.client) {
            return Ok(None);
        }
        self.bind_refresh_tokens(ctx, &client.client, grant).await?;
        let id = RefreshTokenId::new(ctx.now, ctx.id());
        let token = ctx.opaque(id.as_bytes());
        let stored = NewRefreshToken {
            id,
            secret_hash: token.hash(),
            grant_id: grant.granted.id,
            client_id: client.client.id.clone(),
            generation: 0,
            created_at: ctx.now,
            expires_at: (ctx.now + self.refresh_token_lifetime(client)).min(grant.granted.expires_at),
        };
        Ok(Some((token, stored)))
    }

    /// How long an unused refresh token of this client lives.
    fn refresh_token_lifetime(&self, client: &RegisteredClient) -> Duration {
        client
            .client
            .refresh_token_lifetime
            .map_or(self.inner.settings.refresh_token_lifetime, |seconds| Duration::from_secs(seconds.into()))
    }
}

/// RFC 6749 section 5.2: "invalid, expired, revoked, .. or was issued to another client" are told alike.
fn invalid_grant(description: &'static str) -> ProviderError {
    ProviderError::oauth(ErrorCode::InvalidGrant, description)
}

/// The grant, if tokens may still be issued on it.
fn standing(grant: Option<Grant>, client: &RegisteredClient, ctx: &Ctx) -> Result<Grant, ProviderError> {
    grant
        .filter(|grant| grant.stands(ctx.now) && client.stands_since(grant.granted.created_at))
        .ok_or_else(|| invalid_grant("the grant is over: sign in again"))
}
