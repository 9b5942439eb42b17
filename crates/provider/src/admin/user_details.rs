//! What an administrator asks about a user first, beside the account itself: can they sign in, did they, and where do they belong.

use super::AdminError;
use crate::Provider;
use protocol::{Role, Slug, Timestamp};
use storage::membership::MembershipsOf;
use storage::session::LastSignIn;
use storage::subscription::{ListSubscriptionsOf, ListedSubscription};
use storage::user::User;

/// Nobody reads more of them at once; whoever needs all lists them.
const MOST: u32 = 100;

/// About a user.
#[derive(Debug)]
pub struct UserDetails {
    /// Whether there is a password to sign in with.
    pub has_password: bool,
    /// When they last signed in, as far as it is remembered: sessions that are long over are forgotten.
    pub last_sign_in: Option<Timestamp>,
    /// What they are, in which organizations.
    pub memberships: Vec<(Slug, Role)>,
    /// What they subscribed to.
    pub subscriptions: Vec<ListedSubscription>,
}

impl Provider {
    /// The user with this username, or else this e-mail address, and more about them.
    ///
    /// # Errors
    /// When there is none.
    pub async fn user_details(&self, login: &str) -> Result<(User, UserDetails), AdminError> {
        let found = self.user_by_login(login).await?;
        let found = found.ok_or_else(|| AdminError::Unknown(format!("user {login}")))?;
        let (user, store) = (found.user.id, &self.inner.store);
        let details = UserDetails {
            has_password: found.password_hash.is_some(),
            last_sign_in: store.read(LastSignIn(user)).await?,
            memberships: store.read(MembershipsOf { user, limit: MOST }).await?,
            subscriptions: store.read(ListSubscriptionsOf { user, after: None, limit: MOST }).await?,
        };
        Ok((found.user, details))
    }
}
