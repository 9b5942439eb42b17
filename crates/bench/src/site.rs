//! The server under measurement as its discovery document describes it, with all that stays the same from request to
//! request written once. It owns requests and the checks on what they bring; it keeps no state of a user.

use crate::encoding::{Pairs, basic, query_value};
use crate::error::BenchError;
use crate::http::{Answer, Connection, Origin};
use crate::plan::SignInPlan;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Uri};
use http_body_util::Full;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// A request, or why it cannot be written.
type Written = Result<Request<Full<Bytes>>, String>;

/// Everything that all virtual users share.
pub(crate) struct Site {
    pub(crate) origin: Arc<Origin>,
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) time_out: Duration,
    issuer: String,
    authorize: String,
    token: Uri,
    introspect: Uri,
    userinfo: Option<Uri>,
    jwks: Option<Uri>,
    device_authorization: Option<Uri>,
    authorization: HeaderValue,
    redirect_uri: String,
    code_grant: String,
    wants_id_token: bool,
}

/// What is drawn anew for each authorization request.
pub(crate) struct Attempt {
    pub(crate) state: String,
    pub(crate) nonce: String,
    pub(crate) verifier: String,
}

/// The tokens of a grant.
pub(crate) struct Grant {
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    introspection_endpoint: Option<String>,
    userinfo_endpoint: Option<String>,
    jwks_uri: Option<String>,
    device_authorization_endpoint: Option<String>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: Option<String>,
    refresh_token: Option<String>,
    #[serde(default)]
    id_token: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct IntrospectionAnswer {
    active: bool,
}

#[derive(Deserialize)]
struct ErrorAnswer {
    error: String,
}

impl Site {
    /// Reads the discovery document of the plan's issuer (OpenID Connect Discovery section 4).
    pub(crate) async fn discover(plan: &SignInPlan) -> Result<Self, BenchError> {
        let target = BenchError::Target;
        let origin = Arc::new(Origin::resolve(&plan.issuer).await.map_err(target)?);
        let issuer = plan.issuer.as_str().trim_end_matches('/');
        let document = fetch_discovery(&origin, issuer, plan.time_out).await.map_err(target)?;
        // Section 4.3: the issuer must be the one that was asked.
        if document.issuer.trim_end_matches('/') != issuer {
            return Err(BenchError::Target(format!("its issuer is {}, not {issuer}", document.issuer)));
        }
        let path = |name: &str, endpoint: &str| {
            origin
                .path_of(endpoint, "/")
                .ok_or_else(|| BenchError::Target(format!("its {name} is on another origin: {endpoint}")))
        };
        let uri = |name: &str, endpoint: &str| {
            path(name, endpoint)?
                .parse::<Uri>()
                .map_err(|error| BenchError::Target(format!("{name}: {error}")))
        };
        let introspect = document
            .introspection_endpoint
            .as_deref()
            .ok_or_else(|| BenchError::Target("its discovery names no introspection_endpoint".to_owned()))?;
        let known =
            |name: &str, endpoint: Option<&String>| endpoint.map(|there| uri(name, there)).transpose();
        Ok(Self {
            userinfo: known("userinfo_endpoint", document.userinfo_endpoint.as_ref())?,
            jwks: known("jwks_uri", document.jwks_uri.as_ref())?,
            device_authorization: known(
                "device_authorization_endpoint",
                document.device_authorization_endpoint.as_ref(),
            )?,
            authorize: authorize_prefix(
                plan,
                &path("authorization_endpoint", &document.authorization_endpoint)?,
            ),
            token: uri("token_endpoint", &document.token_endpoint)?,
            introspect: uri("introspection_endpoint", introspect)?,
            authorization: basic(&plan.client_id, &plan.client_secret).map_err(BenchError::Plan)?,
            code_grant: Pairs::default()
                .with("grant_type", "authorization_code")
                .with("redirect_uri", &plan.redirect_uri)
                .into_text(),
            wants_id_token: plan.scope.split(' ').any(|scope| scope == "openid"),
            redirect_uri: plan.redirect_uri.clone(),
            username: plan.username.clone(),
            password: plan.password.clone(),
            time_out: plan.time_out,
            issuer: document.issuer,
            origin,
        })
    }

