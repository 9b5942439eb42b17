//! The refresh_token grant type (RFC 6749 section 6) with rotation and reuse detection (RFC 9700 section 4.14.2).
//!
//! A successor is derived from the token it replaces. Whoever presents the old one again gets the *same* successor for as long as that is
//! unspent and the grace lasts: a client that lost the answer, another tab of the same application. Once the successor was spent, the old one
//! can only come from a thief, and the grant dies. A confidential client may be registered to keep its refresh token.

use super::{TokenResponse, invalid_grant, standing};
use crate::tokens::issue::{Issue, Issued, Subject};
use crate::tokens::scope;
use crate::{Ctx, Provider, ProviderError};
use crypto::OpaqueToken;
use protocol::{AuditEvent, Params, RefreshTokenId, Timestamp};
use std::time::Duration;
use storage::access_token::AddAccessToken;
use storage::client::RegisteredClient;
use storage::grant::{Grant, GrantById};
use storage::refresh_token::{
    NewRefreshToken, RefreshToken, RefreshTokenById, RotateRefreshToken, UseRefreshToken,
};

impl Provider {
    pub(super) async fn refresh(
        &self,
        ctx: &mut Ctx,
        client: &RegisteredClient,
        params: &Params,
    ) -> Result<TokenResponse, ProviderError> {
        let unknown = || invalid_grant("the refresh token is not known to be this client's");
        let presented = OpaqueToken::parse(params.require("refresh_token")?).ok_or_else(unknown)?;
        let id = RefreshTokenId::from_bytes(presented.selector());
        let stored = self.inner.store.read(RefreshTokenById(id)).await?;
        let stored = stored
            .filter(|stored| {
                presented.matches(&stored.issued.secret_hash) && stored.issued.client_id == client.client.id
            })
            .ok_or_else(unknown)?;
        let grant = self.inner.store.read(GrantById(stored.issued.grant_id)).await?;
        let grant = standing(grant, client, ctx)?;
        if !scope::is_refreshable(&grant, &client.client) {
            return Err(invalid_grant("offline_access was taken from this client: sign in again"));
        }
        self.check_refresh_binding(ctx, &client.client, grant.granted.id).await?;
        if stored.spent_at.is_none() && ctx.now >= stored.issued.expires_at {
            return Err(invalid_grant("the refresh token has expired"));
        }
        // RFC 6749 section 6: what was granted, or less; the grant itself stays as wide as it was.
        let granted = scope::left_of(&grant, &client.client)?;
        let asked = scope::answered(params, &granted, &granted)?;
        let scope = scope::keeping_offline(&granted, &asked);
        let audience = self.audience(&client.client, &grant.granted.resources, params)?;
        let issue = Issue { audience, ..Issue::new(&client.client, Subject::Grant(&grant), scope) };
        let issued = self.issue(ctx, issue).await?;
        if stored.spent_at.is_some() {
            return self.retry(ctx, client, (&presented, &stored), issued).await;
        }
        if client.client.keeps_refresh_tokens() {
            return self.keep(ctx, client, (&presented, &stored, &grant), issued).await;
        }
        self.rotate(ctx, client, (&presented, &stored, &grant), issued).await
    }

    /// When a refresh token of this client ends that is used now and then no more.
    fn refresh_token_end(&self, ctx: &Ctx, client: &RegisteredClient, grant: &Grant) -> Timestamp {
        (ctx.now + self.refresh_token_lifetime(client)).min(grant.granted.expires_at)
    }

