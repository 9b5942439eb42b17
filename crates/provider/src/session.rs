//! Sessions: who is behind a browser's cookie, as long as they are. "Last seen" is written at most every few minutes.

use crate::settings::{ACR_PASSWORD, AMR_PASSWORD, MAX_ACCESS_TOKEN_LIFETIME};
use crate::{Ctx, Provider, ProviderError};
use crypto::OpaqueToken;
use protocol::{AuditEvent, SessionId, UserId};
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

impl Provider {
    /// Who is signed in with this session cookie, if anybody still is.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn signed_in(
        &self,
        ctx: &Ctx,
        cookie: Option<&str>,
    ) -> Result<Option<SignedIn>, ProviderError> {
        let Some(signed_in) = self.open_session(ctx, cookie).await? else { return Ok(None) };
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
    async fn open_session(&self, ctx: &Ctx, cookie: Option<&str>) -> Result<Option<SignedIn>, ProviderError> {
        let Some(presented) = cookie.and_then(OpaqueToken::parse) else { return Ok(None) };
        let id = SessionId::from_bytes(presented.selector());
        let Some((session, user)) = self.inner.store.read(SessionById(id)).await? else { return Ok(None) };
        let open = presented.matches(&session.secret_hash)
            && session.ended_at.is_none()
            && ctx.now < session.expires_at
            && ctx.now.since(session.last_seen_at) < self.inner.settings.session_idle
            && user.stands_since(session.auth_time);
        Ok(open.then_some(SignedIn { session, user }))
    }

    /// Whether this browser's session is still the one that a page knows by its `sid`; empty where it knows of none. Told to pages of the
    /// client's own origin: what another may not know is `None`. Asking does not keep a session alive.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn is_current_session(
        &self,
        ctx: &Ctx,
        cookie: Option<&str>,
        (client, origin): (&str, &str),
        known: &str,
    ) -> Result<Option<bool>, ProviderError> {
        let client = self.named_client(client).await?;
        if !client.is_some_and(|registered| registered.client.has_origin(origin)) {
            return Ok(None);
        }
        let current = self.open_session(ctx, cookie).await?;
        let current = current.map(|signed_in| signed_in.session.id.to_string());
        Ok(Some(current.unwrap_or_default() == known))
    }

    /// What a password sign-in of `user` does to this browser's session, and the new cookie's value.
    pub(crate) fn session_for(
        &self,
        ctx: &mut Ctx,
        user: &User,
        before: Option<&SignedIn>,
    ) -> (SessionChange, SignedIn, OpaqueToken) {
        let now = ctx.now;
        if let Some(SignedIn { session, .. }) = before.filter(|before| before.user.id == user.id) {
            let token = ctx.opaque(session.id.as_bytes());
            let renewed = Session {
                secret_hash: token.hash(),
                auth_time: now,
                amr: AMR_PASSWORD.to_owned(),
                acr: ACR_PASSWORD.to_owned(),
                last_seen_at: now,
                ..session.clone()
            };
            let change = SessionChange::Renew {
                id: session.id,
                presented: session.secret_hash,
                secret_hash: renewed.secret_hash,
                amr: renewed.amr.clone(),
                acr: renewed.acr.clone(),
                at: now,
            };
            return (change, SignedIn { session: renewed, user: user.clone() }, token);
        }
        let id = SessionId::new(now, ctx.id());
        let token = ctx.opaque(id.as_bytes());
        let session = self.new_session(ctx, id, user.id, &token);
        let replaces = before.map(|before| self.end_of(ctx, before.session.id));
        let change = SessionChange::Start { session: session.clone(), replaces };
        (change, SignedIn { session, user: user.clone() }, token)
    }

    fn new_session(&self, ctx: &Ctx, id: SessionId, user_id: UserId, token: &OpaqueToken) -> Session {
        Session {
            id,
            secret_hash: token.hash(),
            user_id,
            auth_time: ctx.now,
            amr: AMR_PASSWORD.to_owned(),
            acr: ACR_PASSWORD.to_owned(),
            created_at: ctx.now,
            last_seen_at: ctx.now,
            expires_at: ctx.now + self.inner.settings.session_lifetime,
            ended_at: None,
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
