//! Sessions: who is behind a browser's cookie, as long as they are. "Last seen" is written at most every few minutes.
//!
//! A session's cookie is worth nothing but beside the secret of the browser that it began in: what is stored is a hash of both. Somebody
//! who can put their own session into another's browser has not signed that browser in.

use crate::authentication::accounts::{Account, Accounts};
use crate::interaction::Browser;
use crate::settings::{ACR_PASSWORD, AMR_PASSWORD, MAX_ACCESS_TOKEN_LIFETIME, StaySignedIn};
use crate::{Ctx, Provider, ProviderError};
use crypto::{OpaqueToken, secret_hash, secret_matches};
use protocol::{AuditEvent, SecretHash, SessionId, UserId};
use storage::session::{EndSession, Session, SessionById, SessionChange, TouchSession};
use storage::user::User;

/// A person signed in at this browser.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Their session.
    pub session: Session,
    /// Them.
    pub user: User,
}

/// What a sign-in does to a browser's sessions.
pub(crate) struct StartedSession {
    pub(crate) change: SessionChange,
    /// Who signed in.
    pub(crate) signed_in: SignedIn,
    /// Who is signed in at the browser from now on.
    pub(crate) accounts: Accounts,
    /// Whose session ended, because there was no room for one more.
    pub(crate) left: Option<SignedIn>,
}

