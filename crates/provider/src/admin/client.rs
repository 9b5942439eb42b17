//! Clients, as an operator changes them.

use super::client_proof;
use super::{AdminError, TRIES};
use crate::clients::authentication::LEAST_UNGUESSABLE;
use crate::settings::MAX_ACCESS_TOKEN_LIFETIME;
use crate::{Ctx, Provider};
use crypto::{generate_secret, secret_hash};
use passwords::OnBehalfOf;
use protocol::{AuditEvent, Client, ClientId, GrantType, PkcePolicy, ResponseType, Version};
use secrecy::{ExposeSecret as _, SecretString};
use storage::client::{
    AddClient, ClientAdded, ClientById, ListClients, RegisteredClient, RemoveClient, ReplaceClient,
    SetClientSecret, secret_name,
};
use storage::signing_key::Publishing;

/// A client to register.
pub struct NewClient {
    /// What it is and may do.
    pub client: Client,
}

/// The secret that a client has already, because it was registered elsewhere.
pub enum KnownSecret {
    /// In clear: 1 to 512 printable ASCII characters.
    Clear(SecretString),
    /// The hash that another system stored, in any format `passwords` reads; replaced by ours when the client is next seen.
    Hash(String),
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
        let (registered, secret) = self.with_secret(ctx, client);
        let client = self.add_registered(ctx, registered).await?;
        Ok(ClientCreated { client, secret })
    }

    /// Registers a client that keeps the secret it has.
    ///
    /// # Errors
    /// As [`Provider::add_client`], and when it proves itself by no secret, or this one cannot be kept.
    pub async fn add_client_with_secret(
        &self,
        ctx: &mut Ctx,
        client: Client,
        secret: KnownSecret,
    ) -> Result<Client, AdminError> {
        let registered = match secret {
            KnownSecret::Clear(secret) => self.with_known_secret(ctx, client, secret).await?,
            KnownSecret::Hash(hash) => with_hash(client, hash)?,
        };
        self.add_registered(ctx, registered).await
    }

    pub(super) async fn add_registered(
        &self,
        ctx: &Ctx,
        registered: RegisteredClient,
    ) -> Result<Client, AdminError> {
        let client = registered.client.clone();
        check(&client)?;
        self.check_change(None, &client).await?;
        let (client_id, service_account) = (client.id.clone(), client.service_account);
        let created = AuditEvent::ClientCreated { client: client_id.clone(), service_account };
        let publish = self.publishing_for(ctx.now, &[&client]).await?;
        let add = Publishing { command: AddClient { registered, at: ctx.now }, publish };
        let added = self.commit(ctx, self.audited(ctx, add, created)).await?;
        match added {
            ClientAdded::Added => Ok(client),
            ClientAdded::Taken => Err(AdminError::Taken(format!("client_id {client_id}"))),
            // RFC 9700 section 4.15.
            ClientAdded::Subject => Err(AdminError::Taken(format!(
                "client_id {client_id}: a user's subject, or another client's UUID, so it"
            ))),
        }
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

    /// The client with this `client_id`, disabled or not, and the version of its registration.
    ///
    /// # Errors
    /// When there is none.
    pub async fn find_client_version(&self, id: &ClientId) -> Result<(Client, Version), AdminError> {
        let stored = self.stored_client(id).await?;
        Ok((stored.client, stored.version))
    }

    /// Replaces a client's registration; its secret stays while its method keeps one in the same way.
    ///
    /// # Errors
    /// When there is no such client, the registration makes no sense, or it is no more the version that was looked at.
    pub async fn replace_client(
        &self,
        ctx: &Ctx,
        client: Client,
        version: Version,
    ) -> Result<(), AdminError> {
        let before = self.stored_client(&client.id).await?;
        let id = client.id.clone();
        if before.version != version || !self.replace(ctx, &before, client).await? {
            return Err(AdminError::Changed(format!("client {id}")));
        }
        Ok(())
    }

    /// Changes what `change` does of a client's registration; what somebody else changes at the same time stays as they made it.
    ///
    /// # Errors
    /// When there is no such client, or the registration would make no sense.
    pub async fn change_client(
        &self,
        ctx: &Ctx,
        id: &ClientId,
        change: impl Fn(&mut Client),
    ) -> Result<Client, AdminError> {
        for _ in 0..TRIES {
            let before = self.stored_client(id).await?;
            let mut client = before.client.clone();
            change(&mut client);
            if self.replace(ctx, &before, client.clone()).await? {
                return Ok(client);
            }
        }
        Err(AdminError::Changed(format!("client {id}")))
    }

    /// Refuses a client everywhere, or admits it again.
    ///
    /// # Errors
    /// When there is no such client.
    pub async fn set_client_disabled(
        &self,
        ctx: &Ctx,
        id: &ClientId,
        disabled: bool,
    ) -> Result<(), AdminError> {
        self.change_client(ctx, id, |client| client.disabled = disabled).await.map(drop)
    }

    /// Gives a client a new secret; the old one is refused from now on.
    ///
    /// # Errors
    /// When there is no such client, or it does not prove itself by a secret.
    pub async fn rotate_client_secret(&self, ctx: &mut Ctx, id: &ClientId) -> Result<String, AdminError> {
        for _ in 0..TRIES {
            let before = self.stored_client(id).await?;
            let method = before.client.authentication.as_str();
            let (registered, secret) = self.with_secret(ctx, before.client);
            let none =
                || AdminError::Invalid(format!("client {id} has no secret: its authentication is {method}"));
            let secret = secret.ok_or_else(none)?;
            let registered = RegisteredClient { version: before.version, ..registered };
            let command = SetClientSecret { registered, at: ctx.now };
            let event = AuditEvent::ClientSecretRotated { client: id.clone() };
            if self.commit(ctx, self.audited(ctx, command, event)).await? {
                return Ok(secret);
            }
        }
        Err(AdminError::Changed(format!("client {id}")))
    }

    /// Forgets a client; its tokens are refused from now on.
    ///
    /// # Errors
    /// When there is no such client.
    pub async fn remove_client(&self, ctx: &Ctx, id: &ClientId) -> Result<(), AdminError> {
        let removed = AuditEvent::ClientRemoved { client: id.clone() };
        let revoked_until = ctx.now + MAX_ACCESS_TOKEN_LIFETIME;
        let remove = RemoveClient { client: id.clone(), at: ctx.now, revoked_until };
        let remove = self.audited(ctx, remove, removed);
        if self.commit(ctx, remove).await? { Ok(()) } else { Err(unknown(id)) }
    }

    /// What only the installation can say about what is new in a registration.
    async fn check_change(&self, before: Option<&Client>, client: &Client) -> Result<(), AdminError> {
        if let Some(service) = client.service {
            self.find_service_by_id(service).await?;
        }
        let named = client.token_exchange.clients.iter().chain(&client.may_act);
        for other in named.filter(|other| **other != client.id) {
            let is_new = before.is_none_or(|before| {
                !before.token_exchange.clients.contains(other) && before.may_act.as_ref() != Some(other)
            });
            if is_new {
                self.find_client(other).await?;
            }
        }
        let grant = self.inner.settings.grant_lifetime;
        let lifetimes = [
            (
                "access token lifetime",
                (|client: &Client| client.access_token_lifetime) as fn(&Client) -> _,
                MAX_ACCESS_TOKEN_LIFETIME,
            ),
            // A key that signed them is published for as long.
            ("ID Token lifetime", |client| client.id_token_lifetime, MAX_ACCESS_TOKEN_LIFETIME),
            ("refresh token lifetime", |client| client.refresh_token_lifetime, grant),
        ];
        for (name, of, most) in lifetimes {
            let Some(seconds) = of(client).filter(|_| before.map(of) != Some(of(client))) else { continue };
            if seconds == 0 || u64::from(seconds) > most.as_secs() {
                return Err(AdminError::Invalid(format!("{name}: from 1 to {} seconds", most.as_secs())));
            }
        }
        Ok(())
    }

    fn with_secret(&self, ctx: &mut Ctx, client: Client) -> (RegisteredClient, Option<String>) {
        let method = client.authentication;
        let secret = method.has_secret().then(|| generate_secret(ctx.random()));
        let secret_hash = secret.as_deref().filter(|_| method.presents_secret()).map(secret_hash);
        // HMAC needs the secret itself (OpenID Connect Core section 10.1).
        let sealed_secret = secret.as_deref().filter(|_| !method.presents_secret()).map(|secret| {
            self.inner.master_keys.seal(&secret_name(&client.id), secret.as_bytes(), ctx.random())
        });
        let registered = RegisteredClient { secret_hash, sealed_secret, ..RegisteredClient::new(client) };
        (registered, secret)
    }

    async fn with_known_secret(
        &self,
        ctx: &mut Ctx,
        client: Client,
        secret: SecretString,
    ) -> Result<RegisteredClient, AdminError> {
        let text = secret.expose_secret();
        // RFC 6749 appendix A.2.
        if text.is_empty() || text.len() > 512 || !text.bytes().all(|byte| (0x20..=0x7e).contains(&byte)) {
            return Err(AdminError::Invalid(
                "client_secret: 1 to 512 printable ASCII characters are expected".into(),
            ));
        }
        let method = client.authentication;
        let mut registered = RegisteredClient::new(client);
        if !method.has_secret() {
            return Err(no_secret(&registered.client));
        } else if !method.presents_secret() {
            // RFC 7518 section 3.2: a key for HS256 has 256 bits at least.
            if text.len() < 32 {
                return Err(AdminError::Invalid(
                    "client_secret: 32 characters at least are needed to sign with".into(),
                ));
            }
            let name = secret_name(&registered.client.id);
            let sealed = self.inner.master_keys.seal(&name, text.as_bytes(), ctx.random());
            registered.sealed_secret = Some(sealed);
        } else if text.len() >= LEAST_UNGUESSABLE {
            registered.secret_hash = Some(secret_hash(text));
        } else {
            // Whoever reads the database could find it by its SHA-256.
            let hashed = self.inner.hash_pool.hash(OnBehalfOf::default(), secret).await;
            let hashed = hashed.map_err(|refused| AdminError::Provider(refused.into()))?;
            registered.imported_secret_hash = Some(hashed);
        }
        Ok(registered)
    }

    async fn stored_client(&self, id: &ClientId) -> Result<RegisteredClient, AdminError> {
        self.inner.store.read(ClientById(id)).await?.ok_or_else(|| unknown(id))
    }

    /// False when it is no more what it was before.
    async fn replace(
        &self,
        ctx: &Ctx,
        before: &RegisteredClient,
        client: Client,
    ) -> Result<bool, AdminError> {
        check(&client)?;
        self.check_change(Some(&before.client), &client).await?;
        if before.client.authentication.is_confidential() != client.authentication.is_confidential() {
            return Err(AdminError::Invalid(
                "a public client cannot become confidential, nor the other way".into(),
            ));
        }
        let event = AuditEvent::ClientChanged { client: client.id.clone(), disabled: client.disabled };
        // With it, what the client needs is published.
        let publish = self.publishing_for(ctx.now, &[&before.client, &client]).await?;
        let command = ReplaceClient { client, version: before.version, at: ctx.now };
        let command = Publishing { command, publish };
        Ok(self.commit(ctx, self.audited(ctx, command, event)).await?)
    }
}

