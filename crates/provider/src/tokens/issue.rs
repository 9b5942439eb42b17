//! Issuing: the one place where access tokens and ID Tokens are made. A grant type cannot sign by itself, and cannot forget a claim.

use crate::clients::certificate::confirmation;
use crate::settings::MAX_ACCESS_TOKEN_LIFETIME;
use crate::tokens::access_token::VerifiedAccessToken;
use crate::{Ctx, Dialect, Provider, ProviderError};
use crypto::{TokenType, left_half_hash};
use protocol::claims::{AccessTokenClaims, Actor, Audience, IdTokenClaims, MayAct, SignIn, visible};
use protocol::{
    AccessTokenFormat, AccessTokenId, AccessTokenType, Client, GrantId, Scope, Timestamp, UserId,
};
use serde::Serialize;
use serde_json::{Map, Value};
use std::time::Duration;
use storage::access_token::NewAccessToken;
use storage::grant::Grant;
use storage::user::{User, UserById};

/// What is to be issued.
pub(crate) struct Issue<'a> {
    /// To whom.
    pub(crate) client: &'a Client,
    /// Who it speaks for, and what ends it.
    pub(crate) subject: Subject<'a>,
    /// What the access token allows: the grant's scope or less.
    pub(crate) scope: Scope,
    /// Who the access token is for; empty means the client's default.
    pub(crate) audience: Vec<String>,
    /// What the access token looks like.
    pub(crate) form: Form,
    /// The authorization request's nonce; none on refresh.
    pub(crate) nonce: Option<String>,
}

impl<'a> Issue<'a> {
    /// As the client is registered: its default audience, the form of its access tokens.
    pub(crate) fn new(client: &'a Client, subject: Subject<'a>, scope: Scope) -> Self {
        Self { client, subject, scope, audience: Vec::new(), form: Form::of(client), nonce: None }
    }
}

/// What an access token looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Jwt,
    Opaque,
    /// Opaque, and accepted once.
    OneTime,
}

impl Form {
    /// Of this client's access tokens.
    pub(crate) fn of(client: &Client) -> Self {
        match client.access_token_format {
            _ if client.one_time_access_tokens => Self::OneTime,
            AccessTokenFormat::Jwt => Self::Jwt,
            AccessTokenFormat::Opaque => Self::Opaque,
        }
    }
}

/// Who a token speaks for.
#[derive(Clone, Copy)]
pub(crate) enum Subject<'a> {
    /// The user of a grant, for as long as the grant stands.
    Grant(&'a Grant),
    /// A user for whom somebody trusted vouches; nothing but their account stands behind the token.
    User(UserId),
    /// The client itself (RFC 6749 section 4.4).
    Client,
    /// Whoever this token speaks for, for as long as it may, and who acts for them (RFC 8693).
    Token(&'a VerifiedAccessToken, Option<&'a Actor>),
}

impl Subject<'_> {
    fn grant(&self) -> Option<&Grant> {
        match self {
            Self::Grant(grant) => Some(grant),
            Self::User(_) | Self::Client | Self::Token(..) => None,
        }
    }

    fn grant_id(&self) -> Option<GrantId> {
        match self {
            Self::Grant(grant) => Some(grant.granted.id),
            Self::User(_) | Self::Client => None,
            Self::Token(token, _) => token.grant_id,
        }
    }

    /// When it must not speak any more, whatever is asked for.
    fn ends_at(&self) -> Option<Timestamp> {
        match self {
            Self::Grant(grant) => Some(grant.granted.expires_at),
            Self::User(_) | Self::Client => None,
            Self::Token(token, _) => Some(Timestamp::from_seconds(token.claims.exp)),
        }
    }

    fn sub(&self, client: &Client) -> String {
        match self {
            Self::Grant(grant) => grant.granted.user_id.to_string(),
            Self::User(user) => user.to_string(),
            Self::Client => client.id.to_string(),
            Self::Token(token, _) => token.claims.sub.clone(),
        }
    }

    fn sign_in(&self) -> Option<SignIn> {
        match self {
            Self::Grant(grant) => Some(SignIn {
                auth_time: grant.granted.auth_time.seconds(),
                acr: grant.granted.acr.clone(),
                amr: grant.granted.amr.split(' ').map(str::to_owned).collect(),
                sid: grant.granted.session_id.to_string(),
            }),
            Self::User(_) | Self::Client => None,
            Self::Token(token, _) => token.claims.sign_in.clone(),
        }
    }

    /// Whose token is exchanged, if it is another client's or was.
    fn exchanged_from(&self, client: &Client) -> Option<String> {
        let Self::Token(token, _) = self else { return None };
        let before = token.exchanged_from.as_ref().unwrap_or(&token.client_id);
        (*before != client.id).then(|| before.to_string())
    }

    fn act(&self) -> Option<Actor> {
        match self {
            Self::Grant(_) | Self::User(_) | Self::Client => None,
            Self::Token(_, actor) => actor.cloned(),
        }
    }

    fn user(&self) -> Option<UserId> {
        match self {
            Self::Grant(grant) => Some(grant.granted.user_id),
            Self::User(user) => Some(*user),
            Self::Client => None,
            Self::Token(token, _) => token.user_id,
        }
    }
}

