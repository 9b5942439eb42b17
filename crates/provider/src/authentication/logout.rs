//! RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0): a client sends the browser here to sign out, or asks for it by itself.
//!
//! A good `id_token_hint` ends the session it names, whoever brings it: a client's back end brings no cookie. Other sessions of the
//! browser at hand go on until their people were asked, because any page can send a browser here: if the one it names is among several
//! there, the others stay, and are told of. Who is asked, and signs out, signs out everybody. Whatever else is wrong with a request is no
//! reason to keep somebody signed in.

use crate::authentication::accounts::AccountCookies;
use crate::authentication::session::SignedIn;
use crate::clients::request::ClientRequest;
use crate::interaction::{Browser, Named};
use crate::{Ctx, Provider, ProviderError};
use crypto::{OpaqueToken, constant_time_eq, sha256};
use protocol::claims::{Audience, IdTokenClaims};
use protocol::{AuditEvent, Client, ClientId, ErrorCode, Params, RefreshTokenId, SessionId};
use std::sync::Arc;
use storage::client::RegisteredClient;
use storage::grant::GrantById;
use storage::refresh_token::RefreshTokenById;
use storage::session::SessionById;

/// As much of an address that is not registered is told, to the person and in the log.
const TOLD_CHARS: usize = 200;

/// A logout request, checked.
#[derive(Debug, Clone, Default)]
pub struct LogoutRequest {
    /// What the client is called, if one asked.
    pub client_name: Option<String>,
    /// Where the browser goes afterwards: registered, with `state`.
    pub back: Option<String>,
    /// What is wrong with it.
    pub problem: Option<LogoutProblem>,
}

/// What is wrong with a logout request; people are signed out all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogoutProblem {
    /// Section 2: its hint was not issued here, or not to the client it names. Nothing else it says is believed.
    Hint(&'static str),
    /// Section 3: this `post_logout_redirect_uri`, or its beginning, is not registered for the client. Text for people to read, and no
    /// address to lead anybody to.
    NotRegistered(String),
}

/// What a logout request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoggedOut {
    /// Whoever was signed in at the browser that came with it.
    ThisBrowser,
    /// The session that its hint names, one of several of the browser that came with it.
    OneOfSeveral {
        /// Whose it was.
        username: String,
        /// Who is signed in there still.
        still: Vec<String>,
        /// By these cookies.
        cookies: AccountCookies,
    },
    /// The session that its hint names; the browser that came, if one did, has none.
    Named,
    /// Nothing: nobody was signed in.
    Nobody,
}

/// How a logout request goes on.
#[derive(Debug)]
pub enum Logout {
    /// Somebody is signed out, if anybody was signed in.
    SignedOut(LogoutRequest, LoggedOut),
    /// The person is asked; the form must carry this proof that the question was asked here.
    Ask {
        /// What is asked for.
        request: LogoutRequest,
        /// Who is signed in: each of them is signed out.
        people: Vec<Named>,
        /// To be sent back with the answer.
        proof: String,
    },
}

impl Provider {
    /// Answers a logout request of this browser. `confirmed` is the proof that came back with the person's answer.
    ///
    /// # Errors
    /// When storage fails. What is wrong with the request itself is told in [`LogoutRequest::problem`].
    pub async fn logout(
        &self,
        ctx: &Ctx,
        params: &Params,
        browser: &Browser<'_>,
        confirmed: Option<&str>,
    ) -> Result<Logout, ProviderError> {
        let (hint, request) = match self.checked_hint(params) {
            Ok(hint) => {
                let request = self.check_logout_request(ctx, params, hint.as_ref()).await?;
                (hint, request)
            }
            Err(problem) => {
                tracing::info!(request_id = %ctx.request_id, problem, "a logout request is not believed");
                let problem = Some(LogoutProblem::Hint(problem));
                (None, LogoutRequest { problem, ..LogoutRequest::default() })
            }
        };
        let accounts = self.accounts(ctx, browser).await?;
        let named = match &hint {
            Some(hint) => self.end_named_session(ctx, hint).await?,
            None => None,
        };
        let Some(here) = accounts.first() else {
            let ended = named.map_or(LoggedOut::Nobody, |_| LoggedOut::Named);
            return Ok(Logout::SignedOut(request, ended));
        };
        let proof = proof(&here.cookie);
        let confirmed =
            confirmed.is_some_and(|presented| constant_time_eq(presented.as_bytes(), proof.as_bytes()));
        if !confirmed {
            let Some(over) = named.and_then(|named| accounts.of_session(named)) else {
                return Ok(Logout::Ask { request, people: accounts.people(), proof });
            };
            let left = accounts.without(over.signed_in.user.id);
            if left.first().is_some() {
                let username = over.signed_in.user.username.clone();
                let (still, cookies) = (left.usernames(), left.cookies(ctx.now));
                return Ok(Logout::SignedOut(request, LoggedOut::OneOfSeveral { username, still, cookies }));
            }
        }
        // Everybody who is signed in here: who comes next to a computer that others use must find nobody.
        for SignedIn { session, user } in accounts.sessions() {
            if Some(session.id) != named {
                self.end_session(ctx, user.id, session.id).await?;
            }
        }
        Ok(Logout::SignedOut(request, LoggedOut::ThisBrowser))
    }