fn with_hash(client: Client, hash: String) -> Result<RegisteredClient, AdminError> {
    if !client.authentication.presents_secret() {
        return Err(no_secret(&client));
    }
    passwords::inspect(&hash).map_err(|error| AdminError::Invalid(format!("secret hash: {error}")))?;
    Ok(RegisteredClient { imported_secret_hash: Some(hash), ..RegisteredClient::new(client) })
}

fn no_secret(client: &Client) -> AdminError {
    let (id, method) = (&client.id, client.authentication.as_str());
    AdminError::Invalid(format!("client {id} presents no secret: its authentication is {method}"))
}

fn unknown(id: &ClientId) -> AdminError {
    AdminError::Unknown(format!("client {id}"))
}

fn check(client: &Client) -> Result<(), AdminError> {
    let invalid = |why: &str| Err(AdminError::Invalid(why.to_owned()));
    if client.name.trim().is_empty() || client.name.len() > 255 {
        return invalid("name: 1 to 255 bytes are expected; people read it on the sign-in page");
    }
    if client.response_types.is_empty() {
        return invalid("response type: at least one is needed");
    }
    if client.response_types.contains(&ResponseType::IdToken) && client.redirect_uris.is_empty() {
        return invalid("redirect URI: at least one is needed for the response type id_token");
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
    if client.id.is_of_this_server() {
        return invalid("client_id: names that begin with doorward: are this server's own");
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
