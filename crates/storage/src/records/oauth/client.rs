//! Registered clients.

use crate::contract::row::{Row, Rows};
use crate::contract::value::Json;
use crate::contract::{
    Access, Announcing, AnnouncingSteps, Applied, Change, Command, Query, Statement, Steps, StorageError,
};
use crate::params;
use crate::records::people::given_subject::{self, as_subject};
use protocol::{Client, ClientAuthentication, ClientId, SecretHash, Timestamp, Version};
use sha2::{Digest as _, Sha256};

/// A client as stored.
#[derive(Debug, Clone)]
pub struct RegisteredClient {
    /// What it is and may do.
    pub client: Client,
    /// Its secret's hash; a client that presents none has none.
    pub secret_hash: Option<SecretHash>,
    /// Instead of that, the hash of a secret that another system made, in a format `passwords` knows, until the secret was seen.
    pub imported_secret_hash: Option<String>,
    /// Its secret, sealed for the purpose that [`secret_name`] names: of a client that signs with it, so that its hash is not enough. Neither this
    /// nor the next is read by [`ListClients`].
    pub sealed_secret: Option<Vec<u8>>,
    /// How often it was changed: a change says which version it is of.
    pub version: Version,
    /// Grants made for it and tokens issued to it until then are over. Written by [`EndClientGrants`] alone.
    pub grants_ended_at: Option<Timestamp>,
}

impl RegisteredClient {
    /// A client without any secret.
    pub fn new(client: Client) -> Self {
        Self {
            client,
            secret_hash: None,
            imported_secret_hash: None,
            sealed_secret: None,
            grants_ended_at: None,
            version: Version::default(),
        }
    }

    /// Whether something that was granted or issued to it at `at` still stands.
    pub fn stands_since(&self, at: Timestamp) -> bool {
        self.grants_ended_at.is_none_or(|ended| at > ended)
    }
}

/// Under which name a client's secret is kept among the server secrets, and sealed: the `client_id` itself may be too long for one.
pub fn secret_name(id: &ClientId) -> String {
    let hash = Sha256::digest(id.as_str().as_bytes());
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("client-secret/{hex}")
}

/// The client with this `client_id`.
pub struct ClientById<'a>(pub &'a ClientId);

impl Query for ClientById<'_> {
    type Output = Option<RegisteredClient>;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT clients.metadata, clients.secret_hash, clients.imported_secret_hash, clients.version, server_secrets.sealed, \
             clients.grants_ended_at FROM clients \
             LEFT JOIN server_secrets ON server_secrets.name = ? WHERE clients.id = ?",
            params![secret_name(self.0), self.0],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(|row| {
            Ok(RegisteredClient {
                sealed_secret: row.get(4)?,
                grants_ended_at: row.get(5)?,
                ..from_row(row)?
            })
        })
    }
}

/// Clients by `client_id`, a page at a time.
pub struct ListClients {
    /// The last one of the page before.
    pub after: Option<ClientId>,
    /// How many at most.
    pub limit: u32,
}

impl Query for ListClients {
    type Output = Vec<RegisteredClient>;
    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT metadata, secret_hash, imported_secret_hash, version FROM clients WHERE id > ? ORDER BY id LIMIT ?",
            params![self.after.as_ref().map_or("", ClientId::as_str), self.limit],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.all(from_row)
    }
}

fn from_row(row: &Row<'_>) -> Result<RegisteredClient, StorageError> {
    Ok(RegisteredClient {
        client: row.get::<Json<Client>>(0)?.0,
        secret_hash: row.get(1)?,
        imported_secret_hash: row.get(2)?,
        sealed_secret: None,
        version: row.get(3)?,
        grants_ended_at: None,
    })
}

/// The service a client belongs to must be there, and stay until the client is in it.
fn hold_service(steps: &mut Steps, client: &Client) {
    if let Some(service) = client.service {
        crate::records::tenancy::service::hold(steps, service);
    }
}

/// What became of [`AddClient`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAdded {
    /// It is registered.
    Added,
    /// The `client_id` is taken, or there is no such service.
    Taken,
    /// The `client_id` is a user's subject, or another spelling of a UUID that is taken.
    Subject,
}

/// Registers a client; refused when the `client_id` is taken or a user's subject, or there is no such service.
pub struct AddClient {
    /// The client.
    pub registered: RegisteredClient,
    /// When.
    pub at: Timestamp,
}

impl Command for AddClient {
    type Outcome = ClientAdded;

    fn steps(&self, steps: &mut Steps) {
        hold_service(steps, &self.registered.client);
        steps.one(
            "INSERT INTO clients (id, metadata, secret_hash, created_at, updated_at, service_id, imported_secret_hash) \
             VALUES (?, ?, ?, ?, ?, ?, ?)",
            params![
                &self.registered.client.id,
                Json(&self.registered.client),
                self.registered.secret_hash,
                self.at,
                self.at,
                self.registered.client.service,
                self.registered.imported_secret_hash.as_ref(),
            ],
        );
        if let Some(subject) = as_subject(&self.registered.client.id) {
            given_subject::take(steps, subject);
        }
        if let Some(secret) = secret(&self.registered, self.at) {
            steps.one(secret.sql, secret.params);
        }
    }

