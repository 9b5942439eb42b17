//! A request that came in a form, carried over to the GET that follows. A form from another site, which is what a client's page is, comes
//! without our cookies (`SameSite=Lax`); the GET that the browser is sent on to comes with them. Its address says only which request it is:
//! addresses stand in histories, logs and `Referer`. Knows what may be carried, and not what becomes of it.

use crate::{Ctx, Ended, Provider, ProviderError};
use crypto::OpaqueToken;
use protocol::{CarriedRequestId, ErrorCode, OAuthError, Params};
use std::time::Duration;
use storage::carried_request::{CarriedRequest, CarriedRequestById, CarryRequest, TakeCarriedRequest};

/// A browser follows at once.
const LIFETIME: Duration = Duration::from_secs(60);
const MAX_BYTES: usize = 16 * 1024;

/// An endpoint that takes forms from other sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// The authorization endpoint.
    Authorization,
    /// The end session endpoint (OpenID Connect RP-Initiated Logout section 2).
    Logout,
}

impl Carried {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Authorization => "authorization",
            Self::Logout => "logout",
        }
    }

    /// What the endpoint understands; nothing else is kept.
    const fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::Authorization => &[
                "acr_values",
                "claims",
                "client_id",
                "code_challenge",
                "code_challenge_method",
                "id_token_hint",
                "login_hint",
                "max_age",
                "nonce",
                "prompt",
                "redirect_uri",
                "resource",
                "response_mode",
                "response_type",
                "scope",
                "state",
                "ui_locales",
            ],
            Self::Logout => &[
                "client_id",
                "id_token_hint",
                "logout_hint",
                "post_logout_redirect_uri",
                "state",
                "ui_locales",
            ],
        }
    }

    /// What of a request the endpoint understands.
    pub fn understood(self, params: &Params) -> Params {
        params.only(self.parameters())
    }
}

impl Provider {
    /// Keeps a request until the browser comes back for it; the answer is its reference.
    ///
    /// # Errors
    /// When it is too large, or its network has too many open.
    pub async fn carry(
        &self,
        ctx: &mut Ctx,
        endpoint: Carried,
        params: &Params,
    ) -> Result<String, ProviderError> {
        let text = endpoint.understood(params).to_query();
        if text.len() > MAX_BYTES {
            let description = format!("the request is longer than {MAX_BYTES} bytes");
            return Err(OAuthError::new(ErrorCode::InvalidRequest, description).into());
        }
        self.inner.waiting.begin(ctx.remote, ctx.now)?;
        let id = CarriedRequestId::new(ctx.now, ctx.id());
        let token = ctx.opaque(id.as_bytes());
        let carried = CarriedRequest {
            id,
            secret_hash: token.hash(),
            endpoint: endpoint.as_str().to_owned(),
            params: text,
            created_at: ctx.now,
            expires_at: ctx.now + LIFETIME,
        };
        if !self.inner.store.write(CarryRequest(carried)).await? {
            return Err(ProviderError::Defect("an id was there before".to_owned()));
        }
        Ok(token.reveal())
    }

    /// Takes up the request of this reference: once, and only where it came to.
    ///
    /// # Errors
    /// When there is none, or none any more.
    pub async fn carried(
        &self,
        ctx: &Ctx,
        endpoint: Carried,
        reference: &str,
    ) -> Result<Params, ProviderError> {
        let gone = || ProviderError::Ended(Ended::Interaction);
        let token = OpaqueToken::parse(reference).ok_or_else(gone)?;
        let id = CarriedRequestId::from_bytes(token.selector());
        let carried = self.inner.store.read(CarriedRequestById(id)).await?.ok_or_else(gone)?;
        let good = token.matches(&carried.secret_hash)
            && carried.endpoint == endpoint.as_str()
            && ctx.now < carried.expires_at;
        if !good || !self.inner.store.write(TakeCarriedRequest(id)).await? {
            return Err(gone());
        }
        self.inner.waiting.acted(ctx.remote);
        Params::parse(carried.params.as_bytes()).map_err(|error| ProviderError::Defect(error.to_string()))
    }
}
