//! Refresh tokens: each is spent once for its successor.

use crate::contract::row::Rows;
use crate::contract::{Applied, Command, Query, Statement, Steps, StorageError};
use crate::params;
use crate::records::oauth::access_token::NewAccessToken;
use protocol::{ClientId, GrantId, RefreshTokenId, SecretHash, Timestamp};

/// A refresh token when it is issued.
#[derive(Debug, Clone)]
pub struct NewRefreshToken {
    /// Its selector.
    pub id: RefreshTokenId,
    /// Of its secret.
    pub secret_hash: SecretHash,
    /// The grant it stands on.
    pub grant_id: GrantId,
    /// To whom it was issued.
    pub client_id: ClientId,
    /// How many came before it.
    pub generation: u32,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it ends if it is not used.
    pub expires_at: Timestamp,
}

/// A refresh token as stored.
#[derive(Debug, Clone)]
pub struct RefreshToken {
    /// As issued.
    pub issued: NewRefreshToken,
    /// When it was spent.
    pub spent_at: Option<Timestamp>,
    /// The one that took its place.
    pub successor_id: Option<RefreshTokenId>,
}

/// The refresh token with this selector.
pub struct RefreshTokenById(pub RefreshTokenId);

impl Query for RefreshTokenById {
    type Output = Option<RefreshToken>;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT id, secret_hash, grant_id, client_id, generation, created_at, expires_at, spent_at, successor_id \
             FROM refresh_tokens WHERE id = ?",
            params![self.0],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(|row| {
            Ok(RefreshToken {
                issued: NewRefreshToken {
                    id: row.get(0)?,
                    secret_hash: row.get(1)?,
                    grant_id: row.get(2)?,
                    client_id: row.get(3)?,
                    generation: row.get(4)?,
                    created_at: row.get(5)?,
                    expires_at: row.get(6)?,
                },
                spent_at: row.get(7)?,
                successor_id: row.get(8)?,
            })
        })
    }
}

pub(crate) fn insert(steps: &mut Steps, token: &NewRefreshToken) {
    steps.one(
        "INSERT INTO refresh_tokens (id, secret_hash, grant_id, client_id, generation, created_at, expires_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
        params![
            token.id,
            token.secret_hash,
            token.grant_id,
            &token.client_id,
            token.generation,
            token.created_at,
            token.expires_at,
        ],
    );
}

/// Spends the presented refresh token and stores its successor; refused when it was spent or its grant revoked (RFC 9700 section 4.14.2).
pub struct RotateRefreshToken {
    /// The one presented.
    pub presented: RefreshTokenId,
    /// The one that takes its place.
    pub successor: NewRefreshToken,
    /// The opaque access token issued with it.
    pub access_token: Option<NewAccessToken>,
    /// When.
    pub at: Timestamp,
}

impl Command for RotateRefreshToken {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        steps.one(
            "UPDATE refresh_tokens SET spent_at = ?, successor_id = ? WHERE id = ? AND spent_at IS NULL \
             AND EXISTS (SELECT 1 FROM grants WHERE id = ? AND revoked_at IS NULL /* share */)",
            params![self.at, self.successor.id, self.presented, self.successor.grant_id],
        );
        insert(steps, &self.successor);
        if let Some(token) = &self.access_token {
            crate::records::oauth::access_token::insert(steps, token);
        }
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Uses a refresh token that is not rotated: it lives on; refused when it was spent or its grant revoked.
pub struct UseRefreshToken {
    /// Which.
    pub id: RefreshTokenId,
    /// What it stands on.
    pub grant_id: GrantId,
    /// When it ends from now on if it is not used again.
    pub expires_at: Timestamp,
    /// The opaque access token issued with it.
    pub access_token: Option<NewAccessToken>,
}

impl Command for UseRefreshToken {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        steps.one(
            "UPDATE refresh_tokens SET expires_at = ? WHERE id = ? AND spent_at IS NULL \
             AND EXISTS (SELECT 1 FROM grants WHERE id = ? AND revoked_at IS NULL /* share */)",
            params![self.expires_at, self.id, self.grant_id],
        );
        if let Some(token) = &self.access_token {
            crate::records::oauth::access_token::insert(steps, token);
        }
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}
