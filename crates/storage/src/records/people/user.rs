//! Users: the people who sign in.

use crate::contract::row::{Row, Rows};
use crate::contract::value::Json;
use crate::contract::{
    Access, Announcing, AnnouncingSteps, Applied, Change, Command, Query, Statement, Steps, StorageError,
};
use crate::params;
use crate::records::people::given_subject;
use protocol::name::login_key;
use protocol::{Timestamp, UserId};

pub use crate::records::people::user_changes::{
    AddUser, AddUserSignedIn, ChangeUser, Claims, UserAdded, UserChanges,
};

/// A person's account.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// Its id; written out, the `sub` that clients see.
    pub id: UserId,
    /// As its owner writes it.
    pub username: String,
    /// Where mail reaches its owner.
    pub email: Option<String>,
    /// Whether that was shown.
    pub email_verified: bool,
    /// What people call its owner.
    pub name: Option<String>,
    /// Further standard claims (OpenID Connect Core section 5.1).
    pub claims: serde_json::Map<String, serde_json::Value>,
    /// Whether its owner runs this installation.
    pub platform_owner: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Since when it is refused.
    pub disabled_at: Option<Timestamp>,
    /// Sessions and grants begun before it are over.
    pub signed_out_at: Option<Timestamp>,
}

impl User {
    /// Whether something begun at `at` still stands for this user.
    pub fn stands_since(&self, at: Timestamp) -> bool {
        self.disabled_at.is_none() && self.signed_out_at.is_none_or(|signed_out| at > signed_out)
    }

    pub(crate) const COLUMN_COUNT: usize = 11;

    pub(crate) fn from_row(row: &Row<'_>, from: usize) -> Result<Self, StorageError> {
        Ok(Self {
            id: row.get(from)?,
            username: row.get(from + 1)?,
            email: row.get(from + 2)?,
            email_verified: row.get(from + 3)?,
            name: row.get(from + 4)?,
            claims: row.get::<Json<_>>(from + 5)?.0,
            platform_owner: row.get(from + 6)?,
            created_at: row.get(from + 7)?,
            updated_at: row.get(from + 8)?,
            disabled_at: row.get(from + 9)?,
            signed_out_at: row.get(from + 10)?,
        })
    }
}

/// The user with this id.
pub struct UserById(pub UserId);

impl Query for UserById {
    type Output = Option<User>;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT id, username, email, email_verified, name, claims, platform_owner, created_at, updated_at, disabled_at, \
             signed_out_at FROM users WHERE id = ?",
            params![self.0],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(|row| User::from_row(row, 0))
    }
}

/// A user and the password hash that only sign-in may see.
#[derive(Clone)]
pub struct UserWithPassword {
    /// The user.
    pub user: User,
    /// In a format `passwords` knows, or none: this user has no password.
    pub password_hash: Option<String>,
}

/// The user who signs in with this username.
pub struct UserByUsername<'a>(pub &'a str);

impl Query for UserByUsername<'_> {
    type Output = Option<UserWithPassword>;

    fn statement(&self) -> Statement {
        UserByUsernameKey(login_key(self.0)).statement()
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(with_password)
    }
}

/// The user whose username is stored under this key: how names are compared may have been another when theirs was.
pub struct UserByUsernameKey(pub String);

impl Query for UserByUsernameKey {
    type Output = Option<UserWithPassword>;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT id, username, email, email_verified, name, claims, platform_owner, created_at, updated_at, disabled_at, \
             signed_out_at, password_hash FROM users WHERE username_key = ?",
            params![&self.0],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(with_password)
    }
}

/// The user with this e-mail address.
pub struct UserByEmail<'a>(pub &'a str);

impl Query for UserByEmail<'_> {
    type Output = Option<UserWithPassword>;

    fn statement(&self) -> Statement {
        UserByEmailKey(login_key(self.0)).statement()
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(with_password)
    }
}

/// The user whose e-mail address is stored under this key: see [`UserByUsernameKey`].
pub struct UserByEmailKey(pub String);

impl Query for UserByEmailKey {
    type Output = Option<UserWithPassword>;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT id, username, email, email_verified, name, claims, platform_owner, created_at, updated_at, disabled_at, \
             signed_out_at, password_hash FROM users WHERE email_key = ?",
            params![&self.0],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(with_password)
    }
}

fn with_password(row: &Row<'_>) -> Result<UserWithPassword, StorageError> {
    Ok(UserWithPassword { user: User::from_row(row, 0)?, password_hash: row.get(User::COLUMN_COUNT)? })
}

/// Users in the order of their creation, a page at a time.
pub struct ListUsers {
    /// The last one of the page before.
    pub after: Option<UserId>,
    /// How many at most.
    pub limit: u32,
}

impl Query for ListUsers {
    type Output = Vec<User>;
    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        let after = self.after.map_or([0; 16], |id| *id.as_bytes());
        Statement::new(
            "SELECT id, username, email, email_verified, name, claims, platform_owner, created_at, updated_at, disabled_at, \
             signed_out_at FROM users WHERE id > ? ORDER BY id LIMIT ?",
            params![after.as_slice(), self.limit],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.all(|row| User::from_row(row, 0))
    }
}

/// Whether this installation has a platform owner.
pub struct PlatformOwnerExists;

impl Query for PlatformOwnerExists {
    type Output = bool;

