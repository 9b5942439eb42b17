//! Token revocation (RFC 7009): a refresh token takes its grant with it, an access token only itself.

use crate::clients::request::ClientRequest;
use crate::tokens::access_token::VerifiedAccessToken;
use crate::{Ctx, Provider, ProviderError};
use crypto::OpaqueToken;
use protocol::{AuditEvent, ClientId, ErrorCode, RefreshTokenId, Timestamp};
use std::sync::Arc;
use storage::refresh_token::RefreshTokenById;
use storage::revocation::{Revocation, RevokeAccessToken};

impl Provider {
    /// Ends an access token at the wish of whoever holds it: holding it is all that a bearer token asks for.
    ///
    /// # Errors
    /// `invalid_token` when it is not good, or no more.
    pub async fn give_up(&self, ctx: &Ctx, access_token: &str) -> Result<(), ProviderError> {
        let token = self.held(ctx, access_token).await?;
        self.revoke_access_token(ctx, &token).await
    }

    /// Ends the grant that an access token stands on, and so every token of it, at the wish of whoever holds it; where there is none, the token.
    ///
    /// # Errors
    /// `invalid_token` when it is not good, or no more.
    pub async fn give_up_grant(&self, ctx: &Ctx, access_token: &str) -> Result<(), ProviderError> {
        let token = self.held(ctx, access_token).await?;
        let Some(grant) = token.grant_id else { return self.revoke_access_token(ctx, &token).await };
        let event = AuditEvent::GrantRevoked { grant, client: token.client_id.clone() };
        self.revoke_grant(ctx, grant, event).await
    }

    async fn held(&self, ctx: &Ctx, access_token: &str) -> Result<Arc<VerifiedAccessToken>, ProviderError> {
        let token = self.look_at_access_token(ctx, access_token).await?;
        token
            .filter(|token| token.may_be_presented(ctx))
            .ok_or_else(|| ProviderError::oauth(ErrorCode::InvalidToken, "the access token is not valid"))
    }

    async fn revoke_access_token(&self, ctx: &Ctx, token: &VerifiedAccessToken) -> Result<(), ProviderError> {
        let revocation = Revocation {
            id: *token.id.as_bytes(),
            revoked_at: ctx.now,
            expires_at: Timestamp::from_seconds(token.claims.exp),
        };
        let event = AuditEvent::AccessTokenRevoked {
            token: token.id,
            client: token.client_id.clone(),
            user: token.user_id,
        };
        let revoke = self.audited(ctx, RevokeAccessToken(revocation), event);
        self.commit(ctx, revoke).await?;
        Ok(())
    }

    /// Answers a revocation request. A token nobody knows is as good as revoked (RFC 7009 section 2.2).
    ///
    /// # Errors
    /// `invalid_client`, `invalid_request`, and `unauthorized_client` for another client's token (RFC 7009 section 2.1).
    pub async fn revoke(&self, ctx: &Ctx, request: &ClientRequest) -> Result<(), ProviderError> {
        let caller = self.authenticate_client(ctx, request).await?;
        let presented = request.params.require("token")?;
        if let Some(token) = self.look_at_access_token(ctx, presented).await? {
            own(&token.client_id, &caller.client.id)?;
            return self.revoke_access_token(ctx, &token).await;
        }
        let Some(token) = OpaqueToken::parse(presented) else { return Ok(()) };
        let id = RefreshTokenId::from_bytes(token.selector());
        let stored = self.inner.store.read(RefreshTokenById(id)).await?;
        let Some(stored) = stored.filter(|stored| token.matches(&stored.issued.secret_hash)) else {
            return Ok(());
        };
        own(&stored.issued.client_id, &caller.client.id)?;
        // RFC 7009 section 2.1: a refresh token's revocation SHOULD take the access tokens of the same grant with it.
        let grant = stored.issued.grant_id;
        let event = AuditEvent::GrantRevoked { grant, client: stored.issued.client_id };
        self.revoke_grant(ctx, grant, event).await
    }
}

fn own(issued_to: &ClientId, caller: &ClientId) -> Result<(), ProviderError> {
    if issued_to == caller {
        return Ok(());
    }
    Err(ProviderError::oauth(ErrorCode::UnauthorizedClient, "the token was issued to another client"))
}
