//! What an operator can do to machines: service accounts and their keys, resource servers, and whom else's assertions are believed.

use super::perform::done;
use super::{Answer, Outcome};
use protocol::{ApiKeyId, AssertionIssuer, ClientId, ResourceIndicator, ResourceServer, Scope, Version};
use provider::admin::{NewApiKey, NewServiceAccount};
use provider::{Ctx, Provider};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Machines, and what they are asked by.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MachineOperation {
    AddAssertionIssuer(AssertionIssuer),
    ListAssertionIssuers,
    RemoveAssertionIssuer { issuer: String },
    AddServiceAccount { id: ClientId, name: String, scope: Scope, audience: Vec<String> },
    AddApiKey { service_account: ClientId, name: String, scope: Option<Scope>, expires_in: Option<Duration> },
    ListApiKeys { after: Option<ApiKeyId>, limit: u32 },
    RevokeApiKey { id: ApiKeyId },
    AddResourceServer(ResourceServer),
    ListResourceServers,
    FindResourceServer { identifier: ResourceIndicator },
    ReplaceResourceServer { server: ResourceServer, version: Version },
    RemoveResourceServer { identifier: ResourceIndicator },
}

impl MachineOperation {
    /// What stands in the log.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::AddAssertionIssuer(_) => "add_assertion_issuer",
            Self::ListAssertionIssuers => "list_assertion_issuers",
            Self::RemoveAssertionIssuer { .. } => "remove_assertion_issuer",
            Self::AddServiceAccount { .. } => "add_service_account",
            Self::AddApiKey { .. } => "add_api_key",
            Self::ListApiKeys { .. } => "list_api_keys",
            Self::RevokeApiKey { .. } => "revoke_api_key",
            Self::AddResourceServer(_) => "add_resource_server",
            Self::ListResourceServers => "list_resource_servers",
            Self::FindResourceServer { .. } => "find_resource_server",
            Self::ReplaceResourceServer { .. } => "replace_resource_server",
            Self::RemoveResourceServer { .. } => "remove_resource_server",
        }
    }

    /// Does it.
    pub(super) async fn perform(self, provider: &Provider, ctx: &mut Ctx) -> Answer {
        Ok(match self {
            Self::AddAssertionIssuer(issuer) => done(provider.add_assertion_issuer(ctx, issuer).await)?,
            Self::ListAssertionIssuers => Outcome::AssertionIssuers(provider.list_assertion_issuers().await?),
            Self::RemoveAssertionIssuer { issuer } => {
                done(provider.remove_assertion_issuer(ctx, issuer).await)?
            }
            Self::AddServiceAccount { id, name, scope, audience } => {
                let new = NewServiceAccount { id, name, scope, audience };
                Outcome::Client(provider.add_service_account(ctx, new).await?)
            }
            Self::AddApiKey { service_account: client_id, name, scope, expires_in } => {
                let created =
                    provider.add_api_key(ctx, NewApiKey { client_id, name, scope, expires_in }).await?;
                Outcome::ApiKeyAdded { view: created.stored.into(), key: created.key.into() }
            }
            Self::ListApiKeys { after, limit } => {
                let keys = provider.list_api_keys(after, limit).await?;
                Outcome::ApiKeys(keys.into_iter().map(Into::into).collect())
            }
            Self::RevokeApiKey { id } => done(provider.revoke_api_key(ctx, id).await)?,
            Self::AddResourceServer(server) => done(provider.add_resource_server(ctx, server).await)?,
            Self::ListResourceServers => Outcome::ResourceServers(provider.list_resource_servers().await?),
            Self::FindResourceServer { identifier } => {
                let (server, version) = provider.find_resource_server(&identifier).await?;
                Outcome::FoundResourceServer { server, version }
            }
            Self::ReplaceResourceServer { server, version } => {
                done(provider.replace_resource_server(ctx, server, version).await)?
            }
            Self::RemoveResourceServer { identifier } => {
                done(provider.remove_resource_server(ctx, identifier).await)?
            }
        })
    }

    /// What it is about, for the log.
    pub(super) fn told(&self) -> Option<String> {
        match self {
            Self::AddServiceAccount { id, .. } | Self::AddApiKey { service_account: id, .. } => {
                Some(id.to_string())
            }
            Self::RevokeApiKey { id } => Some(id.to_string()),
            Self::AddResourceServer(server) | Self::ReplaceResourceServer { server, .. } => {
                Some(server.identifier.as_str().to_owned())
            }
            Self::FindResourceServer { identifier } | Self::RemoveResourceServer { identifier } => {
                Some(identifier.as_str().to_owned())
            }
            _ => None,
        }
    }
}
