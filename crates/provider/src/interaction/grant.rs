//! What a person gives by going through an interaction: the grant, and its authorization code.

use crate::session::SignedIn;
use crate::{Ctx, Provider};
use protocol::{AuthorizationCodeId, AuthorizationRequest, GrantId, Scope, Timestamp};
use storage::authorization_code::NewAuthorizationCode;
use storage::grant::NewGrant;

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

    /// That grant, its code, and the code as the client sees it.
    pub(crate) fn grant_and_code(
        &self,
        ctx: &mut Ctx,
        request: &AuthorizationRequest,
        signed_in: &SignedIn,
    ) -> (NewGrant, NewAuthorizationCode, String) {
        let grant = self.grant_for(ctx, request, signed_in);
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
        (grant, code, token.reveal())
    }
}
