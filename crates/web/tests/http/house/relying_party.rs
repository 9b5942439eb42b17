//! A client as the house sees it: builds authorization requests, presents itself at the token endpoint.

use super::{Answer, House, post};
use protocol::ClientId;
use serde_json::Value;

/// RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

#[derive(Debug, Clone)]
pub(crate) struct RelyingParty {
    pub(crate) id: String,
    pub(crate) secret: Option<String>,
    pub(crate) redirect_uri: String,
}

/// What the token endpoint answered.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
    pub(crate) id_token: String,
    pub(crate) all: Value,
}

impl Tokens {
    #[track_caller]
    pub(crate) fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{}", answer.body);
        let all = answer.json();
        let text = |name| all[name].as_str().unwrap_or_default().to_owned();
        Self {
            access_token: text("access_token"),
            refresh_token: text("refresh_token"),
            id_token: text("id_token"),
            all,
        }
    }
}

impl RelyingParty {
    pub(crate) fn client_id(&self) -> ClientId {
        ClientId::parse(&self.id).unwrap()
    }

    /// An authorization request. A change replaces the parameter of its name, or adds it; an empty one takes it away.
    pub(crate) fn request(&self, changes: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        let mut params = vec![
            ("client_id", self.id.clone()),
            ("redirect_uri", self.redirect_uri.clone()),
            ("response_type", "code".to_owned()),
            ("scope", "openid".to_owned()),
            ("state", "st-1".to_owned()),
            ("nonce", "n-1".to_owned()),
            ("code_challenge", CHALLENGE.to_owned()),
            ("code_challenge_method", "S256".to_owned()),
        ];
        for (name, value) in changes {
            params.retain(|(kept, _)| kept != name);
            if !value.is_empty() {
                params.push((*name, (*value).to_owned()));
            }
        }
        params
    }

    /// The token request for a code.
    pub(crate) fn redemption<'a>(&'a self, code: &'a str) -> Vec<(&'a str, &'a str)> {
        vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", VERIFIER),
        ]
    }

    /// Posts a form to one of the endpoints clients call, authenticated.
    pub(crate) async fn post(&self, house: &House, path: &str, form: &[(&str, &str)]) -> Answer {
        let mut form = form.to_vec();
        form.push(("client_id", &self.id));
        if let Some(secret) = &self.secret {
            form.push(("client_secret", secret));
        }
        house.send(post(path, &form)).await
    }

    pub(crate) async fn token(&self, house: &House, form: &[(&str, &str)]) -> Answer {
        self.post(house, "/oauth2/token", form).await
    }

    pub(crate) async fn redeem(&self, house: &House, code: &str) -> Answer {
        self.token(house, &self.redemption(code)).await
    }

    pub(crate) async fn refresh(&self, house: &House, refresh_token: &str) -> Answer {
        self.token(house, &[("grant_type", "refresh_token"), ("refresh_token", refresh_token)]).await
    }

    pub(crate) async fn introspect(&self, house: &House, token: &str) -> Answer {
        self.post(house, "/oauth2/introspect", &[("token", token)]).await
    }

    pub(crate) async fn revoke(&self, house: &House, token: &str) -> Answer {
        self.post(house, "/oauth2/revoke", &[("token", token)]).await
    }

    /// Tokens for this person, by the whole way: a browser, a code, the token endpoint.
    pub(crate) async fn tokens(&self, house: &House, username: &str) -> Tokens {
        self.tokens_for(house, username, &[]).await
    }

    /// The same for a changed authorization request.
    pub(crate) async fn tokens_for(
        &self,
        house: &House,
        username: &str,
        changes: &[(&'static str, &str)],
    ) -> Tokens {
        let answer = house.browser().answer_for(&self.request(changes), username).await;
        Tokens::of(&self.redeem(house, &answer.says("code")).await)
    }
}
