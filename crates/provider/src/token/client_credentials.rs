//! The client_credentials grant type (RFC 6749 section 4.4): a token that speaks for the client itself. Writes nothing, unless the client's
//! tokens are opaque.

use super::TokenResponse;
use crate::issue::{Issue, Subject};
use crate::{Ctx, Provider, ProviderError};
use protocol::{Client, ErrorCode, OAuthError, Params, Scope};
use storage::access_token::AddAccessToken;
use storage::client::RegisteredClient;

impl Provider {
    pub(super) async fn client_credentials(
        &self,
        ctx: &mut Ctx,
        client: &RegisteredClient,
        params: &Params,
    ) -> Result<TokenResponse, ProviderError> {
        let scope = own_scope(&client.client, params)?;
        let audience = self.audience(&client.client, &[], params)?;
        let issue = Issue { audience, ..Issue::new(&client.client, Subject::Client, scope) };
        let issued = self.issue(ctx, issue).await?;
        if let Some(access_token) = issued.stored.clone() {
            self.inner.store.write(AddAccessToken(access_token)).await?;
        }
        // RFC 6749 section 4.4.3: "A refresh token SHOULD NOT be included."
        Ok(TokenResponse::new(issued, None))
    }
}

/// What the client may do by itself: what it is registered for, without the scopes that open a person's claims.
fn own_scope(client: &Client, params: &Params) -> Result<Scope, OAuthError> {
    let own = Scope::STANDARD.iter().fold(client.scope.clone(), |own, token| own.without(token));
    let Some(asked) = params.get("scope") else { return Ok(own) };
    match Scope::parse(asked) {
        Ok(scope) if own.covers(&scope) => Ok(scope),
        _ => Err(OAuthError::new(ErrorCode::InvalidScope, "scope exceeds what this client may do by itself")),
    }
}
