//! What a person gives by going through an interaction: the grant, and the code or the ID Token that answers the request.

use crate::authentication::session::SignedIn;
use crate::tokens::issue::user_claims;
use crate::{Ctx, Provider, ProviderError};
use crypto::TokenType;
use protocol::claims::{Audience, IdTokenClaims, visible};
use protocol::{AuthorizationCodeId, AuthorizationRequest, Client, GrantId, ResponseType, Scope, Timestamp};
use storage::authorization_code::NewAuthorizationCode;
use storage::grant::NewGrant;

/// What is stored, and what the client sees of it.
pub(crate) struct Granted {
    pub(crate) grant: NewGrant,
    pub(crate) code: Option<NewAuthorizationCode>,
    pub(crate) answer: String,
}

impl Provider {
    /// The grant a person gives by what they did.
    pub(crate) fn grant_for(
        &self,
        ctx: &mut Ctx,
        request: &AuthorizationRequest,
        signed_in: &SignedIn,
    ) -> NewGrant {
        let settings = &self.inner.settings;
        let offline = request.scope.contains(Scope::OFFLINE_ACCESS);
        let session = &signed_in.session;
        let expires_at: Timestamp =
            if offline { ctx.now + settings.grant_lifetime } else { session.expires_at };
        NewGrant {
            id: GrantId::new(ctx.now, ctx.id()),
            user_id: signed_in.user.id,
            client_id: request.client_id.clone(),
            session_id: session.id,
            scope: request.scope.clone(),
            claims: request.claims.clone(),
            auth_time: session.auth_time,
            amr: session.amr.clone(),
            acr: session.acr.clone(),
            resources: request.resources.clone(),
            offline,
            created_at: ctx.now,
            expires_at,
        }
    }

    /// That grant, and the answer to the request.
    pub(crate) async fn granted(
        &self,
        ctx: &mut Ctx,
        client: &Client,
        request: &AuthorizationRequest,
        signed_in: &SignedIn,
    ) -> Result<Granted, ProviderError> {
        let grant = self.grant_for(ctx, request, signed_in);
        Ok(match request.response_type {
            ResponseType::Code => {
                let (code, answer) = self.new_code(ctx, request, &grant);
                Granted { grant, code: Some(code), answer }
            }
            ResponseType::IdToken => {
                let answer = self.front_channel_id_token(ctx, client, request, (&grant, signed_in)).await?;
                Granted { grant, code: None, answer }
            }
        })
    }

    fn new_code(
        &self,
        ctx: &mut Ctx,
        request: &AuthorizationRequest,
        grant: &NewGrant,
    ) -> (NewAuthorizationCode, String) {
        let id = AuthorizationCodeId::new(ctx.now, ctx.id());
        let token = ctx.opaque(id.as_bytes());
        let code = NewAuthorizationCode {
            id,
            secret_hash: token.hash(),
            grant_id: grant.id,
            client_id: request.client_id.clone(),
            redirect_uri: request.redirect_uri.as_str().to_owned(),
            redirect_uri_given: request.redirect_uri_given,
            code_challenge: request.code_challenge.clone(),
            nonce: request.nonce.clone(),
            created_at: ctx.now,
            expires_at: ctx.now + self.inner.settings.authorization_code_lifetime,
        };
        (code, token.reveal())
    }

    /// OpenID Connect Core section 3.2.2.11. No access token is issued beside it, so it carries what the scope stands for (section 5.4).
    async fn front_channel_id_token(
        &self,
        ctx: &Ctx,
        client: &Client,
        request: &AuthorizationRequest,
        (grant, signed_in): (&NewGrant, &SignedIn),
    ) -> Result<String, ProviderError> {
        let asked = request.claims.id_token.keys().chain(request.claims.userinfo.keys());
        let claims = IdTokenClaims {
            iss: self.inner.settings.issuer.clone(),
            sub: grant.user_id.to_string(),
            aud: Audience::One(client.id.to_string()),
            exp: (ctx.now + self.id_token_lifetime(client)).seconds(),
            iat: ctx.now.seconds(),
            auth_time: grant.auth_time.seconds(),
            nonce: request.nonce.clone(),
            acr: grant.acr.clone(),
            amr: grant.amr.split(' ').map(str::to_owned).collect(),
            at_hash: None,
            sid: grant.session_id.to_string(),
            user: visible(&user_claims(&signed_in.user), &grant.scope, asked),
        };
        let key = self.signing_key(client.id_token_signed_response_alg).await?;
        Ok(key.sign(TokenType::IdToken, &serde_json::to_vec(&claims)?))
    }
}
