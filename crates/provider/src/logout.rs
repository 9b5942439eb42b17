//! RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0): a client sends the browser here to sign out.
//!
//! With a good `id_token_hint` for the session at hand it happens at once; otherwise the person is asked, because any page can send
//! a browser here.

use crate::interaction::Browser;
use crate::session::SignedIn;
use crate::{Ctx, Provider, ProviderError};
use crypto::{constant_time_eq, sha256};
use protocol::claims::IdTokenClaims;
use protocol::{Client, ClientId, ErrorCode, Params, RedirectUri};

/// A logout request, checked.
#[derive(Debug, Clone)]
pub struct LogoutRequest {
    /// What the client is called, if one asked.
    pub client_name: Option<String>,
    /// Where the browser goes afterwards: registered, with `state`.
    pub back: Option<String>,
}

/// How a logout request goes on.
#[derive(Debug)]
pub enum Logout {
    /// Nobody is signed in any more.
    SignedOut(LogoutRequest),
    /// The person is asked; the form must carry this proof that the question was asked here.
    Ask {
        /// What is asked for.
        request: LogoutRequest,
        /// Who is signed in.
        username: String,
        /// To be sent back with the answer.
        proof: String,
    },
}

impl Provider {
    /// Answers a logout request of this browser. `confirmed` is the proof that came back with the person's answer.
    ///
    /// # Errors
    /// When the request names a client or address that do not belong together; then nothing is redirected.
    pub async fn logout(
        &self,
        ctx: &Ctx,
        params: &Params,
        browser: &Browser<'_>,
        confirmed: Option<&str>,
    ) -> Result<Logout, ProviderError> {
        let hint = self.logout_hint(params)?;
        let request = self.check_logout_request(params, hint.as_ref()).await?;
        let Some(signed_in) = self.signed_in(ctx, browser.session).await? else {
            return Ok(Logout::SignedOut(request));
        };
        let proof = proof(browser.session.unwrap_or_default());
        let hinted = hint.is_some_and(|hint| hint.sid == signed_in.session.id.to_string());
        let confirmed =
            confirmed.is_some_and(|presented| constant_time_eq(presented.as_bytes(), proof.as_bytes()));
        if !hinted && !confirmed {
            return Ok(ask(request, signed_in, proof));
        }
        self.end_session(ctx, &signed_in).await?;
        tracing::info!(session = %signed_in.session.id, "SignedOut");
        Ok(Logout::SignedOut(request))
    }

    /// Section 2: the hint may have expired, but must have been issued here.
    fn logout_hint(&self, params: &Params) -> Result<Option<IdTokenClaims>, ProviderError> {
        let Some(hint) = params.get("id_token_hint") else { return Ok(None) };
        let refused = || {
            ProviderError::oauth(ErrorCode::InvalidRequest, "id_token_hint is not an ID Token issued here")
        };
        self.id_token_hint(hint).map(Some).ok_or_else(refused)
    }

    async fn check_logout_request(
        &self,
        params: &Params,
        hint: Option<&IdTokenClaims>,
    ) -> Result<LogoutRequest, ProviderError> {
        let refused = |description| ProviderError::oauth(ErrorCode::InvalidRequest, description);
        let audience = hint.and_then(|hint| match &hint.aud {
            protocol::claims::Audience::One(only) => Some(only.as_str()),
            protocol::claims::Audience::Many(_) => None,
        });
        let named = params.get("client_id");
        if named.is_some() && audience.is_some() && named != audience {
            // Section 2: "the OP MUST verify that the Client Identifier matches the one used when issuing the ID Token".
            return Err(refused("client_id is not the one the id_token_hint was issued to"));
        }
        let client = match named.or(audience).map(ClientId::parse) {
            Some(Ok(id)) => self.client(&id).await?,
            _ => None,
        };
        let client = client.as_ref().map(|registered| &registered.client);
        let back = match params.get("post_logout_redirect_uri") {
            Some(uri) => Some(post_logout_redirect(client, uri, params.get("state")).ok_or_else(|| {
                refused(
                    "post_logout_redirect_uri is not registered for the client of client_id or id_token_hint",
                )
            })?),
            None => None,
        };
        Ok(LogoutRequest { client_name: client.map(|client| client.name.clone()), back })
    }
}

/// Section 3: only an address registered for the client, and `state` with it.
fn post_logout_redirect(client: Option<&Client>, presented: &str, state: Option<&str>) -> Option<String> {
    let presented = RedirectUri::parse(presented).ok()?;
    let registered = &client?.post_logout_redirect_uris;
    if !registered.iter().any(|registered| registered.admits(&presented)) {
        return None;
    }
    Some(state.map_or_else(|| presented.to_string(), |state| presented.with_query(&[("state", state)])))
}

fn ask(request: LogoutRequest, signed_in: SignedIn, proof: String) -> Logout {
    Logout::Ask { request, username: signed_in.user.username, proof }
}

/// Only a page shown to this browser can know it: derived from the session's secret, which no other page can read.
fn proof(session_cookie: &str) -> String {
    sha256(format!("sign-out\0{session_cookie}").as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
