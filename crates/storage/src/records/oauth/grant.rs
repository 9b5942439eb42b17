//! Grants: what a user allowed a client once; parents of codes and tokens. A grant is revoked by marking it, not by touching its
//! tokens.

use crate::contract::row::{Row, Rows};
use crate::contract::value::Json;
use crate::contract::{Access, Announcing, AnnouncingSteps, Applied, Query, Statement, Steps, StorageError};
use crate::params;
use crate::records::people::user::User;
use protocol::{ClaimsRequest, ClientId, GrantId, ResourceIndicator, Scope, SessionId, Timestamp, UserId};

/// A grant when it is made.
#[derive(Debug, Clone)]
pub struct NewGrant {
    /// Its id.
    pub id: GrantId,
    /// Who allowed it.
    pub user_id: UserId,
    /// To whom.
    pub client_id: ClientId,
    /// In which session.
    pub session_id: SessionId,
    /// What.
    pub scope: Scope,
    /// Claims asked for by name.
    pub claims: ClaimsRequest,
    /// When the user had proved who they are.
    pub auth_time: Timestamp,
    /// By what means.
    pub amr: String,
    /// How strongly.
    pub acr: String,
    /// What its access tokens may be for, where the client named it (RFC 8707); empty means the client's default.
    pub resources: Vec<ResourceIndicator>,
    /// Whether it outlives the session (`offline_access`).
    pub offline: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends whatever happens.
    pub expires_at: Timestamp,
}

/// A grant as stored, with what decides whether it still stands.
#[derive(Debug, Clone)]
pub struct Grant {
    /// What was granted.
    pub granted: NewGrant,
    /// Since when it is over.
    pub revoked_at: Option<Timestamp>,
    /// Who is behind it.
    pub user: User,
    /// Whether its session goes on.
    pub session_open: bool,
}

impl Grant {
    /// Whether tokens may be issued and used on it at `now`.
    pub fn stands(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none()
            && now < self.granted.expires_at
            && (self.granted.offline || self.session_open)
            && self.user.stands_since(self.granted.created_at)
    }
}

/// The grant with this id; none when its user is gone.
pub struct GrantById(pub GrantId);

impl Query for GrantById {
    type Output = Option<Grant>;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT u.id, u.username, u.email, u.email_verified, u.name, u.claims, u.platform_owner, u.created_at, u.updated_at, \
             u.disabled_at, u.signed_out_at, g.id, g.client_id, g.session_id, g.scope, g.claims, g.auth_time, g.amr, g.acr, \
             g.offline, g.created_at, g.expires_at, g.revoked_at, s.id, s.ended_at, g.resources \
             FROM grants g JOIN users u ON u.id = g.user_id LEFT JOIN sessions s ON s.id = g.session_id WHERE g.id = ?",
            params![self.0],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(from_row)
    }
}

/// Grants that are neither revoked nor expired, in the order in which they were made, a page at a time. Whether their user, session and client
/// let them stand is left to see.
pub struct ListGrants {
    /// Of this user only.
    pub user: Option<UserId>,
    /// To this client only.
    pub client: Option<ClientId>,
    /// The last one of the page before.
    pub after: Option<GrantId>,
    /// How many at most.
    pub limit: u32,
    /// When.
    pub now: Timestamp,
}

impl Query for ListGrants {
    type Output = Vec<Grant>;
    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        let after = self.after.map_or([0; 16], |id| *id.as_bytes());
        // One is between itself and itself, anybody between the least and the greatest there can be.
        let users = self.user.map_or(([0; 16], [0xff; 16]), |user| (*user.as_bytes(), *user.as_bytes()));
        let clients =
            self.client.as_ref().map_or(("", "\u{7f}"), |client| (client.as_str(), client.as_str()));
        Statement::new(
            "SELECT u.id, u.username, u.email, u.email_verified, u.name, u.claims, u.platform_owner, u.created_at, u.updated_at, \
             u.disabled_at, u.signed_out_at, g.id, g.client_id, g.session_id, g.scope, g.claims, g.auth_time, g.amr, g.acr, \
             g.offline, g.created_at, g.expires_at, g.revoked_at, s.id, s.ended_at, g.resources \
             FROM grants g JOIN users u ON u.id = g.user_id LEFT JOIN sessions s ON s.id = g.session_id \
             WHERE g.id > ? AND g.revoked_at IS NULL AND g.expires_at > ? AND g.user_id >= ? AND g.user_id <= ? \
             AND g.client_id >= ? AND g.client_id <= ? ORDER BY g.id LIMIT ?",
            params![
                after.as_slice(),
                self.now,
                users.0.as_slice(),
                users.1.as_slice(),
                clients.0,
                clients.1,
                self.limit
            ],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.all(from_row)
    }
}

fn from_row(row: &Row<'_>) -> Result<Grant, StorageError> {
    let from = User::COLUMN_COUNT;
    let user = User::from_row(row, 0)?;
    let session_exists = row.get::<Option<SessionId>>(from + 12)?.is_some();
    let session_ended = row.get::<Option<Timestamp>>(from + 13)?.is_some();
    Ok(Grant {
        granted: NewGrant {
            id: row.get(from)?,
            user_id: user.id,
            client_id: row.get(from + 1)?,
            session_id: row.get(from + 2)?,
            scope: row.get(from + 3)?,
            claims: row.get::<Json<_>>(from + 4)?.0,
            auth_time: row.get(from + 5)?,
            amr: row.get(from + 6)?,
            acr: row.get(from + 7)?,
            resources: row
                .get::<Option<Json<_>>>(from + 14)?
                .map(|resources| resources.0)
                .unwrap_or_default(),
            offline: row.get(from + 8)?,
            created_at: row.get(from + 9)?,
            expires_at: row.get(from + 10)?,
        },
        revoked_at: row.get(from + 11)?,
        session_open: session_exists && !session_ended,
        user,
    })
}

pub(crate) fn insert(steps: &mut Steps, grant: &NewGrant) {
    steps.one(
        "INSERT INTO grants (id, user_id, client_id, session_id, scope, claims, auth_time, amr, acr, offline, created_at, \
         expires_at, resources) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            grant.id,
            grant.user_id,
            &grant.client_id,
            grant.session_id,
            &grant.scope,
            Json(&grant.claims),
            grant.auth_time,
            &grant.amr,
            &grant.acr,
            grant.offline,
            grant.created_at,
            grant.expires_at,
            (!grant.resources.is_empty()).then_some(Json(&grant.resources)),
        ],
    );
}

/// Ends a grant and every token that stands on it; refused when it was over already.
pub struct RevokeGrant {
    /// Which.
    pub id: GrantId,
    /// When.
    pub at: Timestamp,
    /// How long an access token issued before could still verify.
    pub revoked_until: Timestamp,
}

impl Announcing for RevokeGrant {
    type Outcome = bool;

    fn steps(&self, steps: &mut AnnouncingSteps) {
        steps.one(
            "UPDATE grants SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL",
            params![self.at, self.id],
        );
        crate::records::oauth::revocation::revoke(steps, *self.id.as_bytes(), self.at, self.revoked_until);
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}
