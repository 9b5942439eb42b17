//! The `oauth2` crate as a machine: client_credentials, introspection, revocation.

use crate::doorward::Doorward;
use crate::relying_party::{Result, over_https};
use oauth2::basic::{BasicClient, BasicErrorResponseType};
use oauth2::reqwest::Client as Http;
use oauth2::{
    AsyncHttpClient, AuthType, ClientId, ClientSecret, HttpRequest, IntrospectionUrl, RequestTokenError,
    RevocationUrl, Scope, StandardRevocableToken, TokenIntrospectionResponse as _, TokenResponse as _,
    TokenUrl,
};

#[tokio::test]
async fn the_oauth2_crate_gets_introspects_and_revokes_a_token_of_its_own() -> Result<()> {
    for server in Doorward::on_every_engine() {
        let (http, issuer) = (Http::new(), server.issuer());
        let without_tls = |mut request: HttpRequest| {
            *request.uri_mut() = request.uri().to_string().replacen("https:", "http:", 1).parse().unwrap();
            AsyncHttpClient::call(&http, request)
        };
        for auth_type in [AuthType::BasicAuth, AuthType::RequestBody] {
            let client = BasicClient::new(ClientId::new(server.env("CLIENT_ID").to_owned()))
                .set_client_secret(ClientSecret::new(server.env("CLIENT_SECRET").to_owned()))
                .set_auth_type(auth_type)
                .set_token_uri(TokenUrl::new(format!("{issuer}/oauth2/token"))?)
                .set_introspection_url(IntrospectionUrl::new(format!("{issuer}/oauth2/introspect"))?)
                .set_revocation_url(RevocationUrl::new(over_https(&format!("{issuer}/oauth2/revoke")))?);
            // RFC 8707: the issuer is what tokens of a client without registered audiences are for.
            let ask = client.exchange_client_credentials().add_extra_param("resource", issuer);
            let tokens = ask.request_async(&http).await?;
            assert!(tokens.refresh_token().is_none() && tokens.expires_in().is_some());

            let told = client.introspect(tokens.access_token()).request_async(&http).await?;
            assert!(told.active() && told.sub() == Some(server.env("CLIENT_ID")));
            assert_eq!(told.aud(), Some(&vec![issuer.to_owned()]));
            let token = StandardRevocableToken::AccessToken(tokens.access_token().clone());
            client.revoke_token(token)?.request_async(&without_tls).await?;
            assert!(!client.introspect(tokens.access_token()).request_async(&http).await?.active());

            let ask = client.exchange_client_credentials().add_scope(Scope::new("openid".to_owned()));
            let refused = ask.request_async(&http).await;
            let Err(RequestTokenError::ServerResponse(refused)) = refused else { panic!("{refused:?}") };
            assert_eq!(refused.error(), &BasicErrorResponseType::InvalidScope);
        }
    }
    Ok(())
}