/// What was issued, and what of it is to be stored.
pub(crate) struct Issued {
    pub(crate) access_token: String,
    pub(crate) expires_in: u64,
    pub(crate) id_token: Option<String>,
    pub(crate) scope: Scope,
    /// An opaque access token's record.
    pub(crate) stored: Option<NewAccessToken>,
    /// Which access token it is, for whom, and what it stands on.
    pub(crate) what: (AccessTokenId, Option<UserId>, Option<GrantId>),
}

/// An access token that also says who its user is.
#[derive(Serialize)]
struct WithUser<'a> {
    #[serde(flatten)]
    claims: &'a AccessTokenClaims,
    #[serde(flatten)]
    user: &'a Map<String, Value>,
}

impl Provider {
    pub(crate) async fn issue(&self, ctx: &mut Ctx, issue: Issue<'_>) -> Result<Issued, ProviderError> {
        let id = AccessTokenId::new(ctx.now, ctx.id());
        let expires_at = self.access_token_end(ctx.now, &issue);
        let cnf = confirmation(ctx, issue.client)?;
        let service = self.service_claims(ctx.now, issue.client, issue.subject.user()).await?;
        let claims =
            AccessTokenClaims { cnf, service, ..self.access_token_claims(ctx.now, id, expires_at, &issue) };
        let (access_token, stored) = match issue.form {
            Form::Jwt => (self.sign_access_token(ctx.dialect, &issue, claims).await?, None),
            Form::Opaque | Form::OneTime => {
                let token = ctx.opaque(id.as_bytes());
                let stored = NewAccessToken {
                    id,
                    secret_hash: token.hash(),
                    grant_id: issue.subject.grant_id(),
                    claims,
                    created_at: ctx.now,
                    expires_at,
                    one_time: issue.form == Form::OneTime,
                };
                (token.reveal(), Some(stored))
            }
        };
        let id_token = match issue.subject.grant() {
            Some(grant) if issue.scope.contains(Scope::OPENID) => {
                Some(self.sign_id_token(ctx, &issue, grant, &access_token).await?)
            }
            _ => None,
        };
        Ok(Issued {
            access_token,
            expires_in: expires_at.since(ctx.now).as_secs(),
            id_token,
            what: (id, issue.subject.user(), issue.subject.grant_id()),
            scope: issue.scope,
            stored,
        })
    }

    /// As its client and its audience are registered, and as the dialect has it.
    async fn sign_access_token(
        &self,
        dialect: Dialect,
        issue: &Issue<'_>,
        mut claims: AccessTokenClaims,
    ) -> Result<String, ProviderError> {
        let algorithm = issue.client.access_token_signed_response_alg;
        let key = self.signing_key(algorithm.unwrap_or(self.inner.settings.access_token_alg)).await?;
        let wanted = self.wanted_by_audience(&claims.aud);
        let (client, plain) = (issue.client, AccessTokenType::Jwt);
        let keycloaks = dialect == Dialect::Keycloak;
        let typ = if client.access_token_type == plain || wanted.plain || keycloaks {
            claims.typ = Some(AccessTokenClaims::BEARER.to_owned());
            TokenType::PlainAccessToken
        } else {
            TokenType::AccessToken
        };
        let mut user = match client.access_token_claims || wanted.claims || keycloaks {
            true => self.claims_opened_by(issue).await?,
            false => Map::new(),
        };
        if keycloaks {
            user.insert("azp".to_owned(), client.id.as_str().into());
        }
        if user.is_empty() {
            return Ok(key.sign(typ, &serde_json::to_vec(&claims)?));
        }
        Ok(key.sign(typ, &serde_json::to_vec(&WithUser { claims: &claims, user: &user })?))
    }

    /// The claims of the user it speaks for, if it does, that its scope opens.
    async fn claims_opened_by(&self, issue: &Issue<'_>) -> Result<Map<String, Value>, ProviderError> {
        let read = match (issue.subject, issue.subject.user()) {
            (Subject::Grant(_), _) | (_, None) => None,
            (_, Some(user)) => self.inner.store.read(UserById(user)).await?,
        };
        let user = issue.subject.grant().map(|grant| &grant.user).or(read.as_ref());
        Ok(user.map(|user| visible(&user_claims(user), &issue.scope, [].iter())).unwrap_or_default())
    }