    fn statement(&self) -> Statement {
        // By the index of founders, which only owners are in: users may be millions, and this is asked for the home page.
        Statement::new("SELECT 1 FROM users WHERE founder IS NOT NULL LIMIT 1", params![])
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        Ok(rows.next()?.is_some())
    }
}

/// Adds a user whose subject another system gave; refused when it is a client's, or a user's already.
pub struct AddUserWithSubject(pub AddUser);

impl Command for AddUserWithSubject {
    /// `None` when the subject is taken.
    type Outcome = Option<UserAdded>;

    fn steps(&self, steps: &mut Steps) {
        given_subject::take(steps, self.0.user.id);
        self.0.steps(steps);
    }

    fn outcome(&self, applied: Applied) -> Self::Outcome {
        match applied {
            Applied::Refused { step } if step < given_subject::STEPS => None,
            Applied::Refused { step } => {
                Some(self.0.outcome(Applied::Refused { step: step - given_subject::STEPS }))
            }
            Applied::Done => Some(UserAdded::Added),
        }
    }
}

/// Replaces a user's password hash, and nothing else when it changed meanwhile.
pub struct UpgradePasswordHash {
    /// Whose.
    pub user: UserId,
    /// The hash that was verified.
    pub verified: String,
    /// The stronger hash of the same password.
    pub upgraded: String,
}

impl Command for UpgradePasswordHash {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        steps.one(
            "UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?",
            params![&self.upgraded, self.user, &self.verified],
        );
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Sets a user's password and ends everything begun before.
pub struct SetPassword {
    /// Whose.
    pub user: UserId,
    /// The new password's hash; none takes the password away.
    pub password_hash: Option<String>,
    /// When.
    pub at: Timestamp,
    /// How long an access token issued before could still verify.
    pub revoked_until: Timestamp,
}

impl Announcing for SetPassword {
    type Outcome = bool;

    fn steps(&self, steps: &mut AnnouncingSteps) {
        steps.one(
            "UPDATE users SET password_hash = ?, signed_out_at = ?, updated_at = ? WHERE id = ?",
            params![self.password_hash.as_ref(), self.at, self.at, self.user],
        );
        crate::records::oauth::revocation::revoke(steps, *self.user.as_bytes(), self.at, self.revoked_until);
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Refuses a user everywhere, or admits them again; either ends everything begun before.
pub struct SetUserDisabled {
    /// Whom.
    pub user: UserId,
    /// Refused or admitted.
    pub disabled: bool,
    /// When.
    pub at: Timestamp,
    /// How long an access token issued before could still verify.
    pub revoked_until: Timestamp,
}

impl Announcing for SetUserDisabled {
    type Outcome = bool;

    fn steps(&self, steps: &mut AnnouncingSteps) {
        steps.one(
            "UPDATE users SET disabled_at = ?, signed_out_at = ?, updated_at = ? WHERE id = ?",
            params![self.disabled.then_some(self.at), self.at, self.at, self.user],
        );
        crate::records::oauth::revocation::revoke(steps, *self.user.as_bytes(), self.at, self.revoked_until);
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Ends a user's sessions and everything that was granted in them until now, and forgets what they allowed.
pub struct EndUserGrants {
    /// Whose.
    pub user: UserId,
    /// When.
    pub at: Timestamp,
    /// How long an access token issued before could still verify.
    pub revoked_until: Timestamp,
}

impl Announcing for EndUserGrants {
    type Outcome = bool;

    fn steps(&self, steps: &mut AnnouncingSteps) {
        steps.one("UPDATE users SET signed_out_at = ? WHERE id = ?", params![self.at, self.user]);
        // What is remembered would make a grant anew, unasked.
        steps.any("DELETE FROM consents WHERE user_id = ?", params![self.user]);
        crate::records::oauth::revocation::revoke(steps, *self.user.as_bytes(), self.at, self.revoked_until);
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Says on every node that a user's lock-out is lifted. Nothing is stored of lock-outs: the command only carries the announcement.
pub struct LiftLockOut(pub UserId);

impl Announcing for LiftLockOut {
    type Outcome = ();

    fn steps(&self, steps: &mut AnnouncingSteps) {
        steps.any("UPDATE users SET signed_out_at = signed_out_at WHERE id = ?", params![self.0]);
        steps.announces(Change::LockOutLifted(self.0));
    }

    fn outcome(&self, _applied: Applied) {}
}

/// Forgets a user: their account and what they allowed clients. Sessions and grants follow when they expire, refused meanwhile
/// because nobody is behind them.
pub struct RemoveUser {
    /// Whom.
    pub user: UserId,
    /// When.
    pub at: Timestamp,
    /// How long an access token issued before could still verify.
    pub revoked_until: Timestamp,
}

impl Announcing for RemoveUser {
    type Outcome = bool;

    fn steps(&self, steps: &mut AnnouncingSteps) {
        steps.one("DELETE FROM users WHERE id = ?", params![self.user]);
        crate::records::people::name_skeleton::forget(steps, self.user);
        steps.any("DELETE FROM consents WHERE user_id = ?", params![self.user]);
        steps.any("DELETE FROM memberships WHERE user_id = ?", params![self.user]);
        steps.any("DELETE FROM subscriptions WHERE user_id = ?", params![self.user]);
        given_subject::leave(steps, self.user);
        crate::records::oauth::revocation::revoke(steps, *self.user.as_bytes(), self.at, self.revoked_until);
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}
