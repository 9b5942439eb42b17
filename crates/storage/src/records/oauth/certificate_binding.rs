//! Grants of public clients whose refresh tokens are good only with one certificate (RFC 8705 section 4).

use crate::contract::row::Rows;
use crate::contract::{Applied, Command, Query, Statement, Steps, StorageError};
use crate::params;
use protocol::{GrantId, SecretHash, Timestamp};

/// Binds a grant's refresh tokens to a certificate; refused when they are bound already.
pub struct BindGrant {
    /// The grant.
    pub grant_id: GrantId,
    /// The certificate's SHA-256.
    pub certificate_hash: SecretHash,
    /// When the grant ends.
    pub expires_at: Timestamp,
}

impl Command for BindGrant {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        steps.one(
            "INSERT INTO certificate_bindings (id, certificate_hash, expires_at) VALUES (?, ?, ?)",
            params![self.grant_id, self.certificate_hash, self.expires_at],
        );
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// The SHA-256 of the certificate that a grant's refresh tokens are bound to.
pub struct BindingOfGrant(pub GrantId);

impl Query for BindingOfGrant {
    type Output = Option<SecretHash>;

    fn statement(&self) -> Statement {
        Statement::new("SELECT certificate_hash FROM certificate_bindings WHERE id = ?", params![self.0])
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(|row| row.get(0))
    }
}
