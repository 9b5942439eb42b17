//! What tokens say: the claims of access tokens (RFC 9068) and ID Tokens (OpenID Connect Core section 2), and which claims a
//! scope opens (OpenID Connect Core section 5.4). Times are NumericDate: whole seconds.

use crate::organization::{Features, Slug};
use crate::scope::Scope;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One audience as a string, several as an array (RFC 7519 section 4.1.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Audience {
    /// Of a list.
    pub fn of(mut all: Vec<String>) -> Self {
        match (all.len(), all.pop()) {
            (1, Some(only)) => Self::One(only),
            (_, last) => {
                all.extend(last);
                Self::Many(all)
            }
        }
    }

    /// All of them.
    pub fn all(&self) -> &[String] {
        match self {
            Self::One(only) => std::slice::from_ref(only),
            Self::Many(all) => all,
        }
    }

    /// Whether `wanted` is among them.
    pub fn contains(&self, wanted: &str) -> bool {
        match self {
            Self::One(only) => only == wanted,
            Self::Many(all) => all.iter().any(|one| one == wanted),
        }
    }
}

/// The claims of an access token (RFC 9068 section 2.2), of a JWT and of an opaque one alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessTokenClaims {
    /// The issuer.
    pub iss: String,
    /// The user; of a token that speaks for no user, its client (RFC 9068 section 2.2).
    pub sub: String,
    /// Who may accept it.
    pub aud: Audience,
    /// When it ends.
    pub exp: i64,
    /// When it was issued.
    pub iat: i64,
    /// Its own id; what revocation names.
    pub jti: String,
    /// Who holds it.
    pub client_id: String,
    /// What it allows.
    pub scope: Scope,
    /// How its user signed in; none for a token that speaks for no user.
    #[serde(flatten)]
    pub sign_in: Option<SignIn>,
    /// The grant it stands on, if it does: a private claim, so that revoking the grant ends the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<String>,
    /// Who acts for the subject, if somebody else does (RFC 8693 section 4.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Actor>,
    /// Who alone may act for the subject by exchanging this token (RFC 8693 section 4.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_act: Option<MayAct>,
    /// The client to which the token was issued that this one was first exchanged for, where that is another: a private claim, so that what
    /// ends that client's tokens, or takes scope from it, is true of this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchanged_from: Option<String>,
    /// Whether the audience was named by who asked for the token (RFC 8707), rather than its client's default: a private claim.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub aud_named: bool,
    /// `Bearer` in tokens whose header says `JWT`: what tells them from ID Tokens (RFC 8725 section 3.12).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typ: Option<String>,
    /// What it is bound to: presented without, it is worth nothing (RFC 7800).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    /// The service it is for, if its client belongs to one, and what its user had subscribed to when it was issued: private claims.
    #[serde(flatten)]
    pub service: Option<ServiceClaims>,
}

impl AccessTokenClaims {
    /// The `typ` claim of an access token whose header does not say that it is one.
    pub const BEARER: &'static str = "Bearer";
}

/// What a token of a service's client says about the service and its user's standing in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceClaims {
    /// The organization.
    pub org: Slug,
    /// Its service.
    pub service: Slug,
    /// The user's plan; none for a token that speaks for no user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Slug>,
    /// What the plan opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<Features>,
}

/// Somebody who acts for the subject, and before whom others did (RFC 8693 section 4.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// A client's `client_id`, or a user.
    pub sub: String,
    /// Who acted before: told, but nothing may be decided by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Self>>,
}

impl Actor {
    /// How many acted, this one included.
    pub fn depth(&self) -> usize {
        std::iter::successors(Some(self), |actor| actor.act.as_deref()).count()
    }
}

/// Who may become the actor (RFC 8693 section 4.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MayAct {
    /// A client's `client_id`.
    pub sub: String,
}

/// What an access token is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The SHA-256 of the client's certificate, as base64url (RFC 8705 section 3.1).
    #[serde(rename = "x5t#S256")]
    pub certificate: String,
}

/// How the user of an access token proved who they are (RFC 9068 section 2.2.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// When.
    pub auth_time: i64,
    /// How strongly.
    pub acr: String,
    /// By what means (RFC 8176).
    pub amr: Vec<String>,
    /// The session it came from.
    pub sid: String,
}

