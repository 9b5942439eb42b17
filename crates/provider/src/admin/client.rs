//! Clients, as an operator changes them.

use super::AdminError;
use super::client_proof;
use crate::{Ctx, Provider};
use crypto::{generate_secret, secret_hash};
use protocol::{AuditEvent, Client, ClientAuthentication, ClientId, GrantType, PkcePolicy, UserId};
use storage::client::{
    AddClient, ClientById, ListClients, RegisteredClient, RemoveClient, ReplaceClient, secret_name,
};
use storage::signing_key::{PublishSigningKeys, Publishing};

/// A client to register.
pub struct NewClient {
    /// What it is and may do.
    pub client: Client,
}

/// A registered client's secret, shown this once.
#[derive(Debug)]
pub struct ClientCreated {
    /// The client.
    pub client: Client,
    /// Its secret, if it proves itself by one.
    pub secret: Option<String>,
}

impl Provider {
    /// Registers a client and makes its secret.
    ///
    /// # Errors
    /// When the registration makes no sense, or the `client_id` is taken.
    pub async fn add_client(&self, ctx: &mut Ctx, new: NewClient) -> Result<ClientCreated, AdminError> {
        let client = new.client;
        check(&client)?;
        self.check_service(&client).await?;
        let (registered, secret) = self.with_secret(ctx, client);
        let client = registered.client.clone();
        let created = AuditEvent::ClientCreated { client: client.id.clone(), service_account: false };
        let publish = self.publishing_for(ctx.now, &[&client]).await?;
        let publishes = publish.is_some();
        let add = Publishing { command: AddClient { registered, at: ctx.now }, publish };
        if !self.inner.store.write(self.audited(ctx, add, created)).await? {
            return Err(AdminError::Taken(format!("client_id {}", client.id)));
        }
        if publishes {
            self.load_keys(ctx.now).await?;
        }
        Ok(ClientCreated { client, secret })
    }

    /// Clients by `client_id`, a page at a time.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn list_clients(&self, after: Option<ClientId>, limit: u32) -> Result<Vec<Client>, AdminError> {
        let clients = self.inner.store.read(ListClients { after, limit: limit.min(1_000) }).await?;
        Ok(clients.into_iter().map(|registered| registered.client).collect())
    }

    /// The client with this `client_id`, disabled or not.
    ///
    /// # Errors
    /// When there is none.
    pub async fn find_client(&self, id: &ClientId) -> Result<Client, AdminError> {
        Ok(self.stored_client(id).await?.client)
    }

    /// Replaces a client's registration; its secret stays while its method keeps one in the same way.
    ///
    /// # Errors
    /// When there is no such client, or the registration makes no sense.
    pub async fn replace_client(&self, ctx: &Ctx, client: Client) -> Result<(), AdminError> {
        check(&client)?;
        self.check_service(&client).await?;
        let before = self.stored_client(&client.id).await?;
        if before.client.authentication.is_confidential() != client.authentication.is_confidential() {
            return Err(AdminError::Invalid(
                "a public client cannot become confidential, nor the other way".into(),
            ));
        }
        // What the new method has no use for is not kept.
        let secret_hash = before.secret_hash.filter(|_| client.authentication.presents_secret());
        let signs = client.authentication == ClientAuthentication::ClientSecretJwt;
        let sealed_secret = before.sealed_secret.filter(|_| signs);
        let event = AuditEvent::ClientChanged { client: client.id.clone(), disabled: client.disabled };
        let publish = self.publishing_for(ctx.now, &[&before.client, &client]).await?;
        let publishes = publish.is_some();
        let registered = RegisteredClient { client, secret_hash, sealed_secret, ..before };
        self.replace(ctx, registered, publish, event).await?;
        if publishes {
            self.load_keys(ctx.now).await?;
        }
        Ok(())
    }

    /// Gives a client a new secret; the old one is refused from now on.
    ///
    /// # Errors
    /// When there is no such client, or it does not prove itself by a secret.
    pub async fn rotate_client_secret(&self, ctx: &mut Ctx, id: &ClientId) -> Result<String, AdminError> {
        let before = self.stored_client(id).await?;
        let method = before.client.authentication.as_str();
        let (registered, secret) = self.with_secret(ctx, before.client);
        let none =
            || AdminError::Invalid(format!("client {id} has no secret: its authentication is {method}"));
        let secret = secret.ok_or_else(none)?;
        self.replace(ctx, registered, None, AuditEvent::ClientSecretRotated { client: id.clone() }).await?;
        Ok(secret)
    }

    /// Forgets a client; its tokens are refused from now on.
    ///
    /// # Errors
    /// When there is no such client.
    pub async fn remove_client(&self, ctx: &Ctx, id: &ClientId) -> Result<(), AdminError> {
        let removed = AuditEvent::ClientRemoved { client: id.clone() };
        let remove = self.audited(ctx, RemoveClient { client: id.clone() }, removed);
        let removed = self.inner.store.write(remove).await?;
        self.inner.clients.forget(id);
        self.inner.api_keys.forget_all();
        if removed { Ok(()) } else { Err(unknown(id)) }
    }

    async fn check_service(&self, client: &Client) -> Result<(), AdminError> {
        match client.service {
            Some(service) => self.find_service_by_id(service).await.map(drop),
            None => Ok(()),
        }
    }

    fn with_secret(&self, ctx: &mut Ctx, client: Client) -> (RegisteredClient, Option<String>) {
        let method = client.authentication;
        let secret = method.has_secret().then(|| generate_secret(ctx.random()));
        let secret_hash = secret.as_deref().filter(|_| method.presents_secret()).map(secret_hash);
        // HMAC needs the secret itself (OpenID Connect Core section 10.1).
        let sealed_secret = secret.as_deref().filter(|_| !method.presents_secret()).map(|secret| {
            self.inner.master_keys.seal(&secret_name(&client.id), secret.as_bytes(), ctx.random())
        });
        (RegisteredClient { client, secret_hash, sealed_secret, grants_ended_at: None }, secret)
    }

    async fn stored_client(&self, id: &ClientId) -> Result<RegisteredClient, AdminError> {
        self.inner.store.read(ClientById(id)).await?.ok_or_else(|| unknown(id))
    }

    async fn replace(
        &self,
        ctx: &Ctx,
        registered: RegisteredClient,
        publish: Option<PublishSigningKeys>,
        event: AuditEvent,
    ) -> Result<(), AdminError> {
        let id = registered.client.id.clone();
        let replace = Publishing { command: ReplaceClient { registered, at: ctx.now }, publish };
        let replace = self.audited(ctx, replace, event);
        let replaced = self.inner.store.write(replace).await?;
        self.inner.clients.forget(&id);
        if replaced { Ok(()) } else { Err(unknown(&id)) }
    }
}

