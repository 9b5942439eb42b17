//! The token endpoint's answer as clients of Keycloak read it: the same tokens, with the members they look for, and refresh tokens that can
//! be decoded. Those are our opaque ones in an envelope, whose claims nothing here relies on.

use super::TokenResponse;
use crate::clients::request::ClientRequest;
use crate::{Ctx, Provider, ProviderError};
use crypto::OpaqueToken;
use protocol::{RefreshTokenId, Scope, SessionId, Timestamp};
use serde::{Deserialize, Serialize};
use storage::grant::{Grant, GrantById};
use storage::refresh_token::RefreshTokenById;

/// A successful answer.
#[derive(Serialize)]
pub struct KeycloakTokenResponse {
    #[serde(flatten)]
    tokens: TokenResponse,
    /// Seconds; nothing for a refresh token that outlives its session, and where there is none.
    refresh_expires_in: u64,
    #[serde(rename = "not-before-policy")]
    not_before_policy: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_state: Option<SessionId>,
}

/// What an envelope says.
#[derive(Serialize)]
struct Envelope<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    iat: i64,
    /// The refresh token.
    jti: &'a str,
    iss: &'a str,
    aud: &'a str,
    sub: String,
    typ: &'static str,
    azp: &'a str,
    sid: String,
    scope: &'a Scope,
}

/// What is read of one.
#[derive(Deserialize)]
struct Enveloped {
    jti: String,
}

impl Provider {
    /// Answers a token request of a client of Keycloak.
    ///
    /// # Errors
    /// As [`Provider::token`].
    pub async fn keycloak_token(
        &self,
        ctx: &mut Ctx,
        request: ClientRequest,
    ) -> Result<KeycloakTokenResponse, ProviderError> {
        let request = self.opened_request(request);
        let mut tokens = self.token(ctx, &request).await?;
        let grant = match tokens.what.2 {
            Some(id) => self.inner.store.read(GrantById(id)).await?,
            None => None,
        };
        let mut refresh_expires_in = 0;
        if let (Some(grant), Some(refresh_token)) = (&grant, &tokens.refresh_token)
            && let Some(id) = OpaqueToken::parse(refresh_token).map(|token| token.selector())
            && let Some(stored) =
                self.inner.store.read(RefreshTokenById(RefreshTokenId::from_bytes(id))).await?
        {
            let ends_at = (!grant.granted.offline).then_some(stored.issued.expires_at);
            refresh_expires_in = ends_at.map_or(0, |at| at.since(ctx.now).as_secs());
            tokens.refresh_token = Some(self.envelope(ctx.now, refresh_token, grant, ends_at)?);
        }
        Ok(KeycloakTokenResponse {
            tokens,
            refresh_expires_in,
            not_before_policy: 0,
            session_state: grant.map(|grant| grant.granted.session_id),
        })
    }

    /// The same request with its refresh token taken out of its envelope, if it is in one.
    pub fn opened_request(&self, request: ClientRequest) -> ClientRequest {
        let ClientRequest { mut params, authorization } = request;
        for name in ["refresh_token", "token"] {
            let opened =
                params.get(name).and_then(|presented| self.inner.refresh_derivation.opened(presented));
            let envelope = opened.and_then(|claims| serde_json::from_slice::<Enveloped>(&claims).ok());
            if let Some(Enveloped { jti }) = envelope {
                params = params.with(name, &jti);
            }
        }
        ClientRequest { params, authorization }
    }

    fn envelope(
        &self,
        now: Timestamp,
        refresh_token: &str,
        grant: &Grant,
        ends_at: Option<Timestamp>,
    ) -> Result<String, ProviderError> {
        let granted = &grant.granted;
        let issuer = &self.inner.settings.issuer;
        let claims = Envelope {
            exp: ends_at.map(Timestamp::seconds),
            iat: now.seconds(),
            jti: refresh_token,
            iss: issuer,
            aud: issuer,
            sub: granted.user_id.to_string(),
            typ: if granted.offline { "Offline" } else { "Refresh" },
            azp: granted.client_id.as_str(),
            sid: granted.session_id.to_string(),
            scope: &granted.scope,
        };
        Ok(self.inner.refresh_derivation.enveloped(&serde_json::to_vec(&claims)?))
    }
}
