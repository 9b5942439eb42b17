//! Clients that prove who they are by an assertion (RFC 7521 section 4.2, RFC 7523 sections 2.2 and 3): one they signed with a key of their
//! own, or under their secret. Each is good once; the database decides who was first, in the one write this costs.

use crate::clients::authentication::{because, unknown};
use crate::clients::trusted_keys::KeySource;
use crate::{Ctx, Provider, ProviderError};
use crypto::{AssertionUse, JwsError, SharedKey, UnverifiedAssertion, sha256};
use protocol::assertion::{AssertionClaims, AssertionError, Audiences, CLIENT_ASSERTION_TYPE};
use protocol::{Client, ClientAuthentication, ErrorCode, OAuthError, Params};
use std::sync::Arc;
use storage::client::{RegisteredClient, secret_name};
use storage::spent_assertion::SpendAssertion;

impl Provider {
    /// The client that made the assertion in this request.
    pub(crate) async fn by_assertion(
        &self,
        ctx: &Ctx,
        params: &Params,
    ) -> Result<Arc<RegisteredClient>, ProviderError> {
        if params.require("client_assertion_type")? != CLIENT_ASSERTION_TYPE {
            return Err(invalid("this client_assertion_type is not offered"));
        }
        let unreadable = |error: JwsError| invalid(format!("client_assertion: {error}"));
        let token = UnverifiedAssertion::parse_assertion(params.require("client_assertion")?);
        let token = token.map_err(unreadable)?;
        let claims = AssertionClaims::parse(token.unverified_payload()).map_err(refused)?;
        // RFC 7523 section 3, rules 1 and 2.B.
        if claims.iss != claims.sub {
            return Err(invalid("the assertion's iss and sub must both be the client_id"));
        }
        // RFC 7521 section 4.2: "if present, it MUST identify the same client".
        if params.get("client_id").is_some_and(|id| id != claims.sub) {
            let description = "client_id differs from the assertion's sub";
            return Err(ProviderError::oauth(ErrorCode::InvalidRequest, description));
        }
        let registered = self.named_client(&claims.sub).await?.ok_or_else(unknown)?;
        self.check_signature(ctx, &registered, &token).await?;
        // From here on it is the client itself that is told what is wrong.
        let endpoints = self.own_endpoints(ctx, &registered.client);
        let audiences = Audiences { issuer: &self.inner.settings.issuer, endpoints: &endpoints };
        claims.check(ctx.now, audiences).map_err(refused)?;
        let spender = ["client", registered.client.id.as_str(), &claims.jti];
        if !self.spend_assertion(spender, &claims).await? {
            return Err(invalid("the assertion was used before: its jti is known"));
        }
        Ok(registered)
    }

    async fn check_signature(
        &self,
        ctx: &Ctx,
        registered: &RegisteredClient,
        token: &UnverifiedAssertion<'_>,
    ) -> Result<(), ProviderError> {
        let client = &registered.client;
        let told = |error: &dyn std::fmt::Display| {
            tracing::debug!(client_id = %client.id, request_id = %ctx.request_id, %error, "an assertion is refused");
            because("the assertion is not good: --log debug says why")
        };
        if client.token_endpoint_auth_signing_alg.is_some_and(|algorithm| algorithm != token.algorithm()) {
            return Err(told(&"its algorithm is not the one the client registered"));
        }
        let usage = AssertionUse::ClientAuthentication;
        match client.authentication {
            ClientAuthentication::PrivateKeyJwt => {
                let source = KeySource::of(client.jwks.as_ref(), client.jwks_uri.as_ref());
                let source = source.ok_or_else(|| told(&"the client has no keys"))?;
                let holder = format!("client {}", client.id);
                let keys = &self.inner.trusted_keys;
                keys.check(ctx.now, &holder, source, |keys| keys.signing.verify(token, usage))
                    .await
                    .map_err(|error| told(&error))
            }
            ClientAuthentication::ClientSecretJwt => {
                let secret = self.opened_secret(registered)?;
                let key = secret.ok_or_else(|| told(&"the client has no secret: give it a new one"))?;
                key.verify(token, usage).map_err(|error| told(&error))
            }
            _ => Err(because("the client is registered for another method: it sent an assertion")),
        }
    }

    fn opened_secret(&self, registered: &RegisteredClient) -> Result<Option<SharedKey>, ProviderError> {
        let Some(sealed) = &registered.sealed_secret else { return Ok(None) };
        let id = &registered.client.id;
        let opened = self
            .inner
            .master_keys
            .open(&secret_name(id), sealed)
            .map_err(|error| ProviderError::Unavailable(format!("the secret of client {id}: {error}")))?;
        Ok(SharedKey::from_secret(&opened))
    }

    /// Whom an assertion of this client may name beside the issuer (RFC 7523 section 3, rule 3: "the URL of the token endpoint"); the other
    /// endpoints that clients authenticate at are as good, and so is what the one that was asked is called in the caller's dialect.
    fn own_endpoints(&self, ctx: &Ctx, client: &Client) -> Vec<String> {
        if client.require_issuer_audience {
            return Vec::new();
        }
        ["/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"]
            .into_iter()
            .chain(ctx.known_as.iter().map(String::as_str))
            .map(|path| self.inner.settings.url(path))
            .collect()
    }

    /// RFC 7523 section 3, rule 7. What kind of party made it, which one, and the `jti`, which alone may hold any character.
    pub(crate) async fn spend_assertion(
        &self,
        spender: [&str; 3],
        claims: &AssertionClaims,
    ) -> Result<bool, ProviderError> {
        let mut id = [0; 16];
        id.copy_from_slice(&sha256(spender.join("\0").as_bytes())[..16]);
        Ok(self.inner.store.write(SpendAssertion { id, expires_at: claims.expires_at() }).await?)
    }
}

fn invalid(description: impl Into<std::borrow::Cow<'static, str>>) -> ProviderError {
    OAuthError::new(ErrorCode::InvalidClient, description).into()
}

fn refused(error: AssertionError) -> ProviderError {
    invalid(error.to_string())
}