fn unknown(id: &ClientId) -> AdminError {
    AdminError::Unknown(format!("client {id}"))
}

pub(super) fn check(client: &Client) -> Result<(), AdminError> {
    let invalid = |why: &str| Err(AdminError::Invalid(why.to_owned()));
    if client.name.trim().is_empty() || client.name.len() > 255 {
        return invalid("name: 1 to 255 bytes are expected; people read it on the sign-in page");
    }
    if client.grant_types.contains(&GrantType::AuthorizationCode) && client.redirect_uris.is_empty() {
        return invalid("redirect URI: at least one is needed for authorization_code");
    }
    if let Err((uri, why)) = client.check_redirect_uris() {
        return Err(AdminError::Invalid(format!("{why}: {uri}")));
    }
    let needs_proof = |grant_type: &&GrantType| !grant_type.is_for_public_clients();
    if !client.authentication.is_confidential()
        && let Some(grant_type) = client.grant_types.iter().find(needs_proof)
    {
        let grant_type = grant_type.as_str();
        return Err(AdminError::Invalid(format!("{grant_type} is for confidential clients only")));
    }
    if client.id.as_str().parse::<UserId>().is_ok() {
        return invalid(
            "client_id: a UUID could be taken for a user's id in a token (RFC 9700 section 4.15)",
        );
    }
    if client.grant_types.is_empty() {
        return invalid("grant type: at least one is needed");
    }
    if !client.authentication.is_confidential()
        && client.pkce.is_some_and(|pkce| pkce != PkcePolicy::Required)
    {
        return invalid("a public client cannot do without PKCE (RFC 9700 section 2.1.1)");
    }
    if !client.authentication.is_confidential() && !client.rotate_refresh_tokens {
        return invalid("a public client's refresh tokens are rotated (RFC 9700 section 4.14)");
    }
    if client.default_scope.as_ref().is_some_and(|scope| scope.is_empty() || !client.scope.covers(scope)) {
        return invalid("default scope: one or more of the scopes it may ask for are expected");
    }
    client_proof::check(client).map_err(AdminError::Invalid)
}
