//! The device code grant type (RFC 8628 sections 3.4 and 3.5).

use super::{TokenResponse, invalid_grant, standing};
use crate::device::Poll;
use crate::tokens::issue::{Issue, Subject};
use crate::tokens::scope;
use crate::{Ctx, Provider, ProviderError};
use crypto::OpaqueToken;
use protocol::{AuditEvent, ClientId, DeviceCodeId, ErrorCode, GrantId, Params};
use storage::client::RegisteredClient;
use storage::device_code::{Decided, DeviceCode, DeviceCodeById, SpendDeviceCode};
use storage::grant::GrantById;

impl Provider {
    pub(super) async fn redeem_device_code(
        &self,
        ctx: &mut Ctx,
        client: &RegisteredClient,
        params: &Params,
    ) -> Result<TokenResponse, ProviderError> {
        let code = self.presented_device_code(client, params.require("device_code")?).await?;
        let grant_id = self.allowed(ctx, &code).await?;
        let grant = standing(self.inner.store.read(GrantById(grant_id)).await?, client, ctx)?;
        let scope = scope::left_of(&grant, &client.client)?;
        let issue = Issue {
            audience: self.audience(&client.client, &grant.granted.resources, params)?,
            ..Issue::new(&client.client, Subject::Grant(&grant), scope)
        };
        let issued = self.issue(ctx, issue).await?;
        let refresh_token = self.first_refresh_token(ctx, client, &grant).await?;
        let spend = SpendDeviceCode {
            id: code.issued.id,
            grant_id,
            at: ctx.now,
            refresh_token: refresh_token.as_ref().map(|(_, stored)| stored.clone()),
            access_token: issued.stored.clone(),
        };
        if !self.inner.store.write(spend).await? {
            // Somebody was faster by a moment: the same as presenting it later.
            return Err(self.device_code_was_reused(ctx, grant_id, &client.client.id).await?);
        }
        self.inner.polls.forget(code.issued.id);
        Ok(TokenResponse::new(issued, refresh_token.as_ref().map(|(token, _)| token)))
    }

    /// The code presented, if it is this client's.
    async fn presented_device_code(
        &self,
        client: &RegisteredClient,
        presented: &str,
    ) -> Result<DeviceCode, ProviderError> {
        let unknown = || invalid_grant("the device code is not known to be this client's");
        let token = OpaqueToken::parse(presented).ok_or_else(unknown)?;
        let id = DeviceCodeId::from_bytes(token.selector());
        let code = self.inner.store.read(DeviceCodeById(id)).await?;
        code.filter(|code| {
            token.matches(&code.issued.secret_hash) && code.issued.client_id == client.client.id
        })
        .ok_or_else(unknown)
    }

    /// What the person allowed; otherwise what RFC 8628 section 3.5 has for it.
    async fn allowed(&self, ctx: &Ctx, code: &DeviceCode) -> Result<GrantId, ProviderError> {
        let id = code.issued.id;
        if let (Some(_), Some(Decided::Allowed(grant))) = (code.spent_at, code.decision) {
            return Err(self.device_code_was_reused(ctx, grant, &code.issued.client_id).await?);
        }
        if ctx.now >= code.issued.expires_at {
            self.inner.polls.forget(id);
            return refused(ErrorCode::ExpiredToken, "the device code has expired: begin again");
        }
        match code.decision {
            Some(Decided::Allowed(grant)) => Ok(grant),
            Some(Decided::Denied) => {
                self.inner.polls.forget(id);
                refused(ErrorCode::AccessDenied, "the person did not allow it")
            }
            None => match self.inner.polls.note(id, self.inner.settings.device_interval, ctx.now) {
                Poll::InTime => refused(ErrorCode::AuthorizationPending, "the person has not decided yet"),
                Poll::TooSoon => refused(ErrorCode::SlowDown, "wait five seconds longer between two polls"),
            },
        }
    }

    /// As for authorization codes (RFC 6749 section 4.1.2): the tokens issued on a code presented twice are revoked.
    async fn device_code_was_reused(
        &self,
        ctx: &Ctx,
        grant: GrantId,
        client: &ClientId,
    ) -> Result<ProviderError, ProviderError> {
        tracing::warn!(%grant, request_id = %ctx.request_id, "DeviceCodeReused: grant revoked");
        let event = AuditEvent::DeviceCodeReused { grant, client: client.clone() };
        self.revoke_grant(ctx, grant, event).await?;
        Ok(invalid_grant("the device code was used before; what it was exchanged for is revoked"))
    }
}

fn refused<T>(code: ErrorCode, description: &'static str) -> Result<T, ProviderError> {
    Err(ProviderError::oauth(code, description))
}
