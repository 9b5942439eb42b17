//! What an operator can do to grants, and how a grant looks to them.

use super::{Answer, Outcome};
use crate::commands::shown;
use protocol::{ClientId, GrantId, Scope};
use provider::admin::GrantsOf;
use provider::{Ctx, Provider};
use serde::{Deserialize, Serialize};
use storage::grant::Grant;

/// One thing to do to grants.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GrantOperation {
    List { user: Option<String>, client: Option<ClientId>, after: Option<GrantId>, limit: u32 },
    End { id: GrantId },
    EndOfUser { login: String },
    EndOfClient { client: ClientId },
}

impl GrantOperation {
    /// What stands in the log.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::List { .. } => "list_grants",
            Self::End { .. } => "end_grant",
            Self::EndOfUser { .. } => "end_user_grants",
            Self::EndOfClient { .. } => "end_client_grants",
        }
    }

    pub(super) async fn perform(self, provider: &Provider, ctx: &mut Ctx) -> Answer {
        match self {
            Self::List { user, client, after, limit } => {
                let user = match user {
                    Some(login) => Some(provider.find_user(&login).await?.id),
                    None => None,
                };
                if let Some(client) = &client {
                    provider.find_client(client).await?;
                }
                let page = provider.list_grants(ctx, GrantsOf { user, client }, after, limit).await?;
                let grants = page.grants.into_iter().map(Into::into).collect();
                return Ok(Outcome::Grants { grants, next: page.next });
            }
            Self::End { id } => provider.end_grant(ctx, id).await?,
            Self::EndOfUser { login } => provider.end_user_grants(ctx, &login).await?,
            Self::EndOfClient { client } => provider.end_client_grants(ctx, &client).await?,
        }
        Ok(Outcome::Done)
    }
}

/// A grant. Times are RFC 3339.
#[derive(Serialize, Deserialize)]
pub(crate) struct GrantView {
    pub(crate) id: GrantId,
    pub(crate) sub: String,
    pub(crate) username: String,
    pub(crate) client_id: ClientId,
    pub(crate) scope: Scope,
    /// Whether it outlives its session.
    pub(crate) offline: bool,
    pub(crate) created_at: String,
    pub(crate) expires_at: String,
}

impl From<Grant> for GrantView {
    fn from(grant: Grant) -> Self {
        let granted = grant.granted;
        Self {
            id: granted.id,
            sub: granted.user_id.to_string(),
            username: grant.user.username,
            client_id: granted.client_id,
            scope: granted.scope,
            offline: granted.offline,
            created_at: shown::time(granted.created_at),
            expires_at: shown::time(granted.expires_at),
        }
    }
}
