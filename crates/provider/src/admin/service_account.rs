//! Service accounts and their API keys, as an operator changes them. A service account is a client that has no secret and no redirect URI:
//! its API keys speak for it. Given a secret, it may get access tokens by client_credentials too.

use super::AdminError;
use crate::{Ctx, Provider};
use crypto::ApiKey;
use protocol::{ApiKeyId, AuditEvent, Client, ClientAuthentication, ClientId, GrantType, Scope};
use std::time::Duration;
use storage::api_key::{AddApiKey, ListApiKeys, StoredApiKey};
use storage::client::RegisteredClient;

/// A service account to register.
pub struct NewServiceAccount {
    /// Its `client_id`, and the subject its keys speak for.
    pub id: ClientId,
    /// What people call it.
    pub name: String,
    /// The most its keys may allow.
    pub scope: Scope,
    /// The resource servers its keys are for.
    pub audience: Vec<String>,
}

/// An API key to make.
pub struct NewApiKey {
    /// The service account it speaks for.
    pub client_id: ClientId,
    /// What it is for.
    pub name: String,
    /// What it allows; nothing said means all that its account may do.
    pub scope: Option<Scope>,
    /// How long it lives; nothing said means until it is revoked.
    pub expires_in: Option<Duration>,
}

/// A new API key, shown this once. No `Debug`.
pub struct ApiKeyCreated {
    /// What is stored.
    pub stored: StoredApiKey,
    /// The key itself.
    pub key: String,
}

impl Provider {
    /// Registers a service account.
    ///
    /// # Errors
    /// When it makes no sense, an audience is unknown, or the `client_id` is taken.
    pub async fn add_service_account(&self, ctx: &Ctx, new: NewServiceAccount) -> Result<Client, AdminError> {
        if let Some(unknown) = new.audience.iter().find(|audience| !self.is_audience(audience)) {
            return Err(AdminError::Unknown(format!("resource server {unknown}")));
        }
        if new.audience.is_empty() {
            return Err(AdminError::Invalid("audience: for which resource servers are its keys?".into()));
        }
        let client = Client {
            grant_types: [GrantType::ClientCredentials].into(),
            scope: new.scope,
            audience: new.audience,
            service_account: true,
            ..Client::new(new.id, new.name, ClientAuthentication::ClientSecret)
        };
        self.add_registered(ctx, RegisteredClient::new(client)).await
    }

    fn is_audience(&self, audience: &str) -> bool {
        audience == self.inner.settings.issuer || self.inner.resource_servers.named(audience).is_some()
    }

    /// Makes an API key.
    ///
    /// # Errors
    /// When there is no such service account, or the key would allow more than its account may do.
    pub async fn add_api_key(&self, ctx: &mut Ctx, new: NewApiKey) -> Result<ApiKeyCreated, AdminError> {
        let account = self.find_client(&new.client_id).await?;
        if !account.service_account {
            return Err(AdminError::Invalid(format!("client {} is no service account", account.id)));
        }
        let scope = new.scope.unwrap_or_else(|| account.scope.clone());
        if !account.scope.covers(&scope) {
            return Err(AdminError::Invalid(format!(
                "scope: {} may do no more than {}",
                account.id, account.scope
            )));
        }
        if new.name.len() > 255 || new.expires_in.is_some_and(|lifetime| lifetime.is_zero()) {
            return Err(AdminError::Invalid(
                "a name of at most 255 bytes and a lifetime are expected".into(),
            ));
        }
        let id = ApiKeyId::new(ctx.now, ctx.id());
        let key = ApiKey::generate(*id.as_bytes(), ctx.random());
        let stored = StoredApiKey {
            id,
            secret_hash: key.hash(),
            client_id: account.id,
            name: new.name,
            scope,
            created_at: ctx.now,
            expires_at: new.expires_in.map(|lifetime| ctx.now + lifetime),
            last_used_at: None,
            revoked_at: None,
        };
        let created = AuditEvent::ApiKeyCreated {
            key: id,
            client: stored.client_id.clone(),
            scope: stored.scope.clone(),
        };
        let add = self.audited(ctx, AddApiKey(stored.clone()), created);
        if !self.inner.store.write(add).await? {
            return Err(AdminError::Unknown(format!("client {}", stored.client_id)));
        }
        Ok(ApiKeyCreated { stored, key: key.reveal() })
    }

    /// API keys in the order they were made, a page at a time.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn list_api_keys(
        &self,
        after: Option<ApiKeyId>,
        limit: u32,
    ) -> Result<Vec<StoredApiKey>, AdminError> {
        Ok(self.inner.store.read(ListApiKeys { after, limit: limit.min(1_000) }).await?)
    }

    /// Revokes an API key; in force at once here, and on the other nodes within a second.
    ///
    /// # Errors
    /// When there is no such key, or it was revoked before.
    pub async fn revoke_api_key(&self, ctx: &Ctx, id: ApiKeyId) -> Result<(), AdminError> {
        if self.end_api_key(ctx, id).await? {
            return Ok(());
        }
        Err(AdminError::Unknown("such API key, or it is revoked already".into()))
    }
}
