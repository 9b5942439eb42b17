//! The first platform owner: a link that works once, made by a server that has none.

use crate::authentication::accounts::{AccountCookies, Accounts};
use crate::authentication::session::StartedSession;
use crate::interaction::{Browser, NewAccount, SignUpProblem};
use crate::{Ctx, Ended, Provider, ProviderError};
use crypto::{OpaqueToken, generate_secret};
use protocol::{AuditEvent, OneTimeLinkId, UserId};
use std::time::Duration;
use storage::one_time_link::{OneTimeLink, OneTimeLinkById, OneTimeLinksFor, ReplaceOneTimeLinks};
use storage::user::{AddUser, AddUserSignedIn, PlatformOwnerExists, UserAdded};

const PURPOSE: &str = "first-platform-owner";
const LIFETIME: Duration = Duration::from_secs(24 * 3_600);

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
pub enum SetupAnswer {
    /// The platform owner exists, and is signed in.
    Created {
        /// How they sign in.
        username: String,
        /// The session cookie the browser gets.
        cookies: AccountCookies,
        /// The cookie by which the browser is known from then on.
        new_device: String,
        /// The secret cookie the browser gets, if it had none.
        new_browser_secret: Option<String>,
    },
    /// Something is to be mended.
    Problems(Vec<SignUpProblem>),
}

impl Provider {
    /// Whether nobody runs this installation yet.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn needs_setup(&self) -> Result<bool, ProviderError> {
        Ok(!self.inner.store.read(PlatformOwnerExists).await?)
    }

    /// A link that creates the first platform owner, while there is none. Those made before are good no more: whoever reads an old log or
    /// terminal finds nothing there.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn setup_link(&self, ctx: &mut Ctx) -> Result<Option<String>, ProviderError> {
        if !self.needs_setup().await? {
            return Ok(None);
        }
        let id = OneTimeLinkId::new(ctx.now, ctx.id());
        let token = ctx.opaque(id.as_bytes());
        let link = OneTimeLink {
            id,
            secret_hash: token.hash(),
            purpose: PURPOSE.to_owned(),
            created_at: ctx.now,
            expires_at: ctx.now + LIFETIME,
            spent_at: None,
        };
        let void = self.inner.store.read(OneTimeLinksFor(PURPOSE)).await?;
        let add = ReplaceOneTimeLinks { link, void };
        let add = self.audited(ctx, add, AuditEvent::SetupLinkCreated {});
        self.inner.store.write(add).await?;
        Ok(Some(self.inner.settings.url(&format!("/setup?token={}", token.reveal()))))
    }

    /// Whether this link can still create the first platform owner.
    ///
    /// # Errors
    /// When it cannot, or storage fails.
    pub async fn check_setup_link(&self, ctx: &Ctx, presented: &str) -> Result<OneTimeLinkId, ProviderError> {
        let gone = || ProviderError::Ended(Ended::SetupLink);
        let token = OpaqueToken::parse(presented).ok_or_else(gone)?;
        let id = OneTimeLinkId::from_bytes(token.selector());
        let link = self.inner.store.read(OneTimeLinkById(id)).await?.ok_or_else(gone)?;
        let good = token.matches(&link.secret_hash)
            && link.purpose == PURPOSE
            && link.spent_at.is_none()
            && ctx.now < link.expires_at;
        // A link left over from before the first owner came creates no second one.
        if !good || !self.needs_setup().await? {
            return Err(gone());
        }
        Ok(id)
    }

    /// Creates the first platform owner and spends the link.
    ///
    /// # Errors
    /// As [`Provider::check_setup_link`]; when too many passwords wait.
    pub async fn set_up(
        &self,
        ctx: &mut Ctx,
        presented: &str,
        account: NewAccount,
        browser: &Browser<'_>,
    ) -> Result<SetupAnswer, ProviderError> {
        let link = self.check_setup_link(ctx, presented).await?;
        let account = match account.checked() {
            Ok(account) => account,
            Err(problems) => return Ok(SetupAnswer::Problems(problems)),
        };
        let password_hash =
            self.inner.hash_pool.hash(ctx.on_behalf_of(None), account.password.clone()).await?;
        let user = account.user(UserId::new(ctx.now, ctx.id()), true, ctx.now);
        let username = user.username.clone();
        let created = AuditEvent::PlatformOwnerCreated { user: user.id };
        let device = self.known_device(ctx, browser.device);
        let new_device = self.remember_device(ctx, device.as_ref(), user.id);
        let new_browser_secret = browser.secret.is_none().then(|| generate_secret(ctx.random()));
        let secret = browser.secret.or(new_browser_secret.as_deref()).unwrap_or_default();
        let StartedSession { change: session, accounts, .. } =
            self.session_for(ctx, &user, &Accounts::nobody(secret), false);
        let add = AddUser { user, password_hash: Some(password_hash), spends: Some(link) };
        let add = AddUserSignedIn { add, session };
        match self.commit(ctx, self.audited(ctx, add, created)).await? {
            UserAdded::Added => {
                tracing::info!("PlatformOwnerCreated");
                let cookies = accounts.cookies(ctx.now);
                Ok(SetupAnswer::Created { username, cookies, new_device, new_browser_secret })
            }
            UserAdded::Taken | UserAdded::LooksAlike => Ok(SetupAnswer::Problems(vec![SignUpProblem::Taken])),
            UserAdded::LinkSpent => Err(ProviderError::Ended(Ended::SetupLink)),
        }
    }
}