impl Provider {
    /// Who is signed in with this session cookie, if anybody still is.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn signed_in(
        &self,
        ctx: &Ctx,
        browser: &Browser<'_>,
        cookie: &str,
    ) -> Result<Option<SignedIn>, ProviderError> {
        let Some(signed_in) = self.open_session(ctx, browser, cookie).await? else { return Ok(None) };
        let session = &signed_in.session;
        if ctx.now.since(session.last_seen_at) >= self.inner.settings.touch_every {
            // Seen or not seen decides nothing now: a store too busy to note it is no reason to refuse the person.
            if let Err(error) = self.inner.store.write(TouchSession { id: session.id, at: ctx.now }).await {
                tracing::warn!(%error, "last seen was not written");
            }
        }
        Ok(Some(signed_in))
    }

    /// The same for whoever only looks, and is nobody's sign that the person is there.
    async fn open_session(
        &self,
        ctx: &Ctx,
        browser: &Browser<'_>,
        cookie: &str,
    ) -> Result<Option<SignedIn>, ProviderError> {
        let (Some(presented), Some(secret)) = (OpaqueToken::parse(cookie), browser.secret) else {
            return Ok(None);
        };
        let id = SessionId::from_bytes(presented.selector());
        let Some((session, user)) = self.inner.store.read(SessionById(id)).await? else { return Ok(None) };
        // Where nobody may stay any more, whoever chose to is not: their browser may have been closed since, and nobody could tell.
        let barred = session.persistent && self.inner.settings.stay_signed_in == StaySignedIn::Off;
        let idle = ctx.now.since(session.last_seen_at) >= self.inner.settings.session_idle;
        let open = secret_matches(&in_browser(&presented, secret), &session.secret_hash)
            && session.ended_at.is_none()
            && ctx.now < session.expires_at
            && !barred
            && (session.persistent || !idle)
            && user.stands_since(session.auth_time);
        Ok(open.then_some(SignedIn { session, user }))
    }

    /// Whether one of this browser's sessions is still the one that a page knows by its `sid`; empty where it knows of none, which holds
    /// while nobody is signed in. Told to pages of the client's own origin: what another may not know is `None`. Asking does not keep a
    /// session alive.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn is_current_session(
        &self,
        ctx: &Ctx,
        browser: &Browser<'_>,
        (client, origin): (&str, &str),
        known: &str,
    ) -> Result<Option<bool>, ProviderError> {
        let client = self.named_client(client).await?;
        if !client.is_some_and(|registered| registered.client.has_origin(origin)) {
            return Ok(None);
        }
        let mut nobody = true;
        for cookie in browser.sessions() {
            let Some(signed_in) = self.open_session(ctx, browser, cookie).await? else { continue };
            if signed_in.session.id.to_string() == known {
                return Ok(Some(true));
            }
            nobody = false;
        }
        Ok(Some(nobody && known.is_empty()))
    }

    /// What a password sign-in of `user` does to this browser's sessions. Whoever was signed in besides stays so.
    pub(crate) fn session_for(
        &self,
        ctx: &mut Ctx,
        user: &User,
        accounts: &Accounts,
        stays: bool,
    ) -> StartedSession {
        let now = ctx.now;
        let persistent = match self.inner.settings.stay_signed_in {
            StaySignedIn::Off => false,
            StaySignedIn::Ask => stays,
            StaySignedIn::Always => true,
        };
        let (change, session, token, left) = match accounts.of_user(user.id) {
            Some(SignedIn { session, .. }) => {
                let token = ctx.opaque(session.id.as_bytes());
                let renewed = Session {
                    secret_hash: secret_hash(&in_browser(&token, accounts.secret())),
                    auth_time: now,
                    amr: AMR_PASSWORD.to_owned(),
                    acr: ACR_PASSWORD.to_owned(),
                    last_seen_at: now,
                    persistent,
                    ..session.clone()
                };
                (renewal(session, &renewed), renewed, token, None)
            }
            None => {
                let id = SessionId::new(now, ctx.id());
                let token = ctx.opaque(id.as_bytes());
                let secret_hash = secret_hash(&in_browser(&token, accounts.secret()));
                let session = Session { persistent, ..self.new_session(ctx, id, user.id, secret_hash) };
                let left = accounts.last().filter(|_| accounts.are_full()).cloned();
                let replaces = left.as_ref().map(|left| self.end_of(ctx, left.session.id));
                (SessionChange::Start { session: session.clone(), replaces }, session, token, left)
            }
        };
        let signed_in = SignedIn { session, user: user.clone() };
        let accounts = accounts.with(Account { signed_in: signed_in.clone(), cookie: token.reveal() });
        StartedSession { change, signed_in, accounts, left }
    }

    fn new_session(&self, ctx: &Ctx, id: SessionId, user_id: UserId, secret_hash: SecretHash) -> Session {
        Session {
            id,
            secret_hash,
            user_id,
            auth_time: ctx.now,
            amr: AMR_PASSWORD.to_owned(),
            acr: ACR_PASSWORD.to_owned(),
            created_at: ctx.now,
            last_seen_at: ctx.now,
            expires_at: ctx.now + self.inner.settings.session_lifetime,
            ended_at: None,
            persistent: false,
        }
    }

    fn end_of(&self, ctx: &Ctx, id: SessionId) -> EndSession {
        EndSession { id, at: ctx.now, revoked_until: ctx.now + MAX_ACCESS_TOKEN_LIFETIME }
    }

    /// Ends a session, and with it the access tokens of its grants.
    pub(crate) async fn end_session(
        &self,
        ctx: &Ctx,
        user: UserId,
        session: SessionId,
    ) -> Result<(), ProviderError> {
        let event = AuditEvent::UserSignedOut { user, session };
        let end = self.audited(ctx, self.end_of(ctx, session), event);
        self.commit(ctx, end).await?;
        tracing::info!(%session, "SignedOut");
        Ok(())
    }
}

/// What a session's cookie is worth in the browser with this secret; its hash is stored.
fn in_browser(token: &OpaqueToken, browser_secret: &str) -> String {
    format!("{}\0{browser_secret}", token.reveal())
}

/// The same session with a new secret (session fixation) and a new `auth_time`.
fn renewal(before: &Session, renewed: &Session) -> SessionChange {
    SessionChange::Renew {
        id: before.id,
        presented: before.secret_hash,
        secret_hash: renewed.secret_hash,
        amr: renewed.amr.clone(),
        acr: renewed.acr.clone(),
        persistent: renewed.persistent,
        at: renewed.auth_time,
    }
}
