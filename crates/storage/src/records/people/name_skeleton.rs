//! What names look like: the skeletons (UTS 39) of usernames and e-mail addresses that are not in ASCII alone, and whose they are. A name in
//! ASCII looks like itself, and its own key is what others are compared with.
//!
//! Only who signs up is refused a look-alike: an operator knows whom they add, and names from before this table stay as they are.

use crate::contract::row::Rows;
use crate::contract::{Access, Applied, Command, Query, Statement, Steps, StorageError};
use crate::params;
use crate::records::people::user::{AddUser, User, UserAdded};
use protocol::UserId;
use protocol::name::{login_key, skeleton};

/// The row that says that names from before this table are in it.
const FILLED: &str = "";

/// The keys of a user's names, each once.
fn keys(user: &User) -> (String, Option<String>) {
    let username = login_key(&user.username);
    let email = user.email.as_deref().map(login_key).filter(|email| *email != username);
    (username, email)
}

/// Remembers what a user's names look like, where nobody's does already.
pub(crate) fn remember(steps: &mut Steps, user: &User) {
    let (username, email) = keys(user);
    for skeleton in [Some(username), email].into_iter().flatten().filter_map(|key| skeleton(&key)) {
        steps.any(
            "INSERT INTO name_skeletons (skeleton, user_id) SELECT ?, u.id FROM users u WHERE u.id = ? \
             AND NOT EXISTS (SELECT 1 FROM name_skeletons n WHERE n.skeleton = ?)",
            params![&skeleton, user.id, &skeleton],
        );
    }
}

/// Forgets what a user's names look like.
pub(crate) fn forget(steps: &mut Steps, user: UserId) {
    steps.any("DELETE FROM name_skeletons WHERE user_id = ?", params![user]);
}

/// Adds a user who chose their names themselves: refused, too, when one of them looks like somebody's.
pub struct SignUp(pub AddUser);

impl SignUp {
    /// How many steps come before the user's own.
    fn guard_count(&self) -> usize {
        let (username, email) = keys(&self.0.user);
        [Some(username), email].into_iter().flatten().filter(|key| is_guarded(key)).count()
    }
}

/// Whether somebody else's name may look like this one. Of a name that is its own skeleton, the same is simply taken.
fn is_guarded(key: &str) -> bool {
    skeleton(key).is_none_or(|skeleton| skeleton != key)
}

impl Command for SignUp {
    type Outcome = UserAdded;

    fn steps(&self, steps: &mut Steps) {
        let (username, email) = keys(&self.0.user);
        let (id, at) = (self.0.user.id, self.0.user.created_at);
        // No row may be found: one that is, is refused together with what this did to it.
        let mut unlike = |key: &str, sql: &'static str| match skeleton(key) {
            Some(skeleton) => steps.exactly(0, sql, params![at, skeleton]),
            None => {
                steps.exactly(0, "UPDATE name_skeletons SET user_id = ? WHERE skeleton = ?", params![id, key])
            }
        };
        if is_guarded(&username) {
            unlike(&username, "UPDATE users SET updated_at = ? WHERE username_key = ?");
        }
        if let Some(email) = email.as_ref().filter(|email| is_guarded(email)) {
            unlike(email, "UPDATE users SET updated_at = ? WHERE email_key = ?");
        }
        let skeletons: Vec<_> =
            [Some(username), email].into_iter().flatten().filter_map(|key| skeleton(&key)).collect();
        self.0.steps_without_skeletons(steps);
        for skeleton in skeletons {
            steps.one(
                "INSERT INTO name_skeletons (skeleton, user_id) VALUES (?, ?)",
                params![&skeleton, self.0.user.id],
            );
        }
    }

    fn outcome(&self, applied: Applied) -> UserAdded {
        match applied {
            Applied::Done => UserAdded::Added,
            Applied::Refused { step } if step == self.guard_count() => UserAdded::Taken,
            Applied::Refused { .. } => UserAdded::LooksAlike,
        }
    }
}

/// Whether names from before this table are in it.
pub struct NamesFilled;

impl Query for NamesFilled {
    type Output = bool;

    fn statement(&self) -> Statement {
        Statement::new("SELECT 1 FROM name_skeletons WHERE skeleton = ?", params![FILLED])
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        Ok(rows.next()?.is_some())
    }
}

/// A user's names as they are stored.
#[derive(Debug, Clone)]
pub struct StoredNames {
    /// Whose.
    pub id: UserId,
    /// The username.
    pub username: String,
    /// What it is found by.
    pub username_key: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// What it is found by.
    pub email_key: Option<String>,
}

/// The names of users in the order of their creation, a page at a time.
pub struct NamesAfter {
    /// The last one of the page before.
    pub after: Option<UserId>,
    /// How many at most.
    pub limit: u32,
}

impl Query for NamesAfter {
    type Output = Vec<StoredNames>;
    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        let after = self.after.map_or([0; 16], |id| *id.as_bytes());
        Statement::new(
            "SELECT id, username, username_key, email, email_key FROM users WHERE id > ? ORDER BY id LIMIT ?",
            params![after.as_slice(), self.limit],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.all(|row| {
            Ok(StoredNames {
                id: row.get(0)?,
                username: row.get(1)?,
                username_key: row.get(2)?,
                email: row.get(3)?,
                email_key: row.get(4)?,
            })
        })
    }
}

/// Remembers what this user's names look like, where nobody's does already.
pub struct RememberNames(pub User);

impl Command for RememberNames {
    type Outcome = ();

    fn steps(&self, steps: &mut Steps) {
        remember(steps, &self.0);
    }

    fn outcome(&self, _applied: Applied) {}
}

/// Stores a username under the key by which it is found from now on; refused when that is somebody else's.
pub struct RekeyUsername {
    /// Whose.
    pub user: UserId,
    /// The key before.
    pub before: String,
    /// The key from now on.
    pub key: String,
}

impl Command for RekeyUsername {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        steps.one(
            "UPDATE users SET username_key = ? WHERE id = ? AND username_key = ?",
            params![&self.key, self.user, &self.before],
        );
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// The same of an e-mail address.
pub struct RekeyEmail {
    /// Whose.
    pub user: UserId,
    /// The key before.
    pub before: String,
    /// The key from now on.
    pub key: String,
}

impl Command for RekeyEmail {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        steps.one(
            "UPDATE users SET email_key = ? WHERE id = ? AND email_key = ?",
            params![&self.key, self.user, &self.before],
        );
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Notes that names from before this table are in it; refused when that is noted.
pub struct NoteNamesFilled;

impl Command for NoteNamesFilled {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        let nobody = UserId::from_bytes([0; 16]);
        steps.one("INSERT INTO name_skeletons (skeleton, user_id) VALUES (?, ?)", params![FILLED, nobody]);
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}
