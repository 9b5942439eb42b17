//! The client_credentials grant type (RFC 6749 section 4.4): a token that speaks for the client itself. Writes nothing, unless the client's
//! tokens are opaque.

use super::TokenResponse;
use crate::tokens::issue::{Issue, Subject};
use crate::tokens::scope;
use crate::{Ctx, Provider, ProviderError};
use protocol::{Client, OAuthError, Params, Scope};
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

/// What the client gets by itself: of what it is registered for, nothing that opens a person's claims.
fn own_scope(client: &Client, params: &Params) -> Result<Scope, OAuthError> {
    let own = Scope::STANDARD.iter().fold(client.scope.clone(), |own, token| own.without(token));
    // A default that is for signing people in says nothing of what the client does by itself.
    let default = client.default_scope.as_ref().map(|scope| scope.intersection(&own));
    let unnamed = default.filter(|scope| !scope.is_empty());
    scope::answered(params, &own, unnamed.as_ref().unwrap_or(&own))
}
