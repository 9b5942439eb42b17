//! Somebody, by everything that a page may call them. Knows not what a page picks.

use storage::user::User;

/// A person's names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// How they sign in.
    pub username: String,
    /// What they are called.
    pub name: Option<String>,
    /// Their e-mail address.
    pub email: Option<String>,
}

impl Named {
    /// Of this account.
    pub fn of(user: &User) -> Self {
        Self { username: user.username.clone(), name: user.name.clone(), email: user.email.clone() }
    }
}