    /// Where the authorization request of `attempt` goes (RFC 6749 section 4.1.1, RFC 7636 section 4.3).
    pub(crate) fn authorize_path(&self, attempt: &Attempt) -> String {
        // RFC 7636 section 4.2: S256.
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(attempt.verifier.as_bytes()));
        Pairs::after(&self.authorize, 192)
            .with("state", &attempt.state)
            .with("nonce", &attempt.nonce)
            .with("code_challenge", &challenge)
            .into_text()
    }

    pub(crate) fn is_callback(&self, location: &str) -> bool {
        let rest = location.strip_prefix(self.redirect_uri.as_str());
        rest.is_some_and(|rest| {
            rest.starts_with('?') || (rest.starts_with('&') && self.redirect_uri.contains('?'))
        })
    }

    /// The authorization code that a redirect to the client brings, if it answers `attempt`.
    pub(crate) fn code(&self, location: &str, attempt: &Attempt) -> Result<String, String> {
        let query = location.split_once('?').map_or("", |(_, query)| query);
        if let Some(error) = query_value(query, "error") {
            return Err(format!("the client was sent the error {}", shown(&error)));
        }
        if query_value(query, "state").as_deref() != Some(&attempt.state) {
            return Err("the redirect has another state (RFC 6749 section 4.1.2)".to_owned());
        }
        if query_value(query, "iss").as_deref() != Some(&self.issuer) {
            return Err("the redirect lacks the issuer's iss (RFC 9207 section 2)".to_owned());
        }
        query_value(query, "code").ok_or_else(|| "the redirect has no code".to_owned())
    }

    pub(crate) fn code_request(&self, code: &str, attempt: &Attempt) -> Written {
        let body = Pairs::after(&self.code_grant, 256)
            .with("code", code)
            .with("code_verifier", &attempt.verifier)
            .into_text();
        self.origin.post_api(&self.token, &self.authorization, body)
    }

    pub(crate) fn refresh_request(&self, refresh_token: &str) -> Written {
        let body =
            Pairs::after("grant_type=refresh_token", 256).with("refresh_token", refresh_token).into_text();
        self.origin.post_api(&self.token, &self.authorization, body)
    }

    pub(crate) fn introspect_request(&self, access_token: &str) -> Written {
        let body = Pairs::after("token_type_hint=access_token", 1024).with("token", access_token).into_text();
        self.origin.post_api(&self.introspect, &self.authorization, body)
    }

    /// A token that speaks for the client (RFC 6749 section 4.4.2).
    pub(crate) fn client_credentials_request(&self) -> Written {
        self.origin.post_api(&self.token, &self.authorization, "grant_type=client_credentials".to_owned())
    }

    /// A device asks for a code (RFC 8628 section 3.1).
    pub(crate) fn device_request(&self) -> Written {
        let there = self
            .device_authorization
            .as_ref()
            .ok_or("its discovery names no device_authorization_endpoint")?;
        let body = Pairs::default().with("scope", "openid offline_access").into_text();
        self.origin.post_api(there, &self.authorization, body)
    }

    /// It asks for its tokens (RFC 8628 section 3.4).
    pub(crate) fn device_token_request(&self, device_code: &str) -> Written {
        let body = Pairs::default()
            .with("grant_type", "urn:ietf:params:oauth:grant-type:device_code")
            .with("device_code", device_code)
            .into_text();
        self.origin.post_api(&self.token, &self.authorization, body)
    }

    /// Who signed in (OpenID Connect Core section 5.3.1); `bearer` is the whole header.
    pub(crate) fn userinfo_request(&self, bearer: &HeaderValue) -> Written {
        let userinfo = self.userinfo.as_ref().ok_or("its discovery names no userinfo_endpoint")?;
        let mut request = self.origin.get_api(userinfo);
        request.headers_mut().insert(AUTHORIZATION, bearer.clone());
        Ok(request)
    }

    /// The keys that its tokens are signed with.
    pub(crate) fn jwks_request(&self) -> Written {
        let jwks = self.jwks.as_ref().ok_or("its discovery names no jwks_uri")?;
        Ok(self.origin.get_api(jwks))
    }

    /// The tokens for an authorization code (RFC 6749 section 5.1, OpenID Connect Core section 3.1.3.3).
    pub(crate) fn tokens(&self, answer: &Answer) -> Result<Grant, String> {
        let parsed = token_answer(answer)?;
        if self.wants_id_token && parsed.id_token.is_none() {
            return Err("no ID Token came".to_owned());
        }
        grant(parsed)
    }

