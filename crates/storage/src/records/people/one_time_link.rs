//! Links that work once, such as the one that creates the first platform owner.

use crate::contract::row::Rows;
use crate::contract::{Access, Applied, Command, Query, Statement, Steps, StorageError};
use crate::params;
use protocol::{OneTimeLinkId, SecretHash, Timestamp};

/// A link that works once.
#[derive(Debug, Clone)]
pub struct OneTimeLink {
    /// Its selector.
    pub id: OneTimeLinkId,
    /// Of its secret.
    pub secret_hash: SecretHash,
    /// What it does.
    pub purpose: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working.
    pub expires_at: Timestamp,
    /// When it was used.
    pub spent_at: Option<Timestamp>,
}

/// The link with this selector.
pub struct OneTimeLinkById(pub OneTimeLinkId);

impl Query for OneTimeLinkById {
    type Output = Option<OneTimeLink>;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT id, secret_hash, purpose, created_at, expires_at, spent_at FROM one_time_links WHERE id = ?",
            params![self.0],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(|row| {
            Ok(OneTimeLink {
                id: row.get(0)?,
                secret_hash: row.get(1)?,
                purpose: row.get(2)?,
                created_at: row.get(3)?,
                expires_at: row.get(4)?,
                spent_at: row.get(5)?,
            })
        })
    }
}

/// The links for a purpose, spent or not.
pub struct OneTimeLinksFor<'a>(pub &'a str);

impl Query for OneTimeLinksFor<'_> {
    type Output = Vec<OneTimeLinkId>;
    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        Statement::new("SELECT id FROM one_time_links WHERE purpose = ?", params![self.0])
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.all(|row| row.get(0))
    }
}

/// Stores a link.
pub struct AddOneTimeLink(pub OneTimeLink);

impl Command for AddOneTimeLink {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        let link = &self.0;
        steps.one(
            "INSERT INTO one_time_links (id, secret_hash, purpose, created_at, expires_at) VALUES (?, ?, ?, ?, ?)",
            params![link.id, link.secret_hash, &link.purpose, link.created_at, link.expires_at],
        );
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Stores a link in the place of others.
pub struct ReplaceOneTimeLinks {
    /// The new one.
    pub link: OneTimeLink,
    /// Those that are good no more.
    pub void: Vec<OneTimeLinkId>,
}

impl Command for ReplaceOneTimeLinks {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        for id in &self.void {
            steps.any("DELETE FROM one_time_links WHERE id = ?", params![*id]);
        }
        AddOneTimeLink(self.link.clone()).steps(steps);
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Spends the link that makes the first platform owner; refused when there is one already. Two links at the same instant on two servers see
/// none each; then the unique `founder` of the user they make decides.
pub(crate) fn spend(steps: &mut Steps, id: OneTimeLinkId, at: Timestamp) {
    steps.one(
        "UPDATE one_time_links SET spent_at = ? WHERE id = ? AND spent_at IS NULL AND expires_at > ? \
         AND NOT EXISTS (SELECT 1 FROM users WHERE founder IS NOT NULL)",
        params![at, id, at],
    );
}
