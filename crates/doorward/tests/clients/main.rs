//! The `openidconnect` crate, a relying party that nobody here wrote, through the compiled binary: discovery, authorization code with
//! PKCE, ID Token, UserInfo, refresh, introspection and revocation. Knows of the server only what discovery and the pages say.

mod browser;
mod doorward;

use browser::Browser;
use doorward::{Doorward, POST_LOGOUT_REDIRECT_URI, REDIRECT_URI};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreRevocableToken, CoreTokenResponse,
    CoreUserInfoClaims,
};
use openidconnect::reqwest::{self, Client as Http};
use openidconnect::{
    AccessTokenHash, AuthType, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EmptyAdditionalClaims, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IdTokenClaims, IntrospectionUrl, IssuerUrl, LogoutRequest, Nonce,
    OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl,
    RevocationUrl, Scope, TokenIntrospectionResponse as _, TokenResponse as _,
};
use std::collections::HashMap;
use std::error::Error;
use url::Url;

type RelyingParty = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointSet,
    EndpointSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;
type Claims = IdTokenClaims<EmptyAdditionalClaims, openidconnect::core::CoreGenderClaim>;
type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// Which of the demo's clients, and how it shows its secret.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Basic,
    Post,
    Public,
}

const KINDS: [Kind; 3] = [Kind::Basic, Kind::Post, Kind::Public];

#[tokio::test]
async fn signs_in_and_trusts_what_it_gets() -> Result<()> {
    let server = Doorward::start();
    let http = http();
    for kind in KINDS {
        let client = relying_party(&server, &http, kind).await?;
        let (tokens, nonce) = sign_in(&server, &http, &client).await?;
        let claims = verified(&client, &tokens, &nonce)?;
        assert_eq!(claims.issuer().as_str(), server.issuer(), "{kind:?}");

        let subject = Some(claims.subject().clone());
        let told: CoreUserInfoClaims = client.user_info(tokens.access_token().clone(), subject)?.request_async(&http).await?;
        let username = told.preferred_username().map(|name| name.as_str());
        assert_eq!(username, Some(server.env("USERNAME")), "{kind:?}");
        assert!(told.email().is_some(), "{kind:?}");
    }
    Ok(())
}

#[tokio::test]
async fn refreshes_and_the_new_id_token_is_about_the_same_sign_in() -> Result<()> {
    let server = Doorward::start();
    let http = http();
    for kind in KINDS {
        let client = relying_party(&server, &http, kind).await?;
        let (first, nonce) = sign_in(&server, &http, &client).await?;
        let first_refresh_token = first.refresh_token().ok_or("a refresh token")?;
        let second = client.exchange_refresh_token(first_refresh_token)?.request_async(&http).await?;
        assert_ne!(second.refresh_token().map(|token| token.secret()), Some(first_refresh_token.secret()), "{kind:?}");

        let before = verified(&client, &first, &nonce)?;
        // OpenID Connect Core section 12.2: same subject and auth_time; a nonce is not needed, and none came.
        let id_token = second.id_token().ok_or("an ID Token")?;
        let after = id_token.claims(&client.id_token_verifier(), |nonce: Option<&Nonce>| match nonce {
            None => Ok(()),
            Some(_) => Err("a nonce on refresh".to_owned()),
        })?;
        assert_eq!((after.subject(), after.auth_time()), (before.subject(), before.auth_time()), "{kind:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_revoked_token_is_inactive_at_once() -> Result<()> {
    let server = Doorward::start();
    let http = http();
    for kind in [Kind::Basic, Kind::Post] {
        let client = relying_party(&server, &http, kind).await?;
        let metadata = metadata(&server, &http).await?;
        let endpoint = |name: &str| metadata[name].as_str().unwrap().to_owned();
        let client = client
            .set_introspection_url(IntrospectionUrl::new(endpoint("introspection_endpoint"))?)
            // The crate revokes over https only.
            .set_revocation_url(RevocationUrl::new(endpoint("revocation_endpoint").replacen("http:", "https:", 1))?);
        let (tokens, _) = sign_in_with(&server, &http, |challenge| {
            let request = client.authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random);
            request.set_pkce_challenge(challenge).url()
        })
        .await
        .map(|(code, verifier, nonce)| (client.exchange_code(code).map(|it| it.set_pkce_verifier(verifier)), nonce))?;
        let tokens: CoreTokenResponse = tokens?.request_async(&http).await?;

        let access_token = tokens.access_token();
        let told = client.introspect(access_token).request_async(&http).await?;
        assert!(told.active(), "{kind:?}");
        assert_eq!(told.client_id().map(|id| id.as_str()), Some(server.env("CLIENT_ID")), "{kind:?}");
        assert!(told.sub().is_some() && told.exp().is_some(), "{kind:?}");

        let revocable = CoreRevocableToken::from(tokens.refresh_token().ok_or("a refresh token")?);
        client.revoke_token(revocable)?.request_async(&|request| without_tls(http.clone(), request)).await?;
        let told = client.introspect(access_token).request_async(&http).await?;
        assert!(!told.active() && told.sub().is_none(), "{kind:?}: RFC 7662 section 2.2");
    }
    Ok(())
}

#[tokio::test]
async fn signs_out_and_comes_back_with_state() -> Result<()> {
    let server = Doorward::start();
    let http = http();
    let client = relying_party(&server, &http, Kind::Basic).await?;
    let mut browser = Browser::new(&server);
    let (tokens, _) = sign_in_at(&mut browser, &http, &client).await?;

    let metadata = ProviderMetadataWithLogout::discover_async(IssuerUrl::new(server.issuer().to_owned())?, &http).await?;
    let endpoint = metadata.additional_metadata().end_session_endpoint.clone().ok_or("end_session_endpoint")?;
    let url = LogoutRequest::from(endpoint)
        .set_id_token_hint(tokens.id_token().ok_or("an ID Token")?)
        .set_post_logout_redirect_uri(PostLogoutRedirectUrl::new(POST_LOGOUT_REDIRECT_URI.to_owned())?)
        .set_state(CsrfToken::new("back again".to_owned()))
        .http_get_url();
    let arrived = browser.open(url).await;
    assert_eq!(arrived.left().as_str(), format!("{POST_LOGOUT_REDIRECT_URI}?state=back+again"));

    let refused = client.user_info(tokens.access_token().clone(), None)?;
    let refused: Result<CoreUserInfoClaims, _> = refused.request_async(&http).await;
    assert!(refused.is_err(), "the session's access tokens are over with it");
    Ok(())
}