    /// Ends the session that a refresh token came from, and what stands on the token, at the wish of the client that holds it: its own
    /// grant also where that would outlive the session. Of what is over already nothing is left to do.
    ///
    /// # Errors
    /// `invalid_client`, `invalid_request`; `invalid_grant` when the token is not known to be this client's.
    pub async fn end_session_of_refresh_token(
        &self,
        ctx: &Ctx,
        request: &ClientRequest,
    ) -> Result<(), ProviderError> {
        let caller = self.authenticate_client(ctx, request).await?;
        let unknown = || {
            let description = "the refresh token is not known to be this client's";
            ProviderError::oauth(ErrorCode::InvalidGrant, description)
        };
        let presented = OpaqueToken::parse(request.params.require("refresh_token")?).ok_or_else(unknown)?;
        let id = RefreshTokenId::from_bytes(presented.selector());
        // A spent one as well: whoever stole it can end what it opened, and nothing else.
        let stored = self.inner.store.read(RefreshTokenById(id)).await?.filter(|stored| {
            presented.matches(&stored.issued.secret_hash) && stored.issued.client_id == caller.client.id
        });
        let stored = stored.ok_or_else(unknown)?;
        let grant = stored.issued.grant_id;
        let Some(granted) = self.inner.store.read(GrantById(grant)).await? else { return Ok(()) };
        if granted.session_open {
            self.end_session(ctx, granted.user.id, granted.granted.session_id).await?;
        }
        if granted.revoked_at.is_none() {
            let event = AuditEvent::GrantRevoked { grant, client: stored.issued.client_id };
            self.revoke_grant(ctx, grant, event).await?;
        }
        Ok(())
    }

    /// Ends the session that the hint names, if it goes on. Section 2: the hint may have expired, and so may the `aud` it was for.
    async fn end_named_session(
        &self,
        ctx: &Ctx,
        hint: &IdTokenClaims,
    ) -> Result<Option<SessionId>, ProviderError> {
        let Ok(id) = hint.sid.parse::<SessionId>() else { return Ok(None) };
        let Some((session, user)) = self.inner.store.read(SessionById(id)).await? else { return Ok(None) };
        let goes_on =
            session.ended_at.is_none() && ctx.now < session.expires_at && hint.sub == user.id.to_string();
        if !goes_on {
            return Ok(None);
        }
        self.end_session(ctx, user.id, id).await?;
        Ok(Some(id))
    }

    /// The hint, if there is one, or why the request is not believed.
    fn checked_hint(&self, params: &Params) -> Result<Option<IdTokenClaims>, &'static str> {
        let Some(hint) = params.get("id_token_hint") else { return Ok(None) };
        let hint = self.id_token_hint(hint).ok_or("id_token_hint is not an ID Token issued here")?;
        match params.get("client_id") {
            // Section 2: "the OP MUST verify that the Client Identifier matches the one used when issuing the ID Token".
            Some(named) if !hint.aud.contains(named) => {
                Err("client_id is not the one the id_token_hint was issued to")
            }
            _ => Ok(Some(hint)),
        }
    }

    async fn check_logout_request(
        &self,
        ctx: &Ctx,
        params: &Params,
        hint: Option<&IdTokenClaims>,
    ) -> Result<LogoutRequest, ProviderError> {
        let audience = hint.and_then(|hint| match &hint.aud {
            Audience::One(only) => Some(only.as_str()),
            Audience::Many(_) => None,
        });
        let client: Option<Arc<RegisteredClient>> =
            match params.get("client_id").or(audience).map(ClientId::parse) {
                Some(Ok(id)) => self.client(&id).await?,
                _ => None,
            };
        let client = client.as_ref().map(|registered| &registered.client);
        let (mut back, mut problem) = (None, None);
        if let Some(uri) = params.get("post_logout_redirect_uri") {
            back = post_logout_redirect(client, uri, params.get("state"));
            problem = back.is_none().then(|| not_registered(ctx, client, uri));
        }
        Ok(LogoutRequest { client_name: client.map(|client| client.name.clone()), back, problem })
    }
}

/// Section 3: only an address registered for the client, and `state` with it.
fn post_logout_redirect(client: Option<&Client>, presented: &str, state: Option<&str>) -> Option<String> {
    let presented = client?.post_logout_redirect_uri(presented)?;
    Some(state.map_or_else(|| presented.to_string(), |state| presented.with_query(&[("state", state)])))
}

/// The person stays here and hears why; whoever can register the address reads it in the log.
fn not_registered(ctx: &Ctx, client: Option<&Client>, uri: &str) -> LogoutProblem {
    let mut told: String = uri.chars().take(TOLD_CHARS).collect();
    if told.len() < uri.len() {
        told.push('…');
    }
    let client = client.map(|client| client.id.as_str()).unwrap_or_default();
    tracing::info!(
        client,
        post_logout_redirect_uri = ?told,
        request_id = %ctx.request_id,
        "the address to return to after sign-out is not registered for this client (--post-logout-redirect-uri)"
    );
    LogoutProblem::NotRegistered(told)
}

/// Only a page shown to this browser can know it: derived from the session's secret, which no other page can read.
fn proof(session_cookie: &str) -> String {
    sha256(format!("sign-out\0{session_cookie}").as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
