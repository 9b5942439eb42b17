//! Clients that nobody here wrote, through the compiled binary. The `openidconnect` crate as a relying party: discovery, authorization code with
//! PKCE, ID Token, UserInfo, refresh, introspection, revocation, sign-out. The `oauth2` crate and Authlib as machines, oidc-agent on a desk. All of it
//! on every engine.

#[cfg(test)]
mod authlib;
#[cfg(test)]
mod browser;
#[cfg(test)]
mod desk;
#[cfg(test)]
mod doorward;
#[cfg(test)]
mod machine;
#[cfg(test)]
mod relying_party;

use browser::Browser;
use doorward::{Doorward, POST_LOGOUT_REDIRECT_URI};
use openidconnect::core::{CoreAuthPrompt, CoreRevocableToken, CoreUserInfoClaims};
use openidconnect::{
    AccessToken, CsrfToken, LogoutRequest, Nonce, OAuth2TokenResponse as _, PostLogoutRedirectUrl,
    TokenIntrospectionResponse as _, TokenResponse as _,
};
use relying_party::{Kind, RelyingParty, Result};

#[tokio::test]
async fn signs_in_and_trusts_what_it_gets() -> Result<()> {
    for server in Doorward::on_every_engine() {
        for kind in Kind::ALL {
            let party = RelyingParty::discover(&server, kind).await?;
            let (tokens, nonce) = party.sign_in(&mut Browser::new(&server)).await?;
            let claims = party.verified(&tokens, &nonce)?;

            let told =
                party.client.user_info(tokens.access_token().clone(), Some(claims.subject().clone()))?;
            let told: CoreUserInfoClaims = told.request_async(&party.http).await?;
            let username = told.preferred_username().map(|name| name.as_str());
            assert_eq!(username, Some(server.env("USERNAME")), "{kind:?}");
            assert!(told.email().is_some(), "{kind:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn refreshes_and_the_new_id_token_is_about_the_same_sign_in() -> Result<()> {
    for server in Doorward::on_every_engine() {
        for kind in Kind::ALL {
            let party = RelyingParty::discover(&server, kind).await?;
            let (first, nonce) = party.sign_in(&mut Browser::new(&server)).await?;
            let spent = first.refresh_token().ok_or("a refresh token")?;
            let second = party.client.exchange_refresh_token(spent)?.request_async(&party.http).await?;
            assert_ne!(second.refresh_token().map(|token| token.secret()), Some(spent.secret()), "{kind:?}");

            let before = party.verified(&first, &nonce)?;
            // OpenID Connect Core section 12.2: the same subject and auth_time, and no nonce.
            let id_token = second.id_token().ok_or("an ID Token")?;
            let no_nonce =
                |nonce: Option<&Nonce>| nonce.map_or(Ok(()), |_| Err("a nonce on refresh".to_owned()));
            let after = id_token.claims(&party.client.id_token_verifier(), no_nonce)?;
            assert_eq!(
                (after.subject(), after.auth_time()),
                (before.subject(), before.auth_time()),
                "{kind:?}"
            );
            assert!(before.auth_time().is_some(), "{kind:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_revoked_token_is_inactive_at_once() -> Result<()> {
    for server in Doorward::on_every_engine() {
        for kind in [Kind::Basic, Kind::Post] {
            let party = RelyingParty::discover(&server, kind).await?;
            let (tokens, _) = party.sign_in(&mut Browser::new(&server)).await?;
            let told = party.introspect(tokens.access_token()).await?;
            assert!(told.active(), "{kind:?}");
            assert_eq!(told.client_id().map(|id| id.as_str()), Some(server.env("CLIENT_ID")), "{kind:?}");
            assert!(told.sub().is_some() && told.exp() > told.iat(), "{kind:?}");

            party.revoke(CoreRevocableToken::from(tokens.refresh_token().ok_or("a refresh token")?)).await?;
            let told = party.introspect(tokens.access_token()).await?;
            assert!(!told.active() && told.sub().is_none(), "{kind:?}: RFC 7662 section 2.2");
            assert!(!party.knows(tokens.access_token()).await?, "{kind:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_public_client_revokes_too() -> Result<()> {
    for server in Doorward::on_every_engine() {
        let party = RelyingParty::discover(&server, Kind::Public).await?;
        let (tokens, _) = party.sign_in(&mut Browser::new(&server)).await?;
        assert!(party.knows(tokens.access_token()).await?);
        party.revoke(CoreRevocableToken::from(tokens.access_token())).await?;
        assert!(!party.knows(tokens.access_token()).await?);
        let refused = party.introspect(&AccessToken::new("any".to_owned())).await;
        assert!(refused.is_err(), "RFC 7662 section 2.1: whoever introspects is authenticated");
    }
    Ok(())
}

#[tokio::test]
async fn one_sign_in_is_enough_until_the_client_signs_out() -> Result<()> {
    for server in Doorward::on_every_engine() {
        let party = RelyingParty::discover(&server, Kind::Basic).await?;
        let mut browser = Browser::new(&server);
        let (tokens, _) = party.sign_in(&mut browser).await?;
        let silently = party.ask().add_prompt(CoreAuthPrompt::None).url();
        assert!(browser.open(silently.0).await.query("code").is_some());

        let url = LogoutRequest::from(party.end_session_endpoint.clone())
            .set_id_token_hint(tokens.id_token().ok_or("an ID Token")?)
            .set_post_logout_redirect_uri(PostLogoutRedirectUrl::new(POST_LOGOUT_REDIRECT_URI.to_owned())?)
            .set_state(CsrfToken::new("back".to_owned()))
            .http_get_url();
        let arrived = browser.open(url).await;
        assert_eq!(arrived.left_for().as_str(), format!("{POST_LOGOUT_REDIRECT_URI}?state=back"));
        assert!(!party.knows(tokens.access_token()).await?, "the session's access tokens are over with it");

        let silently = party.ask().add_prompt(CoreAuthPrompt::None).url();
        assert_eq!(browser.open(silently.0).await.query("error").as_deref(), Some("login_required"));
    }
    Ok(())
}