    /// The tokens for the refresh token `spent`, which must not come back.
    pub(crate) fn refreshed(&self, answer: &Answer, spent: &str) -> Result<Grant, String> {
        let grant = grant(token_answer(answer)?)?;
        if grant.refresh_token == spent {
            return Err("the refresh token was not rotated (RFC 9700 section 4.14)".to_owned());
        }
        Ok(grant)
    }

    /// The token must be active (RFC 7662 section 2.2).
    pub(crate) fn is_active(&self, answer: &Answer) -> Result<(), String> {
        let parsed: IntrospectionAnswer = json(answer)?;
        if parsed.active { Ok(()) } else { Err("the access token is not active".to_owned()) }
    }
}

async fn fetch_discovery(
    origin: &Arc<Origin>,
    issuer: &str,
    time_out: Duration,
) -> Result<Discovery, String> {
    let issuer_path =
        Url::parse(issuer).map_err(|error| error.to_string())?.path().trim_end_matches('/').to_owned();
    let request = origin.get(&format!("{issuer_path}/.well-known/openid-configuration"))?;
    let answer = Connection::new(Arc::clone(origin), time_out).send(request).await?;
    json(&answer).map_err(|why| format!("no discovery document: {why}"))
}

fn authorize_prefix(plan: &SignInPlan, endpoint: &str) -> String {
    let mut start = endpoint.to_owned();
    if !start.contains('?') {
        start.push('?');
    }
    Pairs::after(&start, 256)
        .with("response_type", "code")
        .with("client_id", &plan.client_id)
        .with("redirect_uri", &plan.redirect_uri)
        .with("scope", &plan.scope)
        .with("code_challenge_method", "S256")
        .into_text()
}

fn token_answer(answer: &Answer) -> Result<TokenAnswer, String> {
    json(answer)
}

fn grant(parsed: TokenAnswer) -> Result<Grant, String> {
    Ok(Grant {
        access_token: parsed.access_token.ok_or("no access token came")?,
        refresh_token: parsed
            .refresh_token
            .ok_or("no refresh token came: does the scope hold offline_access?")?,
    })
}

/// The body of a 200, or the status and the OAuth error code beside it, never the body itself: it may hold tokens.
pub(crate) fn json<T: for<'de> Deserialize<'de>>(answer: &Answer) -> Result<T, String> {
    if answer.status != http::StatusCode::OK {
        let code = serde_json::from_slice::<ErrorAnswer>(&answer.body).map(|error| error.error);
        let code = code.map(|code| format!(", {}", shown(&code))).unwrap_or_default();
        return Err(format!("status {}{code}", answer.status.as_u16()));
    }
    serde_json::from_slice(&answer.body)
        .map_err(|error| format!("not the JSON expected, at line {} column {}", error.line(), error.column()))
}

/// A 200 that holds `mark`: what tells the right answer from others, without parsing each on the machine that is measured.
pub(crate) fn holds(answer: &Answer, mark: &[u8]) -> Result<(), String> {
    told(answer, http::StatusCode::OK, mark)
}

/// The same with another status.
pub(crate) fn told(answer: &Answer, status: http::StatusCode, mark: &[u8]) -> Result<(), String> {
    if answer.status != status {
        return Err(format!("status {}", answer.status.as_u16()));
    }
    if !answer.body.windows(mark.len()).any(|part| part == mark) {
        return Err("another answer than expected".to_owned());
    }
    Ok(())
}

/// The `Authorization` header of whoever holds this token (RFC 6750 section 2.1).
pub(crate) fn bearer(access_token: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_str(&format!("Bearer {access_token}")).map_err(|error| error.to_string())
}

