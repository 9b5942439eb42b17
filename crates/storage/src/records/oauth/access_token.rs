//! Opaque access tokens, and among them those that are accepted once. A JWT carries its own record and is not stored.

use crate::contract::row::Rows;
use crate::contract::value::Json;
use crate::contract::{Applied, Command, Query, Statement, Steps, StorageError};
use crate::params;
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
    /// Whether it is accepted once.
    pub one_time: bool,
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

/// The access token with this selector that is accepted once: its secret's hash and its claims; none when it was spent.
pub struct OneTimeAccessTokenById(pub AccessTokenId);

impl Query for OneTimeAccessTokenById {
    type Output = Option<(SecretHash, AccessTokenClaims)>;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT secret_hash, claims FROM one_time_access_tokens WHERE id = ? AND spent_at IS NULL",
            params![self.0],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(|row| Ok((row.get(0)?, row.get::<Json<_>>(1)?.0)))
    }
}

/// Accepts an access token that is accepted once; refused when it was before, or has expired.
pub struct SpendOneTimeAccessToken {
    /// Which.
    pub id: AccessTokenId,
    /// When.
    pub at: Timestamp,
}

impl Command for SpendOneTimeAccessToken {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        steps.one(
            "UPDATE one_time_access_tokens SET spent_at = ? WHERE id = ? AND spent_at IS NULL AND expires_at > ?",
            params![self.at, self.id, self.at],
        );
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

const INSERT: &str = "INSERT INTO access_tokens (id, secret_hash, grant_id, claims, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)";
const INSERT_ONE_TIME: &str = "INSERT INTO one_time_access_tokens (id, secret_hash, grant_id, claims, created_at, expires_at) \
                               VALUES (?, ?, ?, ?, ?, ?)";

pub(crate) fn insert(steps: &mut Steps, token: &NewAccessToken) {
    steps.one(
        if token.one_time { INSERT_ONE_TIME } else { INSERT },
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
