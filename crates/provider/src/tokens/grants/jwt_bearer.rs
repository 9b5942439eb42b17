//! The JWT bearer grant type (RFC 7523 section 2.1): another issuer, whom the operator trusts, vouches for a user. No session and no grant
//! stand behind the token, and there is nothing to refresh: the client asks that issuer again.

use super::{TokenResponse, invalid_grant};
use crate::clients::trusted_keys::KeySource;
use crate::tokens::issue::{Issue, Subject};
use crate::tokens::scope;
use crate::{Ctx, Provider, ProviderError};
use crypto::{AssertionUse, UnverifiedAssertion};
use protocol::assertion::{AssertionClaims, AssertionError, Audiences};
use protocol::{AssertionIssuer, Client, ErrorCode, OAuthError, Params, Scope, SubjectMapping, UserId};
use storage::access_token::AddAccessToken;
use storage::assertion_issuer::AssertionIssuerById;
use storage::client::RegisteredClient;
use storage::user::{User, UserByEmail, UserById, UserByUsername};

impl Provider {
    pub(super) async fn jwt_bearer(
        &self,
        ctx: &mut Ctx,
        client: &RegisteredClient,
        params: &Params,
    ) -> Result<TokenResponse, ProviderError> {
        let client = &client.client;
        let (issuer, claims) = self.presented_assertion(ctx, client, params.require("assertion")?).await?;
        let scope = vouched_scope(&issuer, client, params)?;
        let audience = self.audience(client, &[], params)?;
        let unknown = || invalid_grant("the assertion's sub is nobody here");
        let user = self.vouched_user(&issuer, &claims.sub).await?.ok_or_else(unknown)?;
        let spender = ["issuer", &issuer.issuer, &claims.jti];
        if !self.spend_assertion(spender, &claims).await? {
            return Err(invalid_grant("the assertion was used before: its jti is known"));
        }
        let issue = Issue { audience, ..Issue::new(client, Subject::User(user.id), scope) };
        let issued = self.issue(ctx, issue).await?;
        if let Some(access_token) = issued.stored.clone() {
            self.inner.store.write(AddAccessToken(access_token)).await?;
        }
        // RFC 7521 section 4.1: "refresh tokens are not typically issued".
        Ok(TokenResponse::new(issued, None))
    }

    /// The assertion, if a trusted issuer made it, for us, and this client may present it.
    async fn presented_assertion(
        &self,
        ctx: &Ctx,
        client: &Client,
        assertion: &str,
    ) -> Result<(AssertionIssuer, AssertionClaims), ProviderError> {
        let untrusted = || invalid_grant("the assertion is not signed by an issuer trusted for this client");
        let token = UnverifiedAssertion::parse_assertion(assertion)
            .map_err(|error| OAuthError::new(ErrorCode::InvalidGrant, format!("assertion: {error}")))?;
        let claims = AssertionClaims::parse(token.unverified_payload()).map_err(refused)?;
        let issuer = self.inner.store.read(AssertionIssuerById(&claims.iss)).await?;
        let issuer = issuer.filter(|issuer| issuer.clients.contains(&client.id)).ok_or_else(untrusted)?;
        let source = KeySource::of(issuer.jwks.as_ref(), issuer.jwks_uri.as_ref()).ok_or_else(untrusted)?;
        let holder = format!("issuer {}", issuer.issuer);
        let usage = AssertionUse::AuthorizationGrant;
        let keys = &self.inner.trusted_keys;
        let signed = keys.check(ctx.now, &holder, source, |keys| keys.signing.verify(&token, usage)).await;
        signed.map_err(|error| {
            tracing::debug!(issuer = %issuer.issuer, request_id = %ctx.request_id, %error, "an assertion is refused");
            untrusted()
        })?;
        let endpoints = [self.inner.settings.url("/oauth2/token")];
        let audiences = Audiences { issuer: &self.inner.settings.issuer, endpoints: &endpoints };
        claims.check(ctx.now, audiences).map_err(refused)?;
        Ok((issuer, claims))
    }

    async fn vouched_user(
        &self,
        issuer: &AssertionIssuer,
        subject: &str,
    ) -> Result<Option<User>, ProviderError> {
        let store = &self.inner.store;
        let user = match issuer.subject {
            SubjectMapping::Username => store.read(UserByUsername(subject)).await?.map(|found| found.user),
            // An address that nobody has confirmed may be somebody else's.
            SubjectMapping::Email => {
                let found = store.read(UserByEmail(subject)).await?.map(|found| found.user);
                found.filter(|user| user.email_verified)
            }
            SubjectMapping::Id => match subject.parse::<UserId>() {
                Ok(id) => store.read(UserById(id)).await?,
                Err(_) => None,
            },
        };
        Ok(user.filter(|user| user.disabled_at.is_none()))
    }
}

/// Of what both the issuer is trusted with and the client is registered for. A session and a grant, which `openid` and `offline_access` speak
/// of, there are not.
fn vouched_scope(issuer: &AssertionIssuer, client: &Client, params: &Params) -> Result<Scope, OAuthError> {
    let most = issuer.scope.intersection(&client.scope).without(Scope::OPENID).without(Scope::OFFLINE_ACCESS);
    scope::answered(params, &most, scope::unnamed(client, &most))
}

fn refused(error: AssertionError) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidGrant, error.to_string())
}
