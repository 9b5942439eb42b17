//! Creating an account within an interaction, where the installation allows it.

use super::{Browser, Page, Step};
use crate::interaction::next::Next;
use crate::{Ctx, Provider, ProviderError};
use passwords::{Guessable, guessable};
use protocol::name::{self, NameProblem};
use protocol::{AuditEvent, ErrorCode, Timestamp, UserId};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Map;
use storage::name_skeleton::SignUp;
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
    /// The username.
    Username(NameProblem),
    /// The e-mail address.
    Email(NameProblem),
    /// What they are called.
    Name(NameProblem),
    /// The password.
    Password(PasswordProblem),
    /// The username or e-mail address belongs to somebody; which of them is not told.
    Taken,
    /// One of them looks like somebody's.
    LooksAlike,
}

/// Why a password cannot be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordProblem {
    /// Too short or too long.
    #[error(
        "{MIN_PASSWORD_CHARS} characters at least and {} bytes at most are expected",
        passwords::MAX_PASSWORD_BYTES
    )]
    Length,
    /// It is guessed soon.
    #[error(transparent)]
    Guessable(#[from] Guessable),
}

/// Whether this can be the password of an account with these words.
///
/// # Errors
/// Why not.
pub(crate) fn check_password<'a>(
    password: &SecretString,
    own: impl IntoIterator<Item = &'a str>,
) -> Result<(), PasswordProblem> {
    let password = password.expose_secret();
    if password.chars().count() < MIN_PASSWORD_CHARS || password.len() > passwords::MAX_PASSWORD_BYTES {
        return Err(PasswordProblem::Length);
    }
    guessable(password, own).map_or(Ok(()), |why| Err(why.into()))
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
    /// The account with its names as they are kept, or everything that is wrong with it.
    pub(crate) fn checked(self) -> Result<Self, Vec<SignUpProblem>> {
        let own_script = |text: String| name::of_one_script(&text).map(|()| text);
        let username = name::username(&self.username, Some(&self.email)).and_then(own_script);
        let email = name::email(&self.email).and_then(own_script);
        let called = match self.name.trim() {
            "" => Ok(String::new()),
            called => name::display_name(called),
        };
        let own = [self.username.as_str(), &self.email, &self.name];
        let password = check_password(&self.password, own);
        let problems: Vec<_> = [
            called.as_ref().err().map(|problem| SignUpProblem::Name(*problem)),
            email.as_ref().err().map(|problem| SignUpProblem::Email(*problem)),
            username.as_ref().err().map(|problem| SignUpProblem::Username(*problem)),
            password.err().map(SignUpProblem::Password),
        ]
        .into_iter()
        .flatten()
        .collect();
        match (username, email, called) {
            (Ok(username), Ok(email), Ok(name)) if problems.is_empty() => {
                Ok(Self { username, email, name, password: self.password })
            }
            _ => Err(problems),
        }
    }

    /// The account.
    pub(crate) fn user(&self, id: UserId, platform_owner: bool, at: Timestamp) -> User {
        User {
            id,
            username: self.username.clone(),
            email: Some(self.email.clone()),
            email_verified: false,
            name: (!self.name.is_empty()).then(|| self.name.clone()),
            claims: Map::new(),
            platform_owner,
            created_at: at,
            updated_at: at,
            disabled_at: None,
            signed_out_at: None,
        }
    }
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
        let resumed = self.resume_to_act(ctx, handle, browser).await?;
        let problems = match account.checked() {
            Ok(account) => {
                let client = ctx.on_behalf_of(Some(&resumed.interaction.request.client_id));
                let password_hash = self.inner.hash_pool.hash(client, account.password.clone()).await?;
                let user = account.user(UserId::new(ctx.now, ctx.id()), false, ctx.now);
                let add = AddUser { user: user.clone(), password_hash: Some(password_hash), spends: None };
                let event = AuditEvent::UserSignedUp { user: user.id };
                match self.inner.store.write(self.audited(ctx, SignUp(add), event)).await? {
                    UserAdded::Added => {
                        tracing::info!(user = %user.id, "UserSignedUp");
                        return self.signed_in_as(ctx, resumed, &user, false).await.map(SignUpAnswer::Step);
                    }
                    UserAdded::LooksAlike => vec![SignUpProblem::LooksAlike],
                    UserAdded::Taken | UserAdded::LinkSpent => vec![SignUpProblem::Taken],
                }
            }
            Err(problems) => problems,
        };
        self.keep_open(ctx, &resumed).await?;
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
