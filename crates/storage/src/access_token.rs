//! Opaque access tokens. A JWT carries its own record and is not stored.

use crate::contract::{Applied, Command, Query, Statement, Steps};
use crate::error::StorageError;
use crate::params;
use crate::row::Rows;
use crate::value::Json;
use protocol::claims::AccessTokenClaims;
use protocol::{AccessTokenId, GrantId, SecretHash, Timestamp};

/// An opaque access token.
#[derive(Debug, Clone)]
pub struct NewAccessToken {
    /// Its selector and `jti`.
    pub id: AccessTokenId,
    /// Of its secret.
    pub secret_hash: SecretHash,
    /// The grant it stands on, if it does.
    pub grant_id: Option<GrantId>,
    /// What a JWT would say.
    pub claims: AccessTokenClaims,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// The opaque access token with this selector: its secret's hash and its claims.
pub struct AccessTokenById(pub AccessTokenId);

impl Query for AccessTokenById {
    type Output = Option<(SecretHash, AccessTokenClaims)>;

    fn statement(&self) -> Statement {
        Statement::new("SELECT secret_hash, claims FROM access_tokens WHERE id = ?", params![self.0])
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(|row| Ok((row.get(0)?, row.get::<Json<_>>(1)?.0)))
    }
}

pub(crate) fn insert(steps: &mut Steps, token: &NewAccessToken) {
    steps.one(
        "INSERT INTO access_tokens (id, secret_hash, grant_id, claims, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
        params![
            token.id,
            token.secret_hash,
            token.grant_id,
            Json(&token.claims),
            token.created_at,
            token.expires_at,
        ],
    );
}

/// Stores an opaque access token where nothing else changes.
pub struct AddAccessToken(pub NewAccessToken);

impl Command for AddAccessToken {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        insert(steps, &self.0);
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}
