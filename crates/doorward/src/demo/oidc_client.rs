//! The relying party's side of OpenID Connect: discovery, the authorization request, the exchange, and every check a client owes itself.
//! Talks to the provider over HTTP like any client, and knows nothing of it beyond its issuer.

use super::now_seconds;
use crate::clock::OsRandom;
use crate::outgoing::{Incoming, Outgoing};
use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use crypto::{
    JwkSet, TokenType, UnverifiedToken, constant_time_eq, generate_secret, pkce_s256, verify_with_jwk,
};
use http::header::HeaderValue;
use protocol::claims::IdTokenClaims;
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use tokio::sync::OnceCell;
use url::Url;
use url::form_urlencoded::byte_serialize;

/// Clocks may differ by so many seconds.
const LEEWAY: i64 = 60;
const SCOPE: &str = "openid profile email offline_access";

/// A client of one provider.
pub(super) struct OidcClient {
    issuer: String,
    client_id: String,
    authorization: HeaderValue,
    redirect_uri: String,
    outgoing: Outgoing,
    metadata: OnceCell<Metadata>,
}

/// What the provider says about itself (OpenID Connect Discovery section 3).
#[derive(Deserialize)]
pub(super) struct Metadata {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: String,
    userinfo_endpoint: String,
    introspection_endpoint: String,
    end_session_endpoint: Url,
    jwks_uri: String,
    revocation_endpoint: String,
}

impl Metadata {
    /// Names and addresses, to be shown.
    pub(super) fn endpoints(&self) -> Vec<(String, String)> {
        [
            ("Discovery", format!("{}/.well-known/openid-configuration", self.issuer)),
            ("Authorization", self.authorization_endpoint.to_string()),
            ("Token", self.token_endpoint.clone()),
            ("UserInfo", self.userinfo_endpoint.clone()),
            ("Introspection", self.introspection_endpoint.clone()),
            ("Revocation", self.revocation_endpoint.clone()),
            ("Sign-out", self.end_session_endpoint.to_string()),
            ("JWK Set", self.jwks_uri.clone()),
        ]
        .map(|(name, address)| (name.to_owned(), address))
        .into()
    }
}

/// One authorization request under way.
pub(super) struct Attempt {
    state: String,
    nonce: String,
    verifier: String,
}

impl Attempt {
    /// What its answer will carry (RFC 6749 section 4.1.1): each tab of a browser has its own.
    pub(super) fn state(&self) -> &str {
        &self.state
    }

    #[cfg(test)]
    pub(super) fn of(state: &str) -> Self {
        Self { state: state.to_owned(), nonce: String::new(), verifier: String::new() }
    }
}

/// What a sign-in brought.
#[derive(Clone)]
pub(super) struct SignedIn {
    pub(super) id_token: String,
    pub(super) claims: IdTokenClaims,
    pub(super) access_token: String,
    pub(super) refresh_token: Option<String>,
}

impl SignedIn {
    /// What they are called, or else their identifier.
    pub(super) fn name(&self) -> &str {
        self.claims.user.get("name").and_then(Value::as_str).unwrap_or(&self.claims.sub)
    }
}

/// RFC 6749 section 5.1.
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    id_token: Option<String>,
    refresh_token: Option<String>,
}

