//! What a request proves with who makes it, and who that is: one answer for access tokens and API keys, for gateways and our own APIs alike.

use crate::gateway::api_keys::VerifiedApiKey;
use crate::tokens::access_token::VerifiedAccessToken;
use crate::{Ctx, Provider, ProviderError};
use crypto::API_KEY_PREFIX;
use protocol::{ClientId, Scope, UserId};
use std::borrow::Cow;
use std::sync::Arc;

/// What a request presents.
pub enum Credential {
    /// An access token, as a Bearer token (RFC 6750 section 2.1).
    AccessToken(String),
    /// A service account's API key.
    ApiKey(String),
}

impl Credential {
    /// A Bearer token: API keys are taken as such too, and are told by how they begin.
    pub fn bearer(token: String) -> Self {
        if token.starts_with(API_KEY_PREFIX) { Self::ApiKey(token) } else { Self::AccessToken(token) }
    }
}

/// Who makes a request, by a credential that was found good.
#[derive(Clone)]
pub enum Caller {
    /// Whoever holds this access token.
    AccessToken(Arc<VerifiedAccessToken>),
    /// The service account with this API key.
    ApiKey(VerifiedApiKey),
}

impl Caller {
    /// The subject: a user's id, or the `client_id` of a client that acts for itself.
    pub fn subject(&self) -> &str {
        match self {
            Self::AccessToken(token) => &token.claims.sub,
            Self::ApiKey(key) => key.account().id.as_str(),
        }
    }

    /// The client that acts.
    pub fn client_id(&self) -> &ClientId {
        match self {
            Self::AccessToken(token) => &token.client_id,
            Self::ApiKey(key) => &key.account().id,
        }
    }

    /// The user it acts for, if it does not act for itself.
    pub fn user_id(&self) -> Option<UserId> {
        match self {
            Self::AccessToken(token) => token.user_id,
            Self::ApiKey(_) => None,
        }
    }

    /// What it may do.
    pub fn scope(&self) -> Cow<'_, Scope> {
        match self {
            Self::AccessToken(token) => Cow::Borrowed(&token.claims.scope),
            Self::ApiKey(key) => key.scope(),
        }
    }

    /// Whether the credential is for this resource server.
    pub fn is_for(&self, identifier: &str) -> bool {
        match self {
            Self::AccessToken(token) => token.claims.aud.contains(identifier),
            Self::ApiKey(key) => key.account().audience.iter().any(|audience| audience == identifier),
        }
    }
}

impl Provider {
    /// Who presents this, if it is good now.
    ///
    /// # Errors
    /// When storage fails; a bad credential is `None`.
    pub async fn verify_credential(
        &self,
        ctx: &Ctx,
        credential: &Credential,
    ) -> Result<Option<Caller>, ProviderError> {
        match self.look_at_credential(ctx, credential).await? {
            Some(caller) if self.accept_credential(ctx, &caller).await? => Ok(Some(caller)),
            _ => Ok(None),
        }
    }

    /// Like [`Provider::verify_credential`], but what is accepted once is not spent by it.
    pub(crate) async fn look_at_credential(
        &self,
        ctx: &Ctx,
        credential: &Credential,
    ) -> Result<Option<Caller>, ProviderError> {
        Ok(match credential {
            Credential::AccessToken(token) => {
                let token = self.look_at_access_token(ctx, token).await?;
                token.filter(|token| token.may_be_presented(ctx)).map(Caller::AccessToken)
            }
            Credential::ApiKey(key) => self.verify_api_key(ctx, key).await?.map(Caller::ApiKey),
        })
    }

    /// Spends what is accepted once; false when somebody else has.
    pub(crate) async fn accept_credential(&self, ctx: &Ctx, caller: &Caller) -> Result<bool, ProviderError> {
        match caller {
            Caller::AccessToken(token) => self.accept_access_token(ctx, token).await,
            Caller::ApiKey(_) => Ok(true),
        }
    }
}