    /// The same refresh token again, which lives on.
    async fn keep(
        &self,
        ctx: &Ctx,
        client: &RegisteredClient,
        (presented, stored, grant): (&OpaqueToken, &RefreshToken, &Grant),
        issued: Issued,
    ) -> Result<TokenResponse, ProviderError> {
        let expires_at = self.refresh_token_end(ctx, client, grant);
        let moves = expires_at.since(stored.issued.expires_at) >= self.inner.settings.touch_every;
        if moves || issued.stored.is_some() {
            let used = UseRefreshToken {
                id: stored.issued.id,
                grant_id: stored.issued.grant_id,
                expires_at,
                access_token: issued.stored.clone(),
            };
            if !self.inner.store.write(used).await? {
                return Err(invalid_grant("the grant is over: sign in again"));
            }
        }
        Ok(TokenResponse::new(issued, Some(presented)))
    }

    async fn rotate(
        &self,
        ctx: &mut Ctx,
        client: &RegisteredClient,
        (presented, stored, grant): (&OpaqueToken, &RefreshToken, &Grant),
        issued: Issued,
    ) -> Result<TokenResponse, ProviderError> {
        let id = RefreshTokenId::new(ctx.now, ctx.id());
        let successor = self.successor(presented, stored, id);
        let rotation = RotateRefreshToken {
            presented: stored.issued.id,
            successor: NewRefreshToken {
                id,
                secret_hash: successor.hash(),
                grant_id: stored.issued.grant_id,
                client_id: stored.issued.client_id.clone(),
                generation: stored.issued.generation.saturating_add(1),
                created_at: ctx.now,
                expires_at: self.refresh_token_end(ctx, client, grant),
            },
            access_token: issued.stored.clone(),
            at: ctx.now,
        };
        if self.inner.store.write(rotation).await? {
            return Ok(TokenResponse::new(issued, Some(&successor)));
        }
        // Two requests at once: the other one rotated. This one is a retry of it.
        let now_stored = self.inner.store.read(RefreshTokenById(stored.issued.id)).await?;
        match now_stored {
            Some(stored) if stored.spent_at.is_some() => {
                self.retry(ctx, client, (presented, &stored), issued).await
            }
            _ => Err(invalid_grant("the grant is over: sign in again")),
        }
    }

    /// A spent token again: the same successor while that is unspent and the grace lasts; otherwise theft.
    async fn retry(
        &self,
        ctx: &Ctx,
        client: &RegisteredClient,
        (presented, stored): (&OpaqueToken, &RefreshToken),
        issued: Issued,
    ) -> Result<TokenResponse, ProviderError> {
        let grace = self.refresh_grace(client);
        let in_grace = stored.spent_at.is_some_and(|spent| ctx.now.since(spent) <= grace);
        let successor = match stored.successor_id {
            Some(id) if in_grace => self.inner.store.read(RefreshTokenById(id)).await?,
            _ => None,
        };
        let Some(successor) = successor.filter(|successor| successor.spent_at.is_none()) else {
            let grant = stored.issued.grant_id;
            tracing::warn!(%grant, request_id = %ctx.request_id, "RefreshTokenReused: grant revoked");
            let event = AuditEvent::RefreshTokenReused { grant, client: stored.issued.client_id.clone() };
            self.revoke_grant(ctx, grant, event).await?;
            return Err(invalid_grant("the refresh token was used before; the grant is revoked"));
        };
        if let Some(access_token) = issued.stored.clone() {
            self.inner.store.write(AddAccessToken(access_token)).await?;
        }
        let successor = self.successor(presented, stored, successor.issued.id);
        Ok(TokenResponse::new(issued, Some(&successor)))
    }

    /// How long a spent refresh token gets its successor again: as long as an access token lives, or less. Who has one needs no other before.
    fn refresh_grace(&self, client: &RegisteredClient) -> Duration {
        let most = self.access_token_lifetime(&client.client);
        let own = client.client.refresh_grace.map(|seconds| Duration::from_secs(seconds.into()));
        own.or(self.inner.settings.refresh_grace).map_or(most, |grace| grace.min(most))
    }

    fn successor(&self, presented: &OpaqueToken, stored: &RefreshToken, id: RefreshTokenId) -> OpaqueToken {
        self.inner.refresh_derivation.successor(presented, stored.issued.generation, *id.as_bytes())
    }
}
