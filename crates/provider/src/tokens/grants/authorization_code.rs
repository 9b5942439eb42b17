//! The authorization_code grant type (RFC 6749 section 4.1.3, RFC 7636 section 4.6).

use super::{TokenResponse, invalid_grant, standing};
use crate::settings::MAX_ACCESS_TOKEN_LIFETIME;
use crate::tokens::issue::{Issue, Subject};
use crate::tokens::scope;
use crate::{Ctx, Provider, ProviderError};
use crypto::{OpaqueToken, pkce_s256_matches};
use protocol::{
    AuditEvent, AuthorizationCodeId, Client, ClientId, CodeVerifier, ErrorCode, GrantId, OAuthError, Params,
};
use storage::authorization_code::{AuthorizationCode, AuthorizationCodeById, SpendAuthorizationCode};
use storage::client::RegisteredClient;
use storage::grant::{GrantById, RevokeGrant};

impl Provider {
    pub(super) async fn redeem_authorization_code(
        &self,
        ctx: &mut Ctx,
        client: &RegisteredClient,
        params: &Params,
    ) -> Result<TokenResponse, ProviderError> {
        let code = self.presented_code(ctx, client, params.require("code")?).await?;
        check_redirect_uri(&client.client, &code, params)?;
        check_code_verifier(&code, params)?;
        let grant = standing(self.inner.store.read(GrantById(code.issued.grant_id)).await?, client, ctx)?;
        let scope = scope::left_of(&grant, &client.client)?;

        let issue = Issue {
            audience: self.audience(&client.client, &grant.granted.resources, params)?,
            nonce: code.issued.nonce.clone(),
            ..Issue::new(&client.client, Subject::Grant(&grant), scope)
        };
        let issued = self.issue(ctx, issue).await?;
        let refresh_token = self.first_refresh_token(ctx, client, &grant).await?;
        let spend = SpendAuthorizationCode {
            id: code.issued.id,
            grant_id: grant.granted.id,
            at: ctx.now,
            refresh_token: refresh_token.as_ref().map(|(_, stored)| stored.clone()),
            access_token: issued.stored.clone(),
        };
        if !self.inner.store.write(spend).await? {
            // Somebody was faster by a moment: the same as presenting it later.
            return Err(self.code_was_reused(ctx, grant.granted.id, &client.client.id).await?);
        }
        Ok(TokenResponse::new(issued, refresh_token.as_ref().map(|(token, _)| token)))
    }

    /// The code presented, if it is this client's and could be spent.
    async fn presented_code(
        &self,
        ctx: &Ctx,
        client: &RegisteredClient,
        presented: &str,
    ) -> Result<AuthorizationCode, ProviderError> {
        let unknown = || invalid_grant("the authorization code is not known to be this client's");
        let token = OpaqueToken::parse(presented).ok_or_else(unknown)?;
        let id = AuthorizationCodeId::from_bytes(token.selector());
        let code = self.inner.store.read(AuthorizationCodeById(id)).await?;
        let code = code
            .filter(|code| {
                token.matches(&code.issued.secret_hash) && code.issued.client_id == client.client.id
            })
            .ok_or_else(unknown)?;
        if code.spent_at.is_some() {
            return Err(self.code_was_reused(ctx, code.issued.grant_id, &client.client.id).await?);
        }
        if ctx.now >= code.issued.expires_at {
            return Err(invalid_grant("the authorization code has expired"));
        }
        Ok(code)
    }

    /// RFC 6749 section 4.1.2: the tokens issued on a code presented twice are revoked.
    async fn code_was_reused(
        &self,
        ctx: &Ctx,
        grant: GrantId,
        client: &ClientId,
    ) -> Result<ProviderError, ProviderError> {
        tracing::warn!(%grant, request_id = %ctx.request_id, "AuthorizationCodeReused: grant revoked");
        let event = AuditEvent::AuthorizationCodeReused { grant, client: client.clone() };
        self.revoke_grant(ctx, grant, event).await?;
        Ok(invalid_grant("the authorization code was used before; what it was exchanged for is revoked"))
    }

    /// Ends a grant and every token that stands on it, here at once; the event says why.
    pub(crate) async fn revoke_grant(
        &self,
        ctx: &Ctx,
        id: GrantId,
        event: AuditEvent,
    ) -> Result<(), ProviderError> {
        let revoked_until = ctx.now + MAX_ACCESS_TOKEN_LIFETIME;
        let command = self.audited(ctx, RevokeGrant { id, at: ctx.now, revoked_until }, event);
        self.commit(ctx, command).await?;
        Ok(())
    }
}

/// RFC 6749 section 4.1.3: required if the authorization request included it, and then identical; never another one. And one that was
/// taken from the client since is not where it gets its codes any more.
fn check_redirect_uri(client: &Client, code: &AuthorizationCode, params: &Params) -> Result<(), OAuthError> {
    if client.redirect_uri(&code.issued.redirect_uri).is_none() {
        return Err(OAuthError::new(
            ErrorCode::InvalidGrant,
            "the redirect_uri of the authorization request is not registered for this client any more",
        ));
    }
    match params.get("redirect_uri") {
        Some(presented) if presented == code.issued.redirect_uri => Ok(()),
        None if !code.issued.redirect_uri_given => Ok(()),
        _ => Err(OAuthError::new(
            ErrorCode::InvalidGrant,
            "redirect_uri is not the one of the authorization request",
        )),
    }
}

/// RFC 7636 section 4.6; RFC 9700 section 2.1.1: a verifier without a challenge is a downgrade, and refused as well.
fn check_code_verifier(code: &AuthorizationCode, params: &Params) -> Result<(), OAuthError> {
    let refused = |description| Err(OAuthError::new(ErrorCode::InvalidGrant, description));
    match (&code.issued.code_challenge, params.get("code_verifier")) {
        (None, None) => Ok(()),
        (Some(challenge), Some(presented)) => match CodeVerifier::parse(presented) {
            Ok(verifier) if pkce_s256_matches(verifier.as_str(), challenge.as_str()) => Ok(()),
            Ok(_) => refused("code_verifier does not match the code_challenge"),
            Err(_) => {
                refused("code_verifier is malformed: 43 to 128 letters, digits, -, ., _ or ~ are expected")
            }
        },
        (Some(_), None) => refused("code_verifier is missing"),
        (None, Some(_)) => refused("the authorization request had no code_challenge"),
    }
}
