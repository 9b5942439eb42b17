//! Who is signed in at one browser: several people side by side, each with a session and a cookie of their own. Which of them a request is
//! about is decided here and nowhere else. Ends nobody's session but the one there is no room for.

use crate::interaction::Browser;
use crate::session::SignedIn;
use crate::{Ctx, Provider, ProviderError};
use protocol::name::login_key;
use protocol::{AuthorizationRequest, SessionId, Timestamp, UserId};
use std::time::Duration;
use storage::interaction::Progress;
use storage::user::User;

/// So many are signed in at one browser at most.
pub const MOST_ACCOUNTS: usize = 5;

/// One of them.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) signed_in: SignedIn,
    /// What its cookie says.
    pub(crate) cookie: String,
}

/// All of them, the one that was used last first. Nobody is in it twice.
#[derive(Debug, Clone, Default)]
pub(crate) struct Accounts(Vec<Account>);

/// The session cookies a browser has from now on, in their order; those it had beyond them are taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountCookies(pub Vec<AccountCookie>);

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountCookie {
    /// Its value.
    pub value: String,
    /// How long the browser keeps it; nothing is until it is closed.
    pub lasts: Option<Duration>,
}

impl Accounts {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &SignedIn> {
        self.0.iter().map(|account| &account.signed_in)
    }

    pub(crate) fn first(&self) -> Option<&Account> {
        self.0.first()
    }

    pub(crate) fn are_several(&self) -> bool {
        self.0.len() > 1
    }

    pub(crate) fn are_full(&self) -> bool {
        self.0.len() >= MOST_ACCOUNTS
    }

    /// The one that was used longest ago.
    pub(crate) fn last(&self) -> Option<&SignedIn> {
        self.0.last().map(|account| &account.signed_in)
    }

    pub(crate) fn of_session(&self, id: SessionId) -> Option<&Account> {
        self.0.iter().find(|account| account.signed_in.session.id == id)
    }

    pub(crate) fn of_user(&self, id: UserId) -> Option<&SignedIn> {
        self.iter().find(|signed_in| signed_in.user.id == id)
    }

    /// Whom a request is about: who signed in for it or was chosen, whom it names, else who was used last.
    pub(crate) fn at_hand(&self, request: &AuthorizationRequest, progress: &Progress) -> Option<&SignedIn> {
        let acted = progress.signed_in.or(progress.chose).and_then(|id| self.of_session(id));
        let acted = acted.map(|account| &account.signed_in);
        acted
            .or_else(|| self.iter().find(|signed_in| is_named(request, &signed_in.user)))
            .or_else(|| self.iter().next())
    }

    /// With this one in front.
    pub(crate) fn with(&self, account: Account) -> Self {
        let whose = account.signed_in.user.id;
        let others = self.0.iter().filter(|other| other.signed_in.user.id != whose).cloned();
        Self([account].into_iter().chain(others).take(MOST_ACCOUNTS).collect())
    }

    pub(crate) fn cookies(&self, now: Timestamp) -> AccountCookies {
        let cookie = |account: &Account| {
            let session = &account.signed_in.session;
            let lasts = session.persistent.then(|| session.expires_at.since(now));
            AccountCookie { value: account.cookie.clone(), lasts }
        };
        AccountCookies(self.0.iter().map(cookie).collect())
    }
}

fn is_named(request: &AuthorizationRequest, user: &User) -> bool {
    match (&request.subject, &request.login_hint) {
        (Some(subject), _) => *subject == user.id.to_string(),
        (None, Some(hint)) => is_hinted(hint, user),
        (None, None) => false,
    }
}

/// Whether a `login_hint` means this user: by how they sign in, or by `sub`.
pub(crate) fn is_hinted(hint: &str, user: &User) -> bool {
    let hinted = login_key(hint);
    hinted == login_key(&user.username)
        || user.email.as_ref().is_some_and(|email| hinted == login_key(email))
        || hint == user.id.to_string()
}

impl Browser<'_> {
    /// What its session cookies say, that of the account used last first.
    pub(crate) fn sessions(&self) -> impl Iterator<Item = &str> {
        self.session.into_iter().chain(self.others.iter().map(String::as_str))
    }
}

impl Provider {
    /// Whom this browser's own pages greet: who is signed in there, and was used last.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn greeted(&self, ctx: &Ctx, browser: &Browser<'_>) -> Result<Option<SignedIn>, ProviderError> {
        Ok(self.accounts(ctx, browser).await?.first().map(|account| account.signed_in.clone()))
    }

    /// Who is signed in at this browser.
    pub(crate) async fn accounts(&self, ctx: &Ctx, browser: &Browser<'_>) -> Result<Accounts, ProviderError> {
        let mut accounts = Vec::new();
        for cookie in browser.sessions() {
            let Some(signed_in) = self.signed_in(ctx, Some(cookie)).await? else { continue };
            let whose = signed_in.user.id;
            let is_new = accounts.iter().all(|account: &Account| account.signed_in.user.id != whose);
            if is_new && accounts.len() < MOST_ACCOUNTS {
                accounts.push(Account { signed_in, cookie: cookie.to_owned() });
            }
        }
        Ok(Accounts(accounts))
    }
}
