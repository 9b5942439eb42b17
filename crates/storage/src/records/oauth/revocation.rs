//! Revocations: what ends access tokens that would otherwise still verify. Few rows, kept only while such a token could live, so
//! that every node holds all of them in memory.

pub use crate::contract::change::Revocation;

use crate::contract::row::Rows;
use crate::contract::{Access, Announcing, AnnouncingSteps, Applied, Change, Query, Statement, StorageError};
use crate::params;
use protocol::Timestamp;

/// Every revocation still needed at an instant.
pub struct LiveRevocations(pub Timestamp);

impl Query for LiveRevocations {
    type Output = Vec<Revocation>;
    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT id, revoked_at, expires_at FROM revocations WHERE expires_at > ?",
            params![self.0],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.all(|row| Ok(Revocation { id: row.get(0)?, revoked_at: row.get(1)?, expires_at: row.get(2)? }))
    }
}

pub(crate) fn revoke(steps: &mut AnnouncingSteps, id: [u8; 16], at: Timestamp, until: Timestamp) {
    steps.replace(
        Statement::new("DELETE FROM revocations WHERE id = ?", params![id.as_slice()]),
        Statement::new(
            "INSERT INTO revocations (id, revoked_at, expires_at) VALUES (?, ?, ?)",
            params![id.as_slice(), at, until],
        ),
    );
    steps.announces(Change::Revoked(Revocation { id, revoked_at: at, expires_at: until }));
}

/// Ends one access token.
pub struct RevokeAccessToken(pub Revocation);

impl Announcing for RevokeAccessToken {
    type Outcome = ();

    fn steps(&self, steps: &mut AnnouncingSteps) {
        revoke(steps, self.0.id, self.0.revoked_at, self.0.expires_at);
    }

    fn outcome(&self, _applied: Applied) {}
}