impl OidcClient {
    pub(super) fn new(issuer: &str, client_id: &str, client_secret: &str, outgoing: Outgoing) -> Self {
        // RFC 6749 section 2.3.1: both halves are form-urlencoded first.
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let basic = format!("{}:{}", encoded(client_id), encoded(client_secret));
        let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(basic));
        let mut authorization =
            HeaderValue::from_str(&basic).unwrap_or_else(|_| HeaderValue::from_static("Basic"));
        authorization.set_sensitive(true);
        Self {
            issuer: issuer.to_owned(),
            client_id: client_id.to_owned(),
            authorization,
            redirect_uri: format!("{issuer}/demo/callback"),
            outgoing,
            metadata: OnceCell::new(),
        }
    }

    /// What the provider says about itself, asked once.
    pub(super) async fn metadata(&self) -> anyhow::Result<&Metadata> {
        let discover = async || {
            let url = format!("{}/.well-known/openid-configuration", self.issuer);
            let metadata: Metadata = parsed(&self.outgoing.get(&url, None).await?, "discovery")?;
            // OpenID Connect Discovery section 4.3.
            ensure!(metadata.issuer == self.issuer, "the discovery document is another issuer's");
            Ok(metadata)
        };
        self.metadata.get_or_try_init(discover).await
    }

    /// Where to send a visitor, and what to remember meanwhile.
    pub(super) async fn begin(&self) -> anyhow::Result<(Url, Attempt)> {
        let secret = || generate_secret(&mut OsRandom);
        let attempt = Attempt { state: secret(), nonce: secret(), verifier: secret() };
        let mut url = self.metadata().await?.authorization_endpoint.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("scope", SCOPE)
            .append_pair("state", &attempt.state)
            .append_pair("nonce", &attempt.nonce)
            .append_pair("code_challenge", &pkce_s256(&attempt.verifier))
            .append_pair("code_challenge_method", "S256");
        Ok((url, attempt))
    }

    /// What the answer at the redirect URI brings.
    pub(super) async fn finish(
        &self,
        attempt: Attempt,
        answer: &HashMap<String, String>,
    ) -> anyhow::Result<SignedIn> {
        let get = |name| answer.get(name).map(String::as_str);
        // RFC 6749 section 10.12: whose answer is this?
        let state = get("state").unwrap_or_default();
        ensure!(
            constant_time_eq(state.as_bytes(), attempt.state.as_bytes()),
            "the answer belongs to another sign-in"
        );
        // RFC 9207 section 2.4.
        ensure!(get("iss") == Some(self.issuer.as_str()), "the answer is another issuer's");
        if let Some(error) = get("error") {
            bail!("{error}: {}", get("error_description").unwrap_or("no description"));
        }
        let code = get("code").context("the answer holds no code")?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", &attempt.verifier),
        ];
        let tokens = self.tokens(&form).await?;
        let id_token = tokens.id_token.context("no ID Token came")?;
        let claims = self.verify(&id_token, &tokens.access_token).await?;
        // OpenID Connect Core section 3.1.3.7, number 11.
        ensure!(claims.nonce.as_deref() == Some(&attempt.nonce), "the ID Token's nonce is another one");
        let (access_token, refresh_token) = (tokens.access_token, tokens.refresh_token);
        Ok(SignedIn { id_token, claims, access_token, refresh_token })
    }

    /// Spends the refresh token.
    pub(super) async fn refresh(&self, before: SignedIn) -> anyhow::Result<SignedIn> {
        let refresh_token = before.refresh_token.clone().context("no refresh token came with the sign-in")?;
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.as_str())];
        let tokens = self.tokens(&form).await?;
        let (id_token, claims) = match tokens.id_token {
            None => (before.id_token, before.claims),
            Some(id_token) => {
                let claims = self.verify(&id_token, &tokens.access_token).await?;
                // OpenID Connect Core section 12.2.
                ensure!(claims.sub == before.claims.sub, "the refreshed ID Token is about somebody else");
                (id_token, claims)
            }
        };
        let refresh_token = tokens.refresh_token.or(Some(refresh_token));
        Ok(SignedIn { id_token, claims, access_token: tokens.access_token, refresh_token })
    }

    /// What the UserInfo endpoint says (OpenID Connect Core section 5.3).
    pub(super) async fn userinfo(&self, signed_in: &SignedIn) -> anyhow::Result<Value> {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", signed_in.access_token))?;
        bearer.set_sensitive(true);
        let url = &self.metadata().await?.userinfo_endpoint;
        let userinfo: Value = parsed(&self.outgoing.get(url, Some(bearer)).await?, "UserInfo")?;
        // OpenID Connect Core section 5.3.2.
        ensure!(userinfo["sub"] == signed_in.claims.sub.as_str(), "UserInfo is about somebody else");
        Ok(userinfo)
    }

    /// What the introspection endpoint says about the access token (RFC 7662).
    pub(super) async fn introspect(&self, signed_in: &SignedIn) -> anyhow::Result<Value> {
        let url = &self.metadata().await?.introspection_endpoint;
        let form = [("token", signed_in.access_token.as_str())];
        let answer = self.outgoing.post_form(url, Some(self.authorization.clone()), &form).await?;
        parsed(&answer, "introspection")
    }

    /// Where a visitor signs out at the provider (OpenID Connect RP-Initiated Logout section 2).
    pub(super) async fn sign_out_url(&self, id_token: &str) -> anyhow::Result<Url> {
        let mut url = self.metadata().await?.end_session_endpoint.clone();
        url.query_pairs_mut()
            .append_pair("id_token_hint", id_token)
            .append_pair("client_id", &self.client_id)
            .append_pair("post_logout_redirect_uri", &format!("{}/demo/signed-out", self.issuer));
        Ok(url)
    }

    async fn tokens(&self, form: &[(&str, &str)]) -> anyhow::Result<TokenAnswer> {
        let url = &self.metadata().await?.token_endpoint;
        let answer = self.outgoing.post_form(url, Some(self.authorization.clone()), form).await?;
        parsed(&answer, "the token endpoint")
    }

    /// The ID Token's claims, once everything about it holds (OpenID Connect Core section 3.1.3.7).
    async fn verify(&self, id_token: &str, access_token: &str) -> anyhow::Result<IdTokenClaims> {
        let jwks_uri = &self.metadata().await?.jwks_uri;
        let jwk_set: JwkSet = parsed(&self.outgoing.get(jwks_uri, None).await?, "the JWK Set")?;
        let unverified = UnverifiedToken::parse(id_token)?;
        let named = |kid: Option<&str>| kid.is_some() && kid == unverified.kid();
        let jwk = jwk_set.keys.iter().find(|jwk| named(jwk.kid.as_deref()));
        let verified = verify_with_jwk(
            jwk.context("the ID Token's key is not in the JWK Set")?,
            id_token,
            TokenType::IdToken,
        )?;
        let claims: IdTokenClaims = serde_json::from_slice(&verified.payload)?;
        ensure!(claims.iss == self.issuer, "the ID Token is another issuer's");
        ensure!(claims.aud.contains(&self.client_id), "the ID Token is for another client");
        let now = now_seconds();
        ensure!(claims.exp > now - LEEWAY, "the ID Token has expired");
        ensure!(claims.iat < now + LEEWAY, "the ID Token is from the future");
        if let Some(at_hash) = &claims.at_hash {
            // Section 3.1.3.8.
            let expected = crypto::left_half_hash(verified.algorithm, access_token);
            ensure!(*at_hash == expected, "the access token is not the one that came with the ID Token");
        }
        Ok(claims)
    }
}

fn parsed<T: serde::de::DeserializeOwned>(answer: &Incoming, whose: &str) -> anyhow::Result<T> {
    if !answer.status.is_success() {
        // RFC 6749 section 5.2: says what was wrong, and holds no secret.
        bail!("{whose} answered {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
    }
    serde_json::from_slice(&answer.body)
        .with_context(|| format!("{whose} answered something else than was expected"))
}