/// The claims of an ID Token (OpenID Connect Core section 2).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IdTokenClaims {
    /// The issuer.
    pub iss: String,
    /// The user.
    pub sub: String,
    /// The client.
    pub aud: Audience,
    /// When it ends.
    pub exp: i64,
    /// When it was issued.
    pub iat: i64,
    /// When the user proved who they are.
    pub auth_time: i64,
    /// The request's nonce.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// How strongly.
    pub acr: String,
    /// By what means (RFC 8176).
    pub amr: Vec<String>,
    /// The access token's hash (OpenID Connect Core section 3.1.3.6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_hash: Option<String>,
    /// The session.
    pub sid: String,
    /// The user's own claims.
    #[serde(flatten)]
    pub user: Map<String, Value>,
}

/// The claims that each standard scope opens (OpenID Connect Core section 5.4).
pub const SCOPE_CLAIMS: [(&str, &[&str]); 4] = [
    (
        "profile",
        &[
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
    ),
    ("email", &["email", "email_verified"]),
    ("address", &["address"]),
    ("phone", &["phone_number", "phone_number_verified"]),
];

/// Whether `claim` is one a scope can open; only those can be stored and asked for.
/// Where a claim that is not stored as one is kept, or who says it.
pub fn kept_elsewhere(claim: &str) -> Option<&'static str> {
    match claim {
        "sub" => Some("this is the user's id, which stays as it is"),
        "preferred_username" => Some("this is the username"),
        "name" => Some("use --name"),
        "email" => Some("use --email"),
        "email_verified" => Some("use --email-verified or --email-unverified"),
        "updated_at" => Some("this is when the user was last changed, which the server itself notes"),
        "iss" | "aud" | "exp" | "iat" | "nbf" | "jti" | "azp" | "nonce" | "acr" | "amr" | "auth_time"
        | "at_hash" | "c_hash" | "s_hash" | "sid" | "typ" | "cnf" | "act" | "may_act" | "scope"
        | "client_id" | "events" | "org" | "service" | "plan" | "features" => {
            Some("the server itself says it of each token")
        }
        _ => None,
    }
}

/// Whether it is one of the claims about a user that a scope opens (section 5.4).
pub fn is_standard(claim: &str) -> bool {
    SCOPE_CLAIMS.iter().any(|(_, claims)| claims.contains(&claim))
}

/// Those of `all` that `scope` opens or `named` asks for.
pub fn visible<'a>(
    all: &Map<String, Value>,
    scope: &Scope,
    named: impl Iterator<Item = &'a String>,
) -> Map<String, Value> {
    let mut visible = Map::new();
    let opened = SCOPE_CLAIMS
        .iter()
        .filter(|(token, _)| scope.contains(token))
        .flat_map(|(_, claims)| claims.iter().copied());
    for claim in opened.chain(named.map(String::as_str)) {
        if let Some(value) = all.get(claim) {
            visible.insert(claim.to_owned(), value.clone());
        }
    }
    visible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc7519_4_1_3_one_audience_is_a_string() {
        assert_eq!(serde_json::to_value(Audience::of(vec!["a".into()])).unwrap(), "a");
        assert_eq!(
            serde_json::to_value(Audience::of(vec!["a".into(), "b".into()])).unwrap(),
            serde_json::json!(["a", "b"])
        );
        assert!(Audience::of(vec!["a".into(), "b".into()]).contains("b"));
    }

    #[test]
    fn rfc8693_4_1_actors_are_nested_and_the_latest_is_outermost() {
        let text = r#"{"sub":"billing","act":{"sub":"gateway","act":{"sub":"front"}}}"#;
        let actor: Actor = serde_json::from_str(text).unwrap();
        assert_eq!((actor.depth(), actor.act.as_ref().unwrap().sub.as_str()), (3, "gateway"));
        assert_eq!(serde_json::to_string(&actor).unwrap(), text);
    }

    #[test]
    fn oidc_core_5_4_a_scope_opens_its_claims_and_no_others() {
        let all = serde_json::json!({"name": "Alice", "email": "a@example.org", "phone_number": "1"});
        let all = all.as_object().unwrap();
        let scope = Scope::parse("openid profile").unwrap();
        let named = ["phone_number".to_owned()];
        assert_eq!(
            Value::Object(visible(all, &scope, named.iter())),
            serde_json::json!({"name": "Alice", "phone_number": "1"})
        );
        assert!(is_standard("nickname") && !is_standard("password_hash"));
    }
}
