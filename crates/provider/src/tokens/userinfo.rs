//! The UserInfo endpoint (OpenID Connect Core section 5.3): the claims an access token opens, as they are now.

use crate::tokens::issue::user_claims;
use crate::{Ctx, Provider, ProviderError};
use protocol::claims::visible;
use protocol::{AuditEvent, CheckedAt, ErrorCode, Scope};
use serde_json::{Map, Value};
use storage::grant::GrantById;

impl Provider {
    /// The claims this access token opens.
    ///
    /// # Errors
    /// `invalid_token` or `insufficient_scope` (RFC 6750 section 3.1).
    pub async fn userinfo(&self, ctx: &Ctx, access_token: &str) -> Result<Map<String, Value>, ProviderError> {
        let claims = self.opened_claims(ctx, access_token).await;
        if matches!(&claims, Err(ProviderError::OAuth(_))) {
            self.tell_use(ctx, || AuditEvent::CredentialRefused { at: CheckedAt::Userinfo, client: None });
        }
        claims
    }

    async fn opened_claims(
        &self,
        ctx: &Ctx,
        access_token: &str,
    ) -> Result<Map<String, Value>, ProviderError> {
        let invalid = || ProviderError::oauth(ErrorCode::InvalidToken, "the access token is not valid");
        let token = self.verify_own_access_token(ctx, access_token).await?.ok_or_else(invalid)?;
        if !token.claims.scope.contains(Scope::OPENID) {
            return Err(ProviderError::oauth(ErrorCode::InsufficientScope, "the openid scope is required"));
        }
        let grant = self.inner.store.read(GrantById(token.grant_id.ok_or_else(invalid)?)).await?;
        let grant = grant.filter(|grant| grant.stands(ctx.now)).ok_or_else(invalid)?;
        // What the grant's client asked for by name is not for whoever exchanged its token.
        let own = grant.granted.client_id == token.client_id;
        let named = grant.granted.claims.userinfo.keys().filter(|_| own);
        let mut claims = visible(&user_claims(&grant.user), &token.claims.scope, named);
        let named = |name: &str| own && grant.granted.claims.userinfo.contains_key(name);
        if let Some(service) = self.current_service_claims(ctx.now, &token).await?
            && let Value::Object(service) = serde_json::to_value(service)?
        {
            claims.extend(service.into_iter().filter(|(name, _)| named(name)));
        }
        // OpenID Connect Core section 5.3.2: always, and the ID Token's.
        claims.insert("sub".to_owned(), token.claims.sub.clone().into());
        Ok(claims)
    }
}
