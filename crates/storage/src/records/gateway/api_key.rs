//! API keys of service accounts.

use crate::contract::row::{Row, Rows};
use crate::contract::{
    Access, Announcing, AnnouncingSteps, Applied, Change, Command, Query, Statement, Steps, StorageError,
};
use crate::params;
use protocol::{ApiKeyId, ClientId, Scope, SecretHash, Timestamp};

/// An API key as stored.
#[derive(Debug, Clone)]
pub struct StoredApiKey {
    /// Its selector.
    pub id: ApiKeyId,
    /// Of its secret.
    pub secret_hash: SecretHash,
    /// The service account it speaks for.
    pub client_id: ClientId,
    /// What it is for, in its owner's words.
    pub name: String,
    /// What it allows.
    pub scope: Scope,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself; a revoked one has ended.
    pub expires_at: Option<Timestamp>,
    /// When it was used, to within a few minutes.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl StoredApiKey {
    /// Whether it may be used.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

fn from_row(row: &Row<'_>) -> Result<StoredApiKey, StorageError> {
    Ok(StoredApiKey {
        id: row.get(0)?,
        secret_hash: row.get(1)?,
        client_id: row.get(2)?,
        name: row.get(3)?,
        scope: row.get(4)?,
        created_at: row.get(5)?,
        expires_at: row.get(6)?,
        last_used_at: row.get(7)?,
        revoked_at: row.get(8)?,
    })
}

/// The API key with this selector.
pub struct ApiKeyById(pub ApiKeyId);

impl Query for ApiKeyById {
    type Output = Option<StoredApiKey>;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT id, secret_hash, client_id, name, scope, created_at, expires_at, last_used_at, revoked_at \
             FROM api_keys WHERE id = ?",
            params![self.0],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(from_row)
    }
}

/// API keys in the order they were made, a page at a time.
pub struct ListApiKeys {
    /// The last one of the page before.
    pub after: Option<ApiKeyId>,
    /// How many at most.
    pub limit: u32,
}

impl Query for ListApiKeys {
    type Output = Vec<StoredApiKey>;
    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT id, secret_hash, client_id, name, scope, created_at, expires_at, last_used_at, revoked_at \
             FROM api_keys WHERE id > ? ORDER BY id LIMIT ?",
            params![self.after.map_or([0; 16], |id| *id.as_bytes()).as_slice(), self.limit],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.all(from_row)
    }
}

/// Stores a new API key; refused when there is no such client.
pub struct AddApiKey(pub StoredApiKey);

impl Command for AddApiKey {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        let key = &self.0;
        steps.one(
            "INSERT INTO api_keys (id, secret_hash, client_id, name, scope, created_at, expires_at) \
             SELECT ?, ?, id, ?, ?, ?, ? FROM clients WHERE id = ? /* share */",
            params![
                key.id,
                key.secret_hash,
                &key.name,
                &key.scope,
                key.created_at,
                key.expires_at,
                &key.client_id
            ],
        );
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Ends an API key; refused when there is none, or it was revoked before.
#[derive(Debug, Clone)]
pub struct RevokeApiKey {
    /// Which.
    pub id: ApiKeyId,
    /// When.
    pub at: Timestamp,
}

impl Announcing for RevokeApiKey {
    type Outcome = bool;

    fn steps(&self, steps: &mut AnnouncingSteps) {
        steps.one(
            "UPDATE api_keys SET revoked_at = ?, expires_at = CASE WHEN expires_at < ? THEN expires_at ELSE ? END \
             WHERE id = ? AND revoked_at IS NULL",
            params![self.at, self.at, self.at, self.id],
        );
        steps.announces(Change::ApiKey(self.id));
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Notes that an API key was used.
pub struct TouchApiKey {
    /// Which.
    pub id: ApiKeyId,
    /// When.
    pub at: Timestamp,
}

impl Command for TouchApiKey {
    type Outcome = ();

    fn steps(&self, steps: &mut Steps) {
        steps.any(
            "UPDATE api_keys SET last_used_at = ? WHERE id = ? AND (last_used_at IS NULL OR last_used_at < ?)",
            params![self.at, self.id, self.at],
        );
        // Nobody was promised it.
        steps.relax();
    }

    fn outcome(&self, _applied: Applied) {}
}
