//! Consents: what a user allowed a client, remembered so that they are not asked twice.

use crate::contract::row::Rows;
use crate::contract::value::Json;
use crate::contract::{Query, Statement, Steps, StorageError};
use crate::params;
use protocol::{ClientId, Scope, Timestamp, UserId};
use std::collections::BTreeSet;

/// What one user allowed one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// Who.
    pub user_id: UserId,
    /// To whom.
    pub client_id: ClientId,
    /// Scopes.
    pub scope: Scope,
    /// Claims asked for by name.
    pub claims: BTreeSet<String>,
    /// When.
    pub updated_at: Timestamp,
}

/// What this user allowed this client.
pub struct ConsentOf<'a>(pub UserId, pub &'a ClientId);

impl Query for ConsentOf<'_> {
    type Output = Option<Consent>;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT user_id, client_id, scope, claims, updated_at FROM consents WHERE user_id = ? AND client_id = ?",
            params![self.0, self.1],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(|row| {
            Ok(Consent {
                user_id: row.get(0)?,
                client_id: row.get(1)?,
                scope: row.get(2)?,
                claims: row.get::<Json<_>>(3)?.0,
                updated_at: row.get(4)?,
            })
        })
    }
}

pub(crate) fn remember(steps: &mut Steps, consent: &Consent) {
    steps.replace(
        Statement::new(
            "DELETE FROM consents WHERE user_id = ? AND client_id = ?",
            params![consent.user_id, &consent.client_id],
        ),
        Statement::new(
            "INSERT INTO consents (user_id, client_id, scope, claims, updated_at) VALUES (?, ?, ?, ?, ?)",
            params![
                consent.user_id,
                &consent.client_id,
                &consent.scope,
                Json(&consent.claims),
                consent.updated_at
            ],
        ),
    );
}
