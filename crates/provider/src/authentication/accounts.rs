//! Who is signed in at one browser: several people side by side, each with a session and a cookie of their own. Which of them a request is
//! about is decided here and nowhere else. A session counts only beside the secret of the browser it began in (`session.rs`), so whatever
//! cookie was put into a browser signs nobody in there. Ends nobody's session but the one there is no room for.

use crate::authentication::session::SignedIn;
use crate::interaction::{Browser, Named};
use crate::{Ctx, Provider, ProviderError};
use protocol::name::login_key;
use protocol::{AuthorizationRequest, SessionId, Timestamp, UserId};
use std::time::Duration;
use storage::interaction::Progress;
use storage::user::User;

/// So many are signed in at one browser at most.
pub const MOST_ACCOUNTS: usize = 5;
/// So long is what tells their cookies apart.
const NAME_CHARS: usize = 8;

/// One of them.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) signed_in: SignedIn,
    /// What its cookie says.
    pub(crate) cookie: String,
}

/// All of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Accounts {
    /// The browser's own secret.
    secret: String,
    /// Who is signed in: the one that was used last, then who signed in last. Nobody is in it twice.
    all: Vec<Account>,
    /// Further sessions of theirs: two tabs signed the same person in at once.
    doubles: Vec<Account>,
}

/// The session cookies a browser has from now on, that of the account used last first; those it had beyond them are taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountCookies(pub Vec<AccountCookie>);

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountCookie {
    /// What tells it from the others, whoever else signs in at the same moment.
    pub name: String,
    /// Its value.
    pub value: String,
    /// How long the browser keeps it; nothing is until it is closed.
    pub lasts: Option<Duration>,
}

impl Accounts {
    /// Nobody yet, in the browser with this secret.
    pub(crate) fn nobody(secret: &str) -> Self {
        Self { secret: secret.to_owned(), ..Self::default() }
    }

    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &SignedIn> {
        self.all.iter().map(|account| &account.signed_in)
    }

    /// Every session of theirs.
    pub(crate) fn sessions(&self) -> impl Iterator<Item = &SignedIn> {
        self.all.iter().chain(&self.doubles).map(|account| &account.signed_in)
    }

    pub(crate) fn usernames(&self) -> Vec<String> {
        self.iter().map(|signed_in| signed_in.user.username.clone()).collect()
    }

    pub(crate) fn first(&self) -> Option<&Account> {
        self.all.first()
    }

    pub(crate) fn are_several(&self) -> bool {
        self.all.len() > 1
    }

    pub(crate) fn are_full(&self) -> bool {
        self.all.len() >= MOST_ACCOUNTS
    }

    /// All of them, by every name they have.
    pub(crate) fn people(&self) -> Vec<Named> {
        self.iter().map(|signed_in| Named::of(&signed_in.user)).collect()
    }

    /// The one that signed in longest ago, and was not used last.
    pub(crate) fn last(&self) -> Option<&SignedIn> {
        self.all.last().map(|account| &account.signed_in)
    }

    pub(crate) fn of_session(&self, id: SessionId) -> Option<&Account> {
        self.all.iter().chain(&self.doubles).find(|account| account.signed_in.session.id == id)
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
        let others = self.without(account.signed_in.user.id);
        let all = [account].into_iter().chain(others.all).take(MOST_ACCOUNTS).collect();
        Self { all, ..others }
    }

    /// Without this user.
    pub(crate) fn without(&self, user: UserId) -> Self {
        let others = |accounts: &[Account]| {
            accounts.iter().filter(|account| account.signed_in.user.id != user).cloned().collect()
        };
        Self { secret: self.secret.clone(), all: others(&self.all), doubles: others(&self.doubles) }
    }

    pub(crate) fn cookies(&self, now: Timestamp) -> AccountCookies {
        let cookie = |account: &Account| {
            let session = &account.signed_in.session;
            let lasts = session.persistent.then(|| session.expires_at.since(now));
            // Of a time-ordered id the end is random.
            let id = session.id.to_string();
            let name = id.chars().skip(id.len().saturating_sub(NAME_CHARS)).collect();
            AccountCookie { name, value: account.cookie.clone(), lasts }
        };
        AccountCookies(self.all.iter().map(cookie).collect())
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
    /// Whom this browser's own pages greet: who is signed in there, whoever was used last first.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn greeted(&self, ctx: &Ctx, browser: &Browser<'_>) -> Result<Vec<SignedIn>, ProviderError> {
        Ok(self.accounts(ctx, browser).await?.iter().cloned().collect())
    }

    /// Who is signed in at this browser.
    pub(crate) async fn accounts(&self, ctx: &Ctx, browser: &Browser<'_>) -> Result<Accounts, ProviderError> {
        let mut accounts = Accounts::nobody(browser.secret.unwrap_or_default());
        for cookie in browser.sessions() {
            // The one used last comes a second time, among all of them.
            let is_known = |account: &Account| account.cookie == cookie;
            if accounts.all.iter().chain(&accounts.doubles).any(is_known) {
                continue;
            }
            let Some(signed_in) = self.signed_in(ctx, browser, cookie).await? else { continue };
            let is_double = accounts.of_user(signed_in.user.id).is_some();
            let account = Account { signed_in, cookie: cookie.to_owned() };
            if is_double {
                accounts.doubles.push(account);
            } else if !accounts.are_full() {
                accounts.all.push(account);
            }
        }
        let in_front =
            usize::from(accounts.first().is_some_and(|front| browser.session == Some(&front.cookie)));
        accounts.all[in_front..].sort_by_key(|account| {
            let session = &account.signed_in.session;
            std::cmp::Reverse((session.auth_time, session.id))
        });
        Ok(accounts)
    }
}
