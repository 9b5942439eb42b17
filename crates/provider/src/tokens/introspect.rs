//! Token introspection (RFC 7662): what a token is worth, told only to those it concerns.

use crate::clients::request::ClientRequest;
use crate::tokens::credential::Caller;
use crate::tokens::issue::user_claims;
use crate::tokens::scope;
use crate::{Ctx, Provider, ProviderError};
use crypto::{API_KEY_PREFIX, OpaqueToken};
use protocol::claims::{AccessTokenClaims, Audience, visible};
use protocol::{AuditEvent, CheckedAt, Client, ErrorCode, OAuthError, RefreshTokenId, Scope, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};
use std::sync::Arc;
use storage::grant::GrantById;
use storage::refresh_token::RefreshTokenById;
use storage::user::{User, UserById};

/// The answer (RFC 7662 section 2.2). A token that is not good, or does not concern the caller, is `{"active": false}` and nothing
/// else.
#[derive(Debug, Default, Serialize)]
#[expect(
    missing_docs,
    reason = "each member is the one of the same name in RFC 7662 section 2.2 or RFC 9068 section 2.2"
)]
pub struct Introspection {
    pub active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub access_token: Option<AccessTokenClaims>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<RefreshTokenIntrospection>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<ApiKeyIntrospection>,
    #[serde(flatten)]
    pub user: Map<String, Value>,
}

/// What is told of an API key.
#[derive(Debug, Serialize)]
pub struct ApiKeyIntrospection {
    pub iss: String,
    pub sub: String,
    pub client_id: String,
    pub aud: Audience,
    pub scope: Scope,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
    pub iat: i64,
}

/// What is told of a refresh token.
#[derive(Debug, Serialize)]
pub struct RefreshTokenIntrospection {
    pub iss: String,
    pub sub: String,
    pub client_id: String,
    pub scope: Scope,
    pub exp: i64,
    pub iat: i64,
}

impl Provider {
    /// Answers an introspection request.
    ///
    /// # Errors
    /// `invalid_client` when the caller does not authenticate, `invalid_request` without a token.
    pub async fn introspect(
        &self,
        ctx: &Ctx,
        request: &ClientRequest,
    ) -> Result<Introspection, ProviderError> {
        let caller = self.authenticate_client(ctx, request).await?;
        // RFC 7662 section 2.1: the endpoint must require some form of authorization; a public client has none.
        if !caller.client.authentication.is_confidential() {
            let public = OAuthError::new(ErrorCode::InvalidClient, "a public client cannot introspect");
            return Err(public.admitted_by("client add without --public").into());
        }
        let presented = request.params.require("token")?;
        let introspection = self.worth(ctx, &caller.client, presented).await?;
        if !introspection.active {
            self.tell_use(ctx, || {
                let client = Some(caller.client.id.clone());
                AuditEvent::CredentialRefused { at: CheckedAt::Introspection, client }
            });
        }
        Ok(introspection)
    }

    /// What is presented is worth, to this caller.
    async fn worth(
        &self,
        ctx: &Ctx,
        caller: &Client,
        presented: &str,
    ) -> Result<Introspection, ProviderError> {
        if let Some(token) = self.look_at_access_token(ctx, presented).await? {
            let Some((aud, scope)) = self.told(caller, &Caller::AccessToken(Arc::clone(&token))) else {
                return Ok(Introspection::default());
            };
            // Whom a token does not concern cannot spend it either.
            if !self.accept_access_token(ctx, &token).await? {
                return Ok(Introspection::default());
            }
            let access_token =
                Some(AccessTokenClaims { aud, scope, ..self.current_claims(ctx.now, &token).await? });
            let (username, user) = match token.user_id.filter(|_| caller.introspects_claims) {
                Some(user) => {
                    let user = self.inner.store.read(UserById(user)).await?;
                    user.map(|user| told_of(&user, &token.claims.scope)).unwrap_or_default()
                }
                None => Default::default(),
            };
            return Ok(Introspection {
                active: true,
                token_type: Some("Bearer"),
                username,
                access_token,
                user,
                ..Introspection::default()
            });
        }
        if presented.starts_with(API_KEY_PREFIX) {
            return self.introspect_api_key(ctx, caller, presented).await;
        }
        self.introspect_refresh_token(ctx, caller, presented).await
    }

