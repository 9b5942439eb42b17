//! Sessions: one browser's sign-in each.

use crate::contract::row::Rows;
use crate::contract::value::Value;
use crate::contract::{
    Access, Announcing, AnnouncingSteps, Applied, Command, Query, Statement, Steps, StorageError,
};
use crate::params;
use crate::records::people::user::User;
use protocol::{SecretHash, SessionId, Timestamp, UserId};

/// A session as stored.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its id; written out, the `sid` claim.
    pub id: SessionId,
    /// Of the secret in the browser's cookie.
    pub secret_hash: SecretHash,
    /// Who signed in.
    pub user_id: UserId,
    /// When they last proved who they are.
    pub auth_time: Timestamp,
    /// By what means, space-separated (RFC 8176).
    pub amr: String,
    /// How strongly.
    pub acr: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When the browser was last seen, to within a few minutes.
    pub last_seen_at: Timestamp,
    /// When it ends whatever happens.
    pub expires_at: Timestamp,
    /// When it was ended.
    pub ended_at: Option<Timestamp>,
    /// Whether it outlives its browser's window, and idleness.
    pub persistent: bool,
}

/// The session with this id, and who is behind it.
pub struct SessionById(pub SessionId);

impl Query for SessionById {
    type Output = Option<(Session, User)>;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT u.id, u.username, u.email, u.email_verified, u.name, u.claims, u.platform_owner, u.created_at, u.updated_at, \
             u.disabled_at, u.signed_out_at, s.id, s.secret_hash, s.user_id, s.auth_time, s.amr, s.acr, s.created_at, \
             s.last_seen_at, s.expires_at, s.ended_at, s.persistent \
             FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = ?",
            params![self.0],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(|row| {
            let from = User::COLUMN_COUNT;
            let session = Session {
                id: row.get(from)?,
                secret_hash: row.get(from + 1)?,
                user_id: row.get(from + 2)?,
                auth_time: row.get(from + 3)?,
                amr: row.get(from + 4)?,
                acr: row.get(from + 5)?,
                created_at: row.get(from + 6)?,
                last_seen_at: row.get(from + 7)?,
                expires_at: row.get(from + 8)?,
                ended_at: row.get(from + 9)?,
                persistent: row.get::<Option<bool>>(from + 10)?.unwrap_or_default(),
            };
            Ok((session, User::from_row(row, 0)?))
        })
    }
}

/// When this user last proved who they are, as far as sessions are remembered.
pub struct LastSignIn(pub UserId);

impl Query for LastSignIn {
    type Output = Option<Timestamp>;
    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT auth_time FROM sessions WHERE user_id = ? ORDER BY auth_time DESC LIMIT 1",
            params![self.0],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(|row| row.get(0))
    }
}

/// What a sign-in does to the browser's session.
#[derive(Debug, Clone)]
pub enum SessionChange {
    /// A new one begins; the one before it, somebody else's, ends.
    Start {
        /// The new session.
        session: Session,
        /// The one that ends.
        replaces: Option<EndSession>,
    },
    /// The same person proved again who they are: same session, new secret (session fixation), new `auth_time`.
    Renew {
        /// Which.
        id: SessionId,
        /// The secret it had.
        presented: SecretHash,
        /// The secret it has from now on.
        secret_hash: SecretHash,
        /// By what means.
        amr: String,
        /// How strongly.
        acr: String,
        /// Whether it outlives its browser's window from now on.
        persistent: bool,
        /// When.
        at: Timestamp,
    },
}

pub(crate) fn change(steps: &mut AnnouncingSteps, change: &SessionChange) {
    match change {
        SessionChange::Start { session, replaces } => {
            if let Some(ended) = replaces {
                // Over or not, it is in nobody's way.
                steps.any(END, ended.params());
                ended.revoke(steps);
            }
            insert(steps, session);
        }
        SessionChange::Renew { id, presented, secret_hash, amr, acr, persistent, at } => steps.one(
            "UPDATE sessions SET secret_hash = ?, auth_time = ?, amr = ?, acr = ?, last_seen_at = ?, persistent = ? \
             WHERE id = ? AND secret_hash = ? AND ended_at IS NULL",
            params![*secret_hash, *at, amr, acr, *at, *persistent, *id, *presented],
        ),
    }
}

pub(crate) fn insert(steps: &mut Steps, session: &Session) {
    steps.one(
        "INSERT INTO sessions (id, secret_hash, user_id, auth_time, amr, acr, created_at, last_seen_at, expires_at, persistent) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            session.id,
            session.secret_hash,
            session.user_id,
            session.auth_time,
            &session.amr,
            &session.acr,
            session.created_at,
            session.last_seen_at,
            session.expires_at,
            session.persistent,
        ],
    );
}

/// Notes that the browser was seen.
pub struct TouchSession {
    /// Which.
    pub id: SessionId,
    /// When.
    pub at: Timestamp,
}

impl Command for TouchSession {
    type Outcome = ();

    fn steps(&self, steps: &mut Steps) {
        steps.any(
            "UPDATE sessions SET last_seen_at = ? WHERE id = ? AND last_seen_at < ? AND ended_at IS NULL",
            params![self.at, self.id, self.at],
        );
    }

    fn outcome(&self, _applied: Applied) {}
}

/// Ends a session, and with it the access tokens of its grants; those granted offline access go on. Refused when it was over already.
#[derive(Debug, Clone)]
pub struct EndSession {
    /// Which.
    pub id: SessionId,
    /// When.
    pub at: Timestamp,
    /// How long an access token issued before could still verify.
    pub revoked_until: Timestamp,
}

const END: &str = "UPDATE sessions SET ended_at = ? WHERE id = ? AND ended_at IS NULL";

impl EndSession {
    fn params(&self) -> Vec<Value> {
        params![self.at, self.id]
    }

    fn revoke(&self, steps: &mut AnnouncingSteps) {
        crate::records::oauth::revocation::revoke(steps, *self.id.as_bytes(), self.at, self.revoked_until);
    }
}

impl Announcing for EndSession {
    type Outcome = bool;

    fn steps(&self, steps: &mut AnnouncingSteps) {
        steps.one(END, self.params());
        self.revoke(steps);
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}
