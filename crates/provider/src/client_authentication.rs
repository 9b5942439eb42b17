//! Client authentication (RFC 6749 section 2.3): exactly one method, the one the client is registered for.

use crate::{ClientRequest, Ctx, Provider, ProviderError};
use crypto::secret_matches;
use protocol::credentials::Authorization;
use protocol::{ClientAuthentication, ClientId, ErrorCode, Params, SecretHash};
use std::sync::Arc;
use storage::client::RegisteredClient;

/// How a client presented itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presented {
    Basic,
    Post,
    IdOnly,
}

impl Provider {
    /// The client that makes this request.
    pub(crate) async fn authenticate_client(
        &self,
        _ctx: &Ctx,
        request: &ClientRequest,
    ) -> Result<Arc<RegisteredClient>, ProviderError> {
        let (id, secret, how) = presented(&request.params, request.authorization.as_ref())?;
        let client = match ClientId::parse(id) {
            Ok(id) => self.client(&id).await?,
            Err(_) => None,
        };
        // The same comparison for a client that does not exist: its time tells nothing.
        let nobody = SecretHash::from_bytes([0; 32]);
        let stored = client.as_ref().and_then(|client| client.secret_hash).unwrap_or(nobody);
        let secret_is_right = secret_matches(secret.unwrap_or_default(), &stored);
        client
            .filter(|registered| match (registered.client.authentication, how) {
                (ClientAuthentication::None, Presented::IdOnly) => true,
                (ClientAuthentication::ClientSecret, Presented::Basic | Presented::Post)
                | (ClientAuthentication::ClientSecretBasic, Presented::Basic)
                | (ClientAuthentication::ClientSecretPost, Presented::Post) => {
                    registered.secret_hash.is_some() && secret_is_right
                }
                _ => false,
            })
            .ok_or_else(|| ProviderError::oauth(ErrorCode::InvalidClient, "client authentication failed"))
    }
}

fn presented<'a>(
    params: &'a Params,
    authorization: Option<&'a Authorization>,
) -> Result<(&'a str, Option<&'a str>, Presented), ProviderError> {
    let invalid = |description| Err(ProviderError::oauth(ErrorCode::InvalidRequest, description));
    match (authorization, params.get("client_id"), params.get("client_secret")) {
        (Some(Authorization::Basic { .. }), _, Some(_)) => {
            // RFC 6749 section 2.3: "The client MUST NOT use more than one authentication method in each request."
            invalid("more than one method of client authentication is used")
        }
        (Some(Authorization::Basic { id, .. }), Some(other), None) if id != other => {
            invalid("client_id differs from the authenticated client")
        }
        (Some(Authorization::Basic { id, secret }), _, None) => Ok((id, Some(secret), Presented::Basic)),
        (Some(Authorization::Bearer(_)), ..) => {
            Err(ProviderError::oauth(ErrorCode::InvalidClient, "a Bearer token is no client authentication"))
        }
        (None, Some(id), Some(secret)) => Ok((id, Some(secret), Presented::Post)),
        (None, Some(id), None) => Ok((id, None, Presented::IdOnly)),
        (None, None, _) => {
            Err(ProviderError::oauth(ErrorCode::InvalidClient, "client authentication is missing"))
        }
    }
}