/// An error code as RFC 6749 section 5.2 allows it to look; anything else is not shown.
pub(crate) fn shown(code: &str) -> &str {
    let is_code = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_code { code } else { "(an error code of unusual form)" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, StatusCode};

    fn answer(status: u16, body: &'static str) -> Answer {
        let status = StatusCode::from_u16(status).unwrap();
        Answer { status, headers: HeaderMap::new(), body: Bytes::from_static(body.as_bytes()) }
    }

    async fn site(redirect_uri: &str) -> Site {
        let uri = |text| Uri::from_static(text);
        Site {
            origin: Arc::new(Origin::resolve(&Url::parse("http://127.0.0.1:9").unwrap()).await.unwrap()),
            username: String::new(),
            password: String::new(),
            time_out: Duration::from_secs(1),
            issuer: "http://127.0.0.1:9".to_owned(),
            authorize: "/authorize?".to_owned(),
            token: uri("/token"),
            introspect: uri("/introspect"),
            userinfo: None,
            jwks: None,
            device_authorization: None,
            authorization: HeaderValue::from_static(""),
            redirect_uri: redirect_uri.to_owned(),
            code_grant: String::new(),
            wants_id_token: true,
        }
    }

    fn attempt() -> Attempt {
        // The verifier of RFC 7636 appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned();
        Attempt { state: "s t".to_owned(), nonce: "n".to_owned(), verifier }
    }

    #[tokio::test]
    async fn rfc_7636_appendix_b_challenge() {
        let path = site("http://rp/cb").await.authorize_path(&attempt());
        let expected =
            "/authorize?state=s%20t&nonce=n&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert_eq!(path, expected);
    }

    #[tokio::test]
    async fn a_callback_begins_with_the_whole_redirect_uri() {
        let cases = [
            ("http://rp/cb", "http://rp/cb?code=1", true),
            ("http://rp/cb", "http://rp/cb2?code=1", false),
            ("http://rp/cb", "http://rp/cb&code=1", false),
            ("http://rp/cb?a=b", "http://rp/cb?a=b&code=1", true),
            ("http://rp/cb", "/sign-in", false),
        ];
        for (redirect_uri, location, expected) in cases {
            assert_eq!(site(redirect_uri).await.is_callback(location), expected, "{redirect_uri} {location}");
        }
    }

    #[tokio::test]
    async fn state_and_iss_are_checked_before_the_code() {
        let site = site("http://rp/cb").await;
        let iss = "iss=http%3A%2F%2F127.0.0.1%3A9";
        let cases = [
            (format!("?code=c&state=s+t&{iss}"), Ok("c")),
            (format!("?code=c&state=other&{iss}"), Err("another state")),
            (format!("?code=c&{iss}"), Err("another state")),
            ("?code=c&state=s%20t".to_owned(), Err("RFC 9207")),
            ("?code=c&state=s%20t&iss=http%3A%2F%2Felsewhere".to_owned(), Err("RFC 9207")),
            (format!("?state=s%20t&{iss}"), Err("no code")),
            ("?error=access_denied".to_owned(), Err("access_denied")),
            ("?error=Some%20Text".to_owned(), Err("unusual form")),
        ];
        for (query, expected) in cases {
            match (site.code(&format!("http://rp/cb{query}"), &attempt()), expected) {
                (Ok(code), Ok(expected)) => assert_eq!(code, expected),
                (Err(why), Err(expected)) => assert!(why.contains(expected), "{query}: {why}"),
                (seen, _) => panic!("{query}: {seen:?}"),
            }
        }
    }

    #[tokio::test]
    async fn answers_are_judged_and_failures_never_show_a_body() {
        let site = site("http://rp/cb").await;
        let failure = |answer: &Answer| site.tokens(answer).err().unwrap();
        let cases = [
            (200, r#"{"access_token":"SECRET","refresh_token":"SECRET"}"#, "no ID Token came"),
            (200, r#"{"access_token":"SECRET","id_token":"SECRET"}"#, "no refresh token came"),
            (200, r#"{"access_token":"SECRET""#, "not the JSON expected"),
            (400, r#"{"error":"invalid_grant","error_description":"SECRET"}"#, "status 400, invalid_grant"),
            (500, "SECRET", "status 500"),
        ];
        for (status, body, expected) in cases {
            let why = failure(&answer(status, body));
            assert!(why.contains(expected) && !why.contains("SECRET"), "{body}: {why}");
        }
        let whole = answer(200, r#"{"access_token":"a","refresh_token":"r","id_token":"i","expires_in":1}"#);
        assert_eq!(site.tokens(&whole).ok().unwrap().access_token, "a");
        assert!(site.refreshed(&whole, "r").err().unwrap().contains("not rotated"));
        assert_eq!(site.refreshed(&whole, "older").ok().unwrap().refresh_token, "r");
        assert_eq!(site.is_active(&answer(200, r#"{"active":true}"#)), Ok(()));
        assert!(site.is_active(&answer(200, r#"{"active":false}"#)).is_err());
    }
}
