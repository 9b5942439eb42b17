//! Client authentication (RFC 6749 section 2.3): exactly one method, the one the client is registered for.

use crate::clients::request::ClientRequest;
use crate::{Ctx, Provider, ProviderError};
use crypto::{secret_hash, secret_matches};
use passwords::{HashKind, Verdict};
use protocol::credentials::Authorization;
use protocol::{AuditEvent, ClientAuthentication, ClientId, ErrorCode, OAuthError, Params, SecretHash};
use secrecy::SecretString;
use std::sync::Arc;
use storage::client::{RegisteredClient, UpgradeClientSecret};

/// From so many characters on, guessing a secret is taken to be hopeless, and it is kept as those made here are: as its SHA-256.
pub(crate) const LEAST_UNGUESSABLE: usize = 16;

/// How a client presented itself.
enum Presented<'a> {
    Secret {
        id: &'a str,
        secret: &'a str,
        how: How,
    },
    /// RFC 7521 section 4.2.
    Assertion,
    /// A public client, or one whose proof is its certificate (RFC 8705 section 2).
    IdOnly(&'a str),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Basic,
    Post,
}

impl Provider {
    /// The client that makes this request.
    pub(crate) async fn authenticate_client(
        &self,
        ctx: &Ctx,
        request: &ClientRequest,
    ) -> Result<Arc<RegisteredClient>, ProviderError> {
        let client = self.proven_client(ctx, request).await;
        let failed =
            matches!(&client, Err(ProviderError::OAuth(error)) if error.code == ErrorCode::InvalidClient);
        if failed && self.keeps_failures() {
            // What is no client's name may be anything, even a secret in the wrong place.
            let named = match &request.authorization {
                Some(Authorization::Basic { id, .. }) => Some(id.as_str()),
                _ => request.params.get("client_id"),
            };
            if let Some(named) = named
                && let Some(known) = self.named_client(named).await?
            {
                let client = known.client.id.clone();
                self.tell_failure(ctx, || AuditEvent::ClientAuthenticationFailed { client });
            }
        }
        client
    }

    async fn proven_client(
        &self,
        ctx: &Ctx,
        request: &ClientRequest,
    ) -> Result<Arc<RegisteredClient>, ProviderError> {
        match presented(&request.params, request.authorization.as_ref())? {
            Presented::Secret { id, secret, how } => self.by_secret(ctx, id, (secret, how)).await,
            Presented::Assertion => self.by_assertion(ctx, &request.params).await,
            Presented::IdOnly(id) => {
                let client = self.named_client(id).await?.ok_or_else(unknown)?;
                match client.client.authentication {
                    ClientAuthentication::None => Ok(client),
                    ClientAuthentication::TlsClientAuth | ClientAuthentication::SelfSignedTlsClientAuth => {
                        self.check_certificate(ctx, &client.client).await?;
                        Ok(client)
                    }
                    _ => Err(because("the client is registered for another method: it sent its name alone")),
                }
            }
        }
    }

    async fn by_secret(
        &self,
        ctx: &Ctx,
        id: &str,
        (secret, how): (&str, How),
    ) -> Result<Arc<RegisteredClient>, ProviderError> {
        let client = self.named_client(id).await?;
        // The same comparison for a client that does not exist: its time tells nothing.
        let nobody = SecretHash::from_bytes([0; 32]);
        let stored = client.as_ref().and_then(|client| client.secret_hash).unwrap_or(nobody);
        let matches_ours = secret_matches(secret, &stored);
        let client = client.ok_or_else(unknown)?;
        match (client.client.authentication, how) {
            (ClientAuthentication::ClientSecret, _)
            | (ClientAuthentication::ClientSecretBasic, How::Basic)
            | (ClientAuthentication::ClientSecretPost, How::Post) => {
                let is_right = match &client.imported_secret_hash {
                    Some(imported) => self.matches_imported(ctx, &client.client.id, imported, secret).await?,
                    None => client.secret_hash.is_some() && matches_ours,
                };
                if is_right { Ok(client) } else { Err(because("the secret is wrong")) }
            }
            (_, How::Basic) => {
                Err(because("the client is registered for another method: it sent client_secret_basic"))
            }
            (_, How::Post) => {
                Err(because("the client is registered for another method: it sent client_secret_post"))
            }
        }
    }