    async fn introspect_api_key(
        &self,
        ctx: &Ctx,
        caller: &Client,
        presented: &str,
    ) -> Result<Introspection, ProviderError> {
        let Some(key) = self.verify_api_key(ctx, presented).await? else {
            return Ok(Introspection::default());
        };
        let Some((aud, scope)) = self.told(caller, &Caller::ApiKey(key.clone())) else {
            return Ok(Introspection::default());
        };
        let told = ApiKeyIntrospection {
            iss: self.inner.settings.issuer.clone(),
            sub: key.account().id.to_string(),
            client_id: key.account().id.to_string(),
            aud,
            scope,
            exp: key.key().expires_at.map(Timestamp::seconds),
            iat: key.key().created_at.seconds(),
        };
        Ok(Introspection {
            active: true,
            token_type: Some("Bearer"),
            api_key: Some(told),
            ..Introspection::default()
        })
    }

    /// What the caller is told of a credential's audience and scope, if it may ask: everything of what was issued to it, what names it and
    /// whoever may see all; of what is for a resource server it introspects for, that resource server's part (RFC 7662 section 4).
    fn told(&self, caller: &Client, presented: &Caller) -> Option<(Audience, Scope)> {
        let audience = match presented {
            Caller::AccessToken(token) => token.claims.aud.clone(),
            Caller::ApiKey(key) => Audience::of(key.account().audience.clone()),
        };
        let scope = presented.scope();
        if concerns(caller, presented.client_id().as_str(), Some(&audience)) {
            return Some((audience, scope.into_owned()));
        }
        let mut theirs = self.inner.resource_servers.introspected_by(&caller.id);
        theirs.retain(|known| audience.contains(known.server.identifier.as_str()));
        if theirs.is_empty() {
            return None;
        }
        let defined = theirs.iter().fold(Scope::default(), |all, known| all.union(&known.scopes));
        let named = theirs.iter().map(|known| known.server.identifier.as_str().to_owned()).collect();
        Some((Audience::of(named), scope.intersection(&defined)))
    }

    async fn introspect_refresh_token(
        &self,
        ctx: &Ctx,
        caller: &Client,
        presented: &str,
    ) -> Result<Introspection, ProviderError> {
        let Some(token) = OpaqueToken::parse(presented) else { return Ok(Introspection::default()) };
        let id = RefreshTokenId::from_bytes(token.selector());
        let stored = self.inner.store.read(RefreshTokenById(id)).await?.filter(|stored| {
            token.matches(&stored.issued.secret_hash)
                && stored.spent_at.is_none()
                && ctx.now < stored.issued.expires_at
                && concerns(caller, stored.issued.client_id.as_str(), None)
        });
        let Some(stored) = stored else { return Ok(Introspection::default()) };
        let grant = self.inner.store.read(GrantById(stored.issued.grant_id)).await?;
        let Some(grant) = grant.filter(|grant| grant.stands(ctx.now)) else {
            return Ok(Introspection::default());
        };
        let client = self.client(&stored.issued.client_id).await?.filter(|client| {
            client.stands_since(grant.granted.created_at) && scope::is_refreshable(&grant, &client.client)
        });
        let Some(client) = client else { return Ok(Introspection::default()) };
        let Ok(scope) = scope::left_of(&grant, &client.client) else { return Ok(Introspection::default()) };
        let (username, user) = match caller.introspects_claims {
            true => told_of(&grant.user, &scope),
            false => Default::default(),
        };
        let told = RefreshTokenIntrospection {
            iss: self.inner.settings.issuer.clone(),
            sub: grant.granted.user_id.to_string(),
            client_id: grant.granted.client_id.to_string(),
            scope,
            exp: stored.issued.expires_at.seconds(),
            iat: stored.issued.created_at.seconds(),
        };
        Ok(Introspection {
            active: true,
            username,
            refresh_token: Some(told),
            user,
            ..Introspection::default()
        })
    }
}

/// What a caller that may know it is told of a token's user: how they sign in (RFC 7662 section 2.2), and what the scope opens.
fn told_of(user: &User, scope: &Scope) -> (Option<String>, Map<String, Value>) {
    (Some(user.username.clone()), visible(&user_claims(user), scope, [].iter()))
}

/// Whether a token is the caller's business: issued to it, meant for it, or it may see all (RFC 7662 section 4: a resource server
/// learns no more than it needs).
fn concerns(caller: &Client, issued_to: &str, audience: Option<&Audience>) -> bool {
    caller.introspects_all
        || issued_to == caller.id.as_str()
        || audience.is_some_and(|audience| audience.contains(caller.id.as_str()))
}
