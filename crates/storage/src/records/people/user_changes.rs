//! What adds a user, and what changes one piece by piece.

use crate::contract::value::Json;
use crate::contract::{Announcing, AnnouncingSteps, Applied, Command, Steps};
use crate::params;
use crate::records::people::session::SessionChange;
use crate::records::people::user::User;
use protocol::name::login_key;
use protocol::{OneTimeLinkId, Timestamp};

/// Adds a user; refused when the username or e-mail address is taken.
pub struct AddUser {
    /// The user.
    pub user: User,
    /// The password hash, if the user has a password.
    pub password_hash: Option<String>,
    /// A one-time link that this spends: it made the first platform owner.
    pub spends: Option<OneTimeLinkId>,
}

/// What became of [`AddUser`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserAdded {
    /// The user exists.
    Added,
    /// The username or e-mail address belongs to somebody.
    Taken,
    /// One of them looks like somebody's: only where a person chooses it themselves, see [`crate::records::people::name_skeleton::SignUp`].
    LooksAlike,
    /// The one-time link was spent or has expired.
    LinkSpent,
}

impl AddUser {
    /// A platform owner's number: 1, which only one can have, for who comes by a one-time link; else one that nobody else has.
    fn founder(&self) -> Option<i64> {
        if self.spends.is_some() {
            return Some(1);
        }
        let [.., a, b, c, d, e, f, g] = *self.user.id.as_bytes();
        self.user.platform_owner.then(|| i64::from_be_bytes([0, a, b, c, d, e, f, g]) + 3)
    }
}

impl AddUser {
    pub(crate) fn steps_without_skeletons(&self, steps: &mut Steps) {
        let user = &self.user;
        if let Some(link) = self.spends {
            crate::records::people::one_time_link::spend(steps, link, user.created_at);
        }
        steps.one(
            "INSERT INTO users (id, username, username_key, email, email_key, email_verified, name, claims, password_hash, \
             platform_owner, created_at, updated_at, founder) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                user.id,
                &user.username,
                login_key(&user.username),
                user.email.as_ref(),
                user.email.as_deref().map(login_key),
                user.email_verified,
                user.name.as_ref(),
                Json(&user.claims),
                self.password_hash.as_ref(),
                user.platform_owner,
                user.created_at,
                user.updated_at,
                self.founder(),
            ],
        );
    }
}

impl Command for AddUser {
    type Outcome = UserAdded;

    fn steps(&self, steps: &mut Steps) {
        self.steps_without_skeletons(steps);
        crate::records::people::name_skeleton::remember(steps, &self.user);
    }

    fn outcome(&self, applied: Applied) -> UserAdded {
        match applied {
            Applied::Done => UserAdded::Added,
            Applied::Refused { step: 0 } if self.spends.is_some() => UserAdded::LinkSpent,
            Applied::Refused { .. } => UserAdded::Taken,
        }
    }
}

/// Adds a user who is signed in from then on.
pub struct AddUserSignedIn {
    /// The user.
    pub add: AddUser,
    /// Their session.
    pub session: SessionChange,
}

impl Announcing for AddUserSignedIn {
    type Outcome = UserAdded;

    fn steps(&self, steps: &mut AnnouncingSteps) {
        self.add.steps(steps);
        crate::records::people::session::change(steps, &self.session);
    }

    fn outcome(&self, applied: Applied) -> UserAdded {
        self.add.outcome(applied)
    }
}

/// What of a user changes; what is not named stays as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UserChanges {
    /// How they sign in.
    pub username: Option<String>,
    /// Where mail reaches them, if anywhere, and whether that was shown.
    pub email: Option<(Option<String>, bool)>,
    /// What people call them, if anything.
    pub name: Option<Option<String>>,
    /// Their further claims: as they were read, and as they are to be.
    pub claims: Option<(Claims, Claims)>,
}

/// Further standard claims (OpenID Connect Core section 5.1).
pub type Claims = serde_json::Map<String, serde_json::Value>;

/// Changes what is named of a user, each by itself; refused when a name is taken, there is no such user, or the claims changed meanwhile.
pub struct ChangeUser {
    /// The user as they were read.
    pub user: User,
    /// What changes.
    pub changes: UserChanges,
    /// When.
    pub at: Timestamp,
}

impl Command for ChangeUser {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        let (id, at, changes) = (self.user.id, self.at, &self.changes);
        if let Some(username) = &changes.username {
            steps.one(
                "UPDATE users SET username = ?, username_key = ?, updated_at = ? WHERE id = ?",
                params![username, login_key(username), at, id],
            );
        }
        if let Some((email, verified)) = &changes.email {
            steps.one(
                "UPDATE users SET email = ?, email_key = ?, email_verified = ?, updated_at = ? WHERE id = ?",
                params![email.as_ref(), email.as_deref().map(login_key), *verified, at, id],
            );
        }
        if let Some(name) = &changes.name {
            steps.one(
                "UPDATE users SET name = ?, updated_at = ? WHERE id = ?",
                params![name.as_ref(), at, id],
            );
        }
        if let Some((before, now)) = &changes.claims {
            steps.one(
                "UPDATE users SET claims = ?, updated_at = ? WHERE id = ? AND claims = ?",
                params![Json(now), at, id, Json(before)],
            );
        }
        if changes.username.is_some() || changes.email.is_some() {
            crate::records::people::name_skeleton::forget(steps, id);
            crate::records::people::name_skeleton::remember(steps, &self.changed());
        }
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

impl ChangeUser {
    /// The user as they are afterwards.
    pub fn changed(&self) -> User {
        let mut user = User { updated_at: self.at, ..self.user.clone() };
        let changes = self.changes.clone();
        if let Some(username) = changes.username {
            user.username = username;
        }
        if let Some((email, verified)) = changes.email {
            (user.email, user.email_verified) = (email, verified);
        }
        if let Some(name) = changes.name {
            user.name = name;
        }
        if let Some((_, claims)) = changes.claims {
            user.claims = claims;
        }
        user
    }
}
