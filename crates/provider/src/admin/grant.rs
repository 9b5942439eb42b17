//! Grants, as an operator sees and ends them: one, all of a user, all of a client.

use super::AdminError;
use crate::settings::MAX_ACCESS_TOKEN_LIFETIME;
use crate::{Ctx, Provider};
use protocol::{AuditEvent, ClientId, GrantId, UserId};
use std::collections::HashMap;
use storage::client::{ClientById, EndClientGrants, RegisteredClient};
use storage::grant::{Grant, GrantById, ListGrants};
use storage::user::EndUserGrants;

/// Which grants are listed.
#[derive(Debug, Clone, Default)]
pub struct GrantsOf {
    /// Of this user only.
    pub user: Option<UserId>,
    /// To this client only.
    pub client: Option<ClientId>,
}

/// A page of grants.
#[derive(Debug)]
pub struct GrantPage {
    /// Those of it that stand.
    pub grants: Vec<Grant>,
    /// The last one that was looked at; none when there is no further page.
    pub next: Option<GrantId>,
}

impl Provider {
    /// Grants that stand, in the order in which they were made, a page at a time. All grants are looked through: there may be millions.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn list_grants(
        &self,
        ctx: &Ctx,
        of: GrantsOf,
        after: Option<GrantId>,
        limit: u32,
    ) -> Result<GrantPage, AdminError> {
        let limit = limit.clamp(1, 1_000);
        let list = ListGrants { user: of.user, client: of.client, after, limit, now: ctx.now };
        let page = self.inner.store.read(list).await?;
        let full = page.len() == limit as usize;
        let next = page.last().filter(|_| full).map(|grant| grant.granted.id);
        let mut clients: HashMap<ClientId, Option<RegisteredClient>> = HashMap::new();
        let mut grants = Vec::new();
        for grant in page {
            let id = &grant.granted.client_id;
            if !clients.contains_key(id) {
                clients.insert(id.clone(), self.inner.store.read(ClientById(id)).await?);
            }
            let client = clients.get(id).and_then(Option::as_ref);
            if grant.stands(ctx.now)
                && client.is_some_and(|client| client.stands_since(grant.granted.created_at))
            {
                grants.push(grant);
            }
        }
        Ok(GrantPage { grants, next })
    }

    /// Ends a grant and every token that stands on it.
    ///
    /// # Errors
    /// When there is no such grant, or it was revoked before.
    pub async fn end_grant(&self, ctx: &Ctx, id: GrantId) -> Result<(), AdminError> {
        let grant = self.inner.store.read(GrantById(id)).await?;
        let standing = grant.filter(|grant| grant.revoked_at.is_none());
        let grant = standing.ok_or_else(|| AdminError::Unknown(format!("grant {id} that stands")))?;
        let event = AuditEvent::GrantRevoked { grant: id, client: grant.granted.client_id };
        Ok(self.revoke_grant(ctx, id, event).await?)
    }

    /// Ends every grant that was made for a client and every token issued to it until now, whoever holds what was exchanged for it.
    ///
    /// # Errors
    /// When there is no such client.
    pub async fn end_client_grants(&self, ctx: &Ctx, id: &ClientId) -> Result<(), AdminError> {
        let ended = AuditEvent::ClientGrantsEnded { client: id.clone() };
        let end = self.audited(ctx, EndClientGrants { client: id.clone(), at: ctx.now }, ended);
        match self.commit(ctx, end).await? {
            true => Ok(()),
            false => Err(AdminError::Unknown(format!("client {id}"))),
        }
    }

    /// Ends a user's sessions and every grant and token until now. A session would make a grant anew, unasked.
    ///
    /// # Errors
    /// When there is no such user.
    pub async fn end_user_grants(&self, ctx: &Ctx, login: &str) -> Result<(), AdminError> {
        let user = self.find_user(login).await?.id;
        let revoked_until = ctx.now + MAX_ACCESS_TOKEN_LIFETIME;
        let end = EndUserGrants { user, at: ctx.now, revoked_until };
        let end = self.audited(ctx, end, AuditEvent::UserGrantsEnded { user });
        match self.commit(ctx, end).await? {
            true => Ok(()),
            false => Err(AdminError::Unknown(format!("user {login}"))),
        }
    }
}