    fn outcome(&self, applied: Applied) -> ClientAdded {
        let row = usize::from(self.registered.client.service.is_some());
        match applied {
            Applied::Done => ClientAdded::Added,
            Applied::Refused { step } if (row + 1..=row + given_subject::STEPS).contains(&step) => {
                ClientAdded::Subject
            }
            Applied::Refused { .. } => ClientAdded::Taken,
        }
    }
}

/// Replaces a client's registration; its secret stays unless the new method has no use for one. Refused when there is no such client, when it
/// is no more the version that was looked at, or when there is no such service.
pub struct ReplaceClient {
    /// The client.
    pub client: Client,
    /// The version that was looked at.
    pub version: Version,
    /// When.
    pub at: Timestamp,
}

impl Announcing for ReplaceClient {
    type Outcome = bool;

    fn steps(&self, steps: &mut AnnouncingSteps) {
        let client = &self.client;
        hold_service(steps, client);
        steps.one(
            "UPDATE clients SET metadata = ?, updated_at = ?, service_id = ?, version = version + 1 WHERE id = ? AND version = ?",
            params![Json(client), self.at, client.service, &client.id, self.version],
        );
        // What the method has no use for is not kept.
        if !client.authentication.presents_secret() {
            steps.any(
                "UPDATE clients SET secret_hash = NULL, imported_secret_hash = NULL WHERE id = ?",
                params![&client.id],
            );
        }
        if client.authentication != ClientAuthentication::ClientSecretJwt {
            let without = without_secret(&client.id);
            steps.any(without.sql, without.params);
        }
        steps.announces(Change::Client(client.id.clone()));
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Gives a client another secret, and changes nothing else. Refused when there is no such client, or it is no more the version that was looked
/// at: how a secret is kept depends on the registration.
pub struct SetClientSecret {
    /// The client as it was looked at, with the new secret's hash or the new secret sealed.
    pub registered: RegisteredClient,
    /// When.
    pub at: Timestamp,
}

impl Announcing for SetClientSecret {
    type Outcome = bool;

    fn steps(&self, steps: &mut AnnouncingSteps) {
        let id = &self.registered.client.id;
        steps.one(
            "UPDATE clients SET secret_hash = ?, imported_secret_hash = NULL, updated_at = ?, version = version + 1 WHERE id = ? AND version = ?",
            params![self.registered.secret_hash, self.at, id, self.registered.version],
        );
        match secret(&self.registered, self.at) {
            Some(secret) => steps.replace(without_secret(id), secret),
            None => steps.any(without_secret(id).sql, without_secret(id).params),
        }
        steps.announces(Change::Client(id.clone()));
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Replaces the hash that another system made, and nothing when it changed meanwhile.
pub struct UpgradeClientSecret {
    /// Whose.
    pub client: ClientId,
    /// The hash that was verified.
    pub verified: String,
    /// Ours, of the same secret.
    pub secret_hash: SecretHash,
}

impl Announcing for UpgradeClientSecret {
    type Outcome = bool;

    fn steps(&self, steps: &mut AnnouncingSteps) {
        steps.one(
            "UPDATE clients SET secret_hash = ?, imported_secret_hash = NULL WHERE id = ? AND imported_secret_hash = ?",
            params![self.secret_hash, &self.client, &self.verified],
        );
        steps.announces(Change::Client(self.client.clone()));
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Forgets a client and its API keys; its grants are refused from now on because no client is behind them.
pub struct RemoveClient {
    /// Which.
    pub client: ClientId,
    /// When.
    pub at: Timestamp,
    /// How long an access token issued before could still verify.
    pub revoked_until: Timestamp,
}

impl Announcing for RemoveClient {
    type Outcome = bool;

    fn steps(&self, steps: &mut AnnouncingSteps) {
        steps.one("DELETE FROM clients WHERE id = ?", params![&self.client]);
        // Whoever is registered under this client_id next must not find them working.
        steps.any("DELETE FROM api_keys WHERE client_id = ?", params![&self.client]);
        let without = without_secret(&self.client);
        steps.any(without.sql, without.params);
        if let Some(subject) = as_subject(&self.client) {
            given_subject::leave(steps, subject);
            // What speaks for it looks like a user's from now on, and is refused as a removed user's is.
            crate::records::oauth::revocation::revoke(
                steps,
                *subject.as_bytes(),
                self.at,
                self.revoked_until,
            );
        }
        steps.announces(Change::Client(self.client.clone()));
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Ends every grant made for a client and every token issued to it until now; refused when there is no such client.
pub struct EndClientGrants {
    /// Whose.
    pub client: ClientId,
    /// When.
    pub at: Timestamp,
}

impl Announcing for EndClientGrants {
    type Outcome = bool;

    fn steps(&self, steps: &mut AnnouncingSteps) {
        steps.one("UPDATE clients SET grants_ended_at = ? WHERE id = ?", params![self.at, &self.client]);
        steps.announces(Change::Client(self.client.clone()));
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

fn secret(registered: &RegisteredClient, at: Timestamp) -> Option<Statement> {
    let sealed = registered.sealed_secret.clone()?;
    Some(Statement::new(
        "INSERT INTO server_secrets (name, sealed, created_at) VALUES (?, ?, ?)",
        params![secret_name(&registered.client.id), sealed, at],
    ))
}

fn without_secret(id: &ClientId) -> Statement {
    Statement::new("DELETE FROM server_secrets WHERE name = ?", params![secret_name(id)])
}
