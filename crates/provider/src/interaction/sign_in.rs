//! Signing in with a password. An unknown user costs the same work as a wrong password, and hears the same answer.

use super::act::Act;
use super::{Browser, Page, Resumed, Step, Todo};
use crate::authentication::failures::{Account, Origin};
use crate::authentication::session::StartedSession;
use crate::interaction::next::Next;
use crate::{Ctx, Provider, ProviderError};
use passwords::Verdict;
use protocol::{AuditEvent, SignInFailure};
use secrecy::{ExposeSecret as _, SecretString};
use storage::interaction::{Interaction, KeepInteraction, Progress};
use storage::user::{UpgradePasswordHash, User, UserWithPassword};

/// What the person typed.
pub struct Credentials {
    /// A username or an e-mail address.
    pub username: String,
    /// The password.
    pub password: SecretString,
    /// Whether they want to stay signed in.
    pub stay: bool,
}

/// What became of a sign-in.
#[derive(Debug)]
pub enum SignInAnswer {
    /// It goes on.
    Step(Step),
    /// Wrong username or password; which of them is not told.
    Wrong(Box<Page>),
    /// Not now: too many wrong passwords, or too many people signing in.
    Later {
        /// The page to try again on.
        page: Box<Page>,
        /// Why, and when.
        error: ProviderError,
    },
}

impl Provider {
    /// The person signs in.
    ///
    /// # Errors
    /// When the interaction has ended or is not this browser's, or storage fails.
    pub async fn sign_in(
        &self,
        ctx: &mut Ctx,
        handle: &str,
        browser: &Browser<'_>,
        credentials: Credentials,
    ) -> Result<SignInAnswer, ProviderError> {
        let resumed = self.resume_to_act(ctx, handle, browser).await?;
        let (username, stay) = (credentials.username.clone(), credentials.stay);
        match self.check_password(ctx, &resumed, credentials).await {
            Ok(Some(user)) => self.signed_in_as(ctx, resumed, &user, stay).await.map(SignInAnswer::Step),
            Ok(None) => Ok(SignInAnswer::Wrong(self.again(ctx, &resumed, (username, stay)).await?)),
            Err(error @ (ProviderError::Overloaded { .. } | ProviderError::TooManyAttempts { .. })) => {
                Ok(SignInAnswer::Later { page: self.again(ctx, &resumed, (username, stay)).await?, error })
            }
            Err(error) => Err(error),
        }
    }

    /// The sign-in page again, with what was typed; the password is not.
    async fn again(
        &self,
        ctx: &Ctx,
        resumed: &Resumed,
        (typed, stays): (String, bool),
    ) -> Result<Box<Page>, ProviderError> {
        self.keep_open(ctx, resumed).await?;
        let asked = resumed.asked(&resumed.interaction.progress);
        let left = match self.left(ctx, asked).await? {
            Next::SignInAgain => Next::SignInAgain,
            _ => Next::SignIn,
        };
        let mut page = self.page(ctx.now, asked, left, resumed.handle.clone());
        if let Todo::SignIn { username, stay, .. } = &mut page.todo {
            *username = typed;
            *stay = stay.map(|_| stays);
        }
        Ok(Box::new(page))
    }

    /// Whoever got something wrong has as much time for the next try as anybody who acted.
    pub(super) async fn keep_open(&self, ctx: &Ctx, resumed: &Resumed) -> Result<(), ProviderError> {
        if resumed.acted_first {
            let Interaction { id, expires_at, .. } = resumed.interaction;
            self.inner.store.write(KeepInteraction { id, at: ctx.now, until: expires_at }).await?;
        }
        Ok(())
    }

    /// The user whose password this is.
    async fn check_password(
        &self,
        ctx: &Ctx,
        resumed: &Resumed,
        credentials: Credentials,
    ) -> Result<Option<User>, ProviderError> {
        let client = &resumed.client.client.id;
        let Credentials { username, password, .. } = credentials;
        if password.expose_secret().is_empty() {
            // Nobody's password, and no try at one.
            return Ok(None);
        }
        // fail2ban and the like read the address; names and what was typed stay out of the log.
        let failed = |user, reason| {
            let address = ctx.remote.map(tracing::field::display);
            tracing::info!(request_id = %ctx.request_id, address, "SignInFailed");
            self.tell_failure(ctx, || AuditEvent::SignInFailed { user, client: client.clone(), reason });
        };
        let found = self.user_by_login(&username).await?;
        let whose = found.as_ref().map(|found| found.user.id);
        // Counted per account, by whichever of its names. Whoever is locked out under one learns that the other is the same account's.
        let account = whose.map_or(Account::Name(&username), Account::User);
        let known = whose.and_then(|user| resumed.device.as_ref()?.known_to(user));
        let origin = Origin { remote: ctx.remote, known };
        let attempt = match self.inner.failures.begin(account, origin, ctx.now) {
            Ok(attempt) => attempt,
            Err(retry_after) => {
                failed(whose, SignInFailure::Locked);
                return Err(ProviderError::TooManyAttempts { retry_after });
            }
        };
        let stored = match found.as_ref().and_then(|found| found.password_hash.clone()) {
            Some(stored) => Some(self.with_envelope(stored).await?),
            None => None,
        };
        let verdict = self.inner.hash_pool.verify(ctx.on_behalf_of(Some(client)), password, stored).await?;
        let reason = match (whose, &verdict) {
            (None, _) => SignInFailure::UnknownUser,
            (Some(_), Verdict::Wrong) => SignInFailure::WrongPassword,
            (Some(_), _) => SignInFailure::Disabled,
        };
        let found = match verdict {
            Verdict::Wrong => None,
            Verdict::Right => found,
            Verdict::RightAndUpgraded(upgraded) => {
                self.upgrade_password_hash(found.as_ref(), upgraded).await;
                found
            }
        };
        // A disabled user hears what a wrong password hears: a stranger learns nothing.
        let user = found.map(|found| found.user).filter(|user| user.disabled_at.is_none());
        match &user {
            Some(_) => attempt.succeeded(),
            None => {
                failed(whose, reason);
                attempt.failed(ctx.now);
            }
        }
        Ok(user)
    }

    async fn upgrade_password_hash(&self, found: Option<&UserWithPassword>, upgraded: String) {
        let Some(UserWithPassword { user, password_hash: Some(verified) }) = found else { return };
        let upgrade = UpgradePasswordHash { user: user.id, verified: verified.clone(), upgraded };
        // The password was right either way; the next sign-in tries again.
        if let Err(error) = self.inner.store.write(upgrade).await {
            tracing::warn!(%error, "a stronger password hash was not stored");
        }
    }

    /// Goes on with the user who just proved who they are.
    pub(super) async fn signed_in_as(
        &self,
        ctx: &mut Ctx,
        mut resumed: Resumed,
        user: &User,
        stays: bool,
    ) -> Result<Step, ProviderError> {
        let StartedSession { change, signed_in, accounts, left } =
            self.session_for(ctx, user, &resumed.accounts, stays);
        let device = self.remember_device(ctx, resumed.device.as_ref(), user.id);
        let progress = Progress { signed_in: Some(signed_in.session.id), ..resumed.interaction.progress };
        let cookies = accounts.cookies(ctx.now);
        resumed.signed_in = Some(signed_in);
        resumed.accounts = accounts;
        let act = Act { session: Some(change), left, progress, allowed: false };
        let mut step = self.proceed(ctx, resumed, act).await?;
        step.cookies = Some(cookies);
        step.new_device = Some(device);
        Ok(step)
    }
}
