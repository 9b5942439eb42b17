//! A relying party made of the `openidconnect` crate, configured by discovery alone.

use crate::browser::Browser;
use crate::doorward::{Doorward, REDIRECT_URI};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClient,
    CoreClientAuthMethod, CoreGenderClaim, CoreGrantType, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode, CoreResponseType,
    CoreRevocableToken, CoreSubjectIdentifierType, CoreTokenIntrospectionResponse, CoreTokenResponse,
    CoreUserInfoClaims,
};
use openidconnect::reqwest::{Client as Http, redirect};
use openidconnect::{
    AccessToken, AccessTokenHash, AdditionalProviderMetadata, AuthType, AuthorizationCode,
    AuthorizationRequest, ClientId, ClientSecret, CsrfToken, EmptyAdditionalClaims, EndSessionUrl,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, IdTokenClaims, IntrospectionUrl, IssuerUrl,
    Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, ProviderMetadata, RedirectUrl, RevocationUrl, Scope,
    TokenResponse as _, UserInfoError,
};
use serde::{Deserialize, Serialize};

pub(crate) type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;
type Claims = IdTokenClaims<EmptyAdditionalClaims, CoreGenderClaim>;
type Ask<'a> = AuthorizationRequest<'a, CoreAuthDisplay, CoreAuthPrompt, CoreResponseType>;

/// What discovery says beyond what the crate reads by itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct MoreEndpoints {
    introspection_endpoint: IntrospectionUrl,
    revocation_endpoint: String,
    end_session_endpoint: EndSessionUrl,
}

impl AdditionalProviderMetadata for MoreEndpoints {}

type Metadata = ProviderMetadata<
    MoreEndpoints,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// Which of the demo's clients, and where it puts its secret.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Basic,
    Post,
    Public,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Basic, Self::Post, Self::Public];
}

pub(crate) struct RelyingParty {
    pub(crate) client:
        CoreClient<EndpointSet, EndpointNotSet, EndpointSet, EndpointSet, EndpointMaybeSet, EndpointMaybeSet>,
    pub(crate) http: Http,
    pub(crate) end_session_endpoint: EndSessionUrl,
}

impl RelyingParty {
    pub(crate) async fn discover(server: &Doorward, kind: Kind) -> Result<Self> {
        let http = Http::builder().redirect(redirect::Policy::none()).build()?;
        let metadata = Metadata::discover_async(IssuerUrl::new(server.issuer().to_owned())?, &http).await?;
        let more = metadata.additional_metadata().clone();
        let (id, secret) = match kind {
            Kind::Public => ("PUBLIC_CLIENT_ID", None),
            Kind::Basic | Kind::Post => ("CLIENT_ID", Some(server.env("CLIENT_SECRET"))),
        };
        let client = CoreClient::from_provider_metadata(
            metadata,
            ClientId::new(server.env(id).to_owned()),
            secret.map(|secret| ClientSecret::new(secret.to_owned())),
        )
        .set_redirect_uri(RedirectUrl::new(REDIRECT_URI.to_owned())?)
        .set_auth_type(if kind == Kind::Post { AuthType::RequestBody } else { AuthType::BasicAuth })
        .set_introspection_url(more.introspection_endpoint)
        .set_revocation_url(RevocationUrl::new(over_https(&more.revocation_endpoint))?);
        Ok(Self { client, http, end_session_endpoint: more.end_session_endpoint })
    }

    /// An authorization request, to be completed with PKCE.
    pub(crate) fn ask(&self) -> Ask<'_> {
        let (flow, state) = (CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random);
        let (challenge, _) = PkceCodeChallenge::new_random_sha256();
        let scope = ["profile", "email"].map(|token| Scope::new(token.to_owned()));
        self.client
            .authorize_url(flow, state, Nonce::new_random)
            .add_scopes(scope)
            .set_pkce_challenge(challenge)
    }

    pub(crate) async fn sign_in(&self, browser: &mut Browser) -> Result<(CoreTokenResponse, Nonce)> {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state, nonce) = self.ask().set_pkce_challenge(challenge).url();
        let arrived = browser.walk(url).await;
        assert_eq!(arrived.query("state").as_ref(), Some(state.secret()));
        let code = AuthorizationCode::new(arrived.query("code").ok_or("a code")?);
        let tokens =
            self.client.exchange_code(code)?.set_pkce_verifier(verifier).request_async(&self.http).await?;
        Ok((tokens, nonce))
    }

    /// The ID Token's claims: its signature, issuer, audience, expiry and nonce checked by the crate (OpenID Connect Core
    /// section 3.1.3.7), and its access token hash (section 3.1.3.8).
    pub(crate) fn verified<'a>(&self, tokens: &'a CoreTokenResponse, nonce: &Nonce) -> Result<&'a Claims> {
        let id_token = tokens.id_token().ok_or("an ID Token")?;
        let verifier = self.client.id_token_verifier();
        let claims = id_token.claims(&verifier, nonce)?;
        let algorithm = id_token.signing_alg()?;
        assert_eq!(algorithm, &CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256);
        let key = id_token.signing_key(&verifier)?;
        let expected = AccessTokenHash::from_token(tokens.access_token(), algorithm, key)?;
        assert_eq!(claims.access_token_hash(), Some(&expected));
        Ok(claims)
    }

    /// Whether UserInfo still takes this access token.
    pub(crate) async fn knows(&self, access_token: &AccessToken) -> Result<bool> {
        let asked = self.client.user_info(access_token.clone(), None)?;
        let told: Result<CoreUserInfoClaims, _> = asked.request_async(&self.http).await;
        match told {
            Ok(_) => Ok(true),
            Err(UserInfoError::Response(status, ..)) if status == 401 => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) async fn introspect(&self, token: &AccessToken) -> Result<CoreTokenIntrospectionResponse> {
        Ok(self.client.introspect(token).request_async(&self.http).await?)
    }

    pub(crate) async fn revoke(&self, token: CoreRevocableToken) -> Result<()> {
        let without_tls = |mut request: HttpRequest| {
            let plain = request.uri().to_string().replacen("https:", "http:", 1);
            *request.uri_mut() = plain.parse().unwrap();
            openidconnect::AsyncHttpClient::call(&self.http, request)
        };
        Ok(self.client.revoke_token(token)?.request_async(&without_tls).await?)
    }
}

/// The crate revokes over https only (RFC 7009 section 2); the demo listens on the loopback without TLS.
pub(crate) fn over_https(url: &str) -> String {
    url.replacen("http:", "https:", 1)
}