    /// Checks a secret against the hash that another system made, and puts ours in its place: that one is checked in microseconds, and it is
    /// as good where the secret cannot be guessed. Another stays under the slow hash.
    async fn matches_imported(
        &self,
        ctx: &Ctx,
        client: &ClientId,
        imported: &str,
        secret: &str,
    ) -> Result<bool, ProviderError> {
        let (pool, whose) = (&self.inner.hash_pool, ctx.on_behalf_of(Some(client)));
        let verdict = pool.verify(whose, SecretString::from(secret), Some(imported.to_owned())).await?;
        if matches!(verdict, Verdict::Wrong) {
            return Ok(false);
        }
        // Some formats see a part of what is typed, bcrypt no more than 72 bytes: the rest may be anything. The pool knows which.
        let is_whole = matches!(verdict, Verdict::RightAndUpgraded(_))
            || passwords::inspect(imported) == Ok(HashKind::Argon2id);
        if secret.len() >= LEAST_UNGUESSABLE && is_whole {
            let upgrade = UpgradeClientSecret {
                client: client.clone(),
                verified: imported.to_owned(),
                secret_hash: secret_hash(secret),
            };
            // The secret was right either way; the next request tries again.
            if let Err(error) = self.commit(ctx, upgrade).await {
                tracing::warn!(%error, "a client's secret was not stored as ours");
            }
        }
        Ok(true)
    }

    pub(crate) async fn named_client(
        &self,
        id: &str,
    ) -> Result<Option<Arc<RegisteredClient>>, ProviderError> {
        match ClientId::parse(id) {
            Ok(id) => self.client(&id).await,
            Err(_) => Ok(None),
        }
    }
}

/// What everybody is told who could be somebody else; why, the operator alone learns.
pub(crate) fn because(reason: &'static str) -> ProviderError {
    let failed = OAuthError::new(ErrorCode::InvalidClient, "client authentication failed").because(reason);
    match reason.contains("another method") {
        true => failed.admitted_by("client set --authentication").into(),
        false => failed.into(),
    }
}

/// Nobody has that name, or nobody who is admitted.
pub(crate) fn unknown() -> ProviderError {
    because("no such client is registered, or it is disabled")
}

fn presented<'a>(
    params: &'a Params,
    authorization: Option<&'a Authorization>,
) -> Result<Presented<'a>, ProviderError> {
    let invalid = |description| Err(ProviderError::oauth(ErrorCode::InvalidRequest, description));
    let (id, secret) = (params.get("client_id"), params.get("client_secret"));
    let asserts = ["client_assertion", "client_assertion_type"].iter().any(|name| params.get(name).is_some());
    // RFC 6749 section 2.3: "The client MUST NOT use more than one authentication method in each request."
    if asserts && (secret.is_some() || authorization.is_some()) {
        return invalid("more than one method of client authentication is used");
    }
    match (authorization, id, secret) {
        (Some(Authorization::Basic { .. }), _, Some(_)) => {
            invalid("more than one method of client authentication is used")
        }
        (Some(Authorization::Basic { id, .. }), Some(other), None) if id != other => {
            invalid("client_id differs from the authenticated client")
        }
        // A name with an empty secret is the name alone: so do public clients write it that know no other way.
        (Some(Authorization::Basic { id, secret }), _, None) if secret.is_empty() => {
            Ok(Presented::IdOnly(id))
        }
        (Some(Authorization::Basic { id, secret }), _, None) => {
            Ok(Presented::Secret { id, secret, how: How::Basic })
        }
        (Some(Authorization::Bearer(_)), ..) => {
            Err(ProviderError::oauth(ErrorCode::InvalidClient, "a Bearer token is no client authentication"))
        }
        (None, ..) if asserts => Ok(Presented::Assertion),
        (None, Some(id), Some(secret)) => Ok(Presented::Secret { id, secret, how: How::Post }),
        (None, Some(id), None) => Ok(Presented::IdOnly(id)),
        (None, None, _) => {
            Err(ProviderError::oauth(ErrorCode::InvalidClient, "client authentication is missing"))
        }
    }
}
