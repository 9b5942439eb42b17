//! Creating an account within an interaction, where the installation allows it.

use super::{Browser, Page, Step};
use crate::interaction::next::Next;
use crate::{Ctx, Provider, ProviderError};
use protocol::{AuditEvent, ErrorCode, Timestamp, UserId};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Map;
use storage::user::{AddUser, User, UserAdded};

/// The least a password may have (NIST SP 800-63B section 3.1.1.2, where it is one of several proofs; longer is better).
pub const MIN_PASSWORD_CHARS: usize = 8;

/// What the person typed.
pub struct NewAccount {
    /// How they sign in.
    pub username: String,
    /// Where mail reaches them.
    pub email: String,
    /// What people call them.
    pub name: String,
    /// The password.
    pub password: SecretString,
}

/// What is wrong with what was typed, field by field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignUpProblem {
    /// Empty, too long, with spaces around or control characters inside, or somebody's e-mail address.
    Username,
    /// No e-mail address.
    Email,
    /// Too long.
    Name,
    /// Too short or too long.
    Password,
    /// The username or e-mail address belongs to somebody; which of them is not told.
    Taken,
}

/// What became of it.
#[derive(Debug)]
pub enum SignUpAnswer {
    /// It goes on, signed in.
    Step(Step),
    /// Something is to be mended.
    Problems {
        /// The page to mend it on.
        page: Box<Page>,
        /// What.
        problems: Vec<SignUpProblem>,
    },
}

impl NewAccount {
    /// What is wrong with it.
    pub(crate) fn problems(&self) -> Vec<SignUpProblem> {
        let password = self.password.expose_secret();
        let mut problems = Vec::new();
        if !is_username(&self.username, Some(&self.email)) {
            problems.push(SignUpProblem::Username);
        }
        if !is_email(&self.email) {
            problems.push(SignUpProblem::Email);
        }
        if self.name.len() > 255 || self.name.chars().any(char::is_control) {
            problems.push(SignUpProblem::Name);
        }
        if password.chars().count() < MIN_PASSWORD_CHARS || password.len() > passwords::MAX_PASSWORD_BYTES {
            problems.push(SignUpProblem::Password);
        }
        problems
    }

    /// The account.
    pub(crate) fn user(&self, id: UserId, platform_owner: bool, at: Timestamp) -> User {
        let name = self.name.trim();
        User {
            id,
            username: self.username.clone(),
            email: Some(self.email.clone()),
            email_verified: false,
            name: (!name.is_empty()).then(|| name.to_owned()),
            claims: Map::new(),
            platform_owner,
            created_at: at,
            updated_at: at,
            disabled_at: None,
            signed_out_at: None,
        }
    }
}

/// Whether this can be a username. One with an `@` must be its owner's own e-mail address: nobody signs in by another's.
pub(crate) fn is_username(text: &str, email: Option<&str>) -> bool {
    let own = !text.contains('@') || email.is_some_and(|email| email.eq_ignore_ascii_case(text));
    own && (1..=255).contains(&text.len()) && text.trim() == text && !text.chars().any(char::is_control)
}

/// Whether this looks like an e-mail address; only a mail that arrives shows more.
pub(crate) fn is_email(text: &str) -> bool {
    let shaped = text
        .split_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
    shaped && text.len() <= 254 && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

impl Provider {
    /// The person creates an account, and is signed in with it.
    ///
    /// # Errors
    /// When accounts are not created here, the interaction has ended or is not this browser's, or too many passwords wait.
    pub async fn sign_up(
        &self,
        ctx: &mut Ctx,
        handle: &str,
        browser: &Browser<'_>,
        account: NewAccount,
    ) -> Result<SignUpAnswer, ProviderError> {
        self.require_open_registration()?;
        let resumed = self.resume(ctx, handle, browser).await?;
        let mut problems = account.problems();
        if problems.is_empty() {
            let client = ctx.on_behalf_of(Some(&resumed.interaction.request.client_id));
            let password_hash = self.inner.hash_pool.hash(client, account.password.clone()).await?;
            let user = account.user(UserId::new(ctx.now, ctx.id()), false, ctx.now);
            let add = AddUser { user: user.clone(), password_hash: Some(password_hash), spends: None };
            let event = AuditEvent::UserSignedUp { user: user.id };
            match self.inner.store.write(self.audited(ctx, add, event)).await? {
                UserAdded::Added => {
                    tracing::info!(user = %user.id, "UserSignedUp");
                    return self.signed_in_as(ctx, resumed, &user).await.map(SignUpAnswer::Step);
                }
                UserAdded::Taken | UserAdded::LinkSpent => problems.push(SignUpProblem::Taken),
            }
        }
        let page = self.page(
            ctx.now,
            resumed.asked(&resumed.interaction.progress),
            Next::SignUp,
            resumed.handle.clone(),
        );
        Ok(SignUpAnswer::Problems { page: Box::new(page), problems })
    }

    pub(super) fn require_open_registration(&self) -> Result<(), ProviderError> {
        if self.inner.settings.registration_open {
            return Ok(());
        }
        Err(ProviderError::oauth(ErrorCode::AccessDenied, "accounts are not created here"))
    }
}