    /// How long an access token of this client lives at most.
    pub(crate) fn access_token_lifetime(&self, client: &Client) -> Duration {
        client
            .access_token_lifetime
            .map_or(self.inner.settings.access_token_lifetime, |seconds| Duration::from_secs(seconds.into()))
            .min(MAX_ACCESS_TOKEN_LIFETIME)
    }

    /// No access token outlives its grant, or the token it was exchanged for.
    fn access_token_end(&self, now: Timestamp, issue: &Issue<'_>) -> Timestamp {
        let end = now + self.access_token_lifetime(issue.client);
        issue.subject.ends_at().map_or(end, |at| end.min(at))
    }

    fn access_token_claims(
        &self,
        now: Timestamp,
        id: AccessTokenId,
        expires_at: Timestamp,
        issue: &Issue<'_>,
    ) -> AccessTokenClaims {
        // RFC 9068 section 3: without a resource in the request, a default resource indicator.
        let audience = match issue.audience.as_slice() {
            [] => self.default_audience(issue.client),
            asked => asked,
        };
        AccessTokenClaims {
            iss: self.inner.settings.issuer.clone(),
            sub: issue.subject.sub(issue.client),
            aud: Audience::of(audience.to_vec()),
            exp: expires_at.seconds(),
            iat: now.seconds(),
            jti: id.to_string(),
            client_id: issue.client.id.to_string(),
            scope: issue.scope.clone(),
            sign_in: issue.subject.sign_in(),
            grant_id: issue.subject.grant_id().map(|id| id.to_string()),
            act: issue.subject.act(),
            exchanged_from: issue.subject.exchanged_from(issue.client),
            aud_named: !issue.audience.is_empty(),
            typ: None,
            may_act: issue.client.may_act.as_ref().map(|actor| MayAct { sub: actor.to_string() }),
            cnf: None,
            service: None,
        }
    }

    pub(crate) fn id_token_lifetime(&self, client: &Client) -> Duration {
        client
            .id_token_lifetime
            .map_or(self.inner.settings.id_token_lifetime, |seconds| Duration::from_secs(seconds.into()))
    }

    async fn sign_id_token(
        &self,
        ctx: &Ctx,
        issue: &Issue<'_>,
        grant: &Grant,
        access_token: &str,
    ) -> Result<String, ProviderError> {
        let granted = &grant.granted;
        let algorithm = issue.client.id_token_signed_response_alg;
        // OpenID Connect Core section 5.4 leaves a scope's claims to UserInfo where an access token is issued too; but many applications read
        // them here alone. What was asked for by name is always here.
        let opened = if issue.client.id_token_claims { issue.scope.clone() } else { Scope::default() };
        let mut asked = visible(&user_claims(&grant.user), &opened, granted.claims.id_token.keys());
        if ctx.dialect == Dialect::Keycloak {
            asked.insert("azp".to_owned(), granted.client_id.as_str().into());
            asked.insert("typ".to_owned(), "ID".into());
        }
        let claims = IdTokenClaims {
            iss: self.inner.settings.issuer.clone(),
            sub: granted.user_id.to_string(),
            aud: Audience::One(granted.client_id.to_string()),
            exp: (ctx.now + self.id_token_lifetime(issue.client)).seconds(),
            iat: ctx.now.seconds(),
            auth_time: granted.auth_time.seconds(),
            nonce: issue.nonce.clone(),
            acr: granted.acr.clone(),
            amr: granted.amr.split(' ').map(str::to_owned).collect(),
            at_hash: Some(left_half_hash(algorithm, access_token)),
            sid: granted.session_id.to_string(),
            user: asked,
        };
        let key = self.signing_key(algorithm).await?;
        Ok(key.sign(TokenType::IdToken, &serde_json::to_vec(&claims)?))
    }
}

/// Everything a client could be told about a user (OpenID Connect Core section 5.1).
pub(crate) fn user_claims(user: &User) -> Map<String, Value> {
    let mut claims = user.claims.clone();
    claims.insert("preferred_username".to_owned(), user.username.clone().into());
    claims.insert("updated_at".to_owned(), user.updated_at.seconds().into());
    if let Some(name) = &user.name {
        claims.insert("name".to_owned(), name.clone().into());
    }
    if let Some(email) = &user.email {
        claims.insert("email".to_owned(), email.clone().into());
        claims.insert("email_verified".to_owned(), user.email_verified.into());
    }
    claims
}
