//! Presented access tokens: what one says, if it is good now. A token seen before costs a hash and two look-ups in memory, no
//! cryptography and no read; revocation still takes effect at once.

use crate::memory::readings::{CacheReading, LookUps};
use crate::tokens::scope;
use crate::{Ctx, Provider, ProviderError};
use crypto::{JwsError, OpaqueToken, TokenType, token_digest};
use protocol::claims::{AccessTokenClaims, Audience};
use protocol::{AccessTokenId, ClientId, GrantId, Scope, SessionId, Timestamp, UserId};
use quick_cache::sync::Cache;
use std::sync::Arc;
use storage::access_token::{AccessTokenById, OneTimeAccessTokenById, SpendOneTimeAccessToken};
use storage::client::ClientById;

/// An access token that was found good.
#[derive(Debug, Clone)]
pub struct VerifiedAccessToken {
    /// What it says.
    pub claims: AccessTokenClaims,
    /// Its `jti`.
    pub id: AccessTokenId,
    /// Its `client_id`.
    pub client_id: ClientId,
    /// The client whose token it was first exchanged for, where that is another.
    pub(crate) exchanged_from: Option<ClientId>,
    /// The grant it stands on; none when it speaks for a client.
    pub grant_id: Option<GrantId>,
    /// Whether it is accepted once.
    pub one_time: bool,
    /// When it was issued, to the millisecond.
    issued_at: Timestamp,
    /// Whose it is; none when it speaks for a client.
    pub user_id: Option<UserId>,
    /// The ids whose revocation ends it for good: its own, its grant's, its session's.
    ended_by: Vec<[u8; 16]>,
}

/// Verified access tokens by the SHA-256 of the whole token: of the signature alone, and another payload could borrow it.
pub(crate) struct TokenCache {
    tokens: Cache<[u8; 32], Arc<VerifiedAccessToken>>,
    look_ups: LookUps,
}

impl Default for TokenCache {
    fn default() -> Self {
        Self { tokens: Cache::new(32_768), look_ups: LookUps::default() }
    }
}

impl TokenCache {
    pub(crate) fn reading(&self) -> CacheReading {
        self.look_ups.reading("access_tokens", Some(&self.tokens))
    }
}

impl VerifiedAccessToken {
    fn new(claims: AccessTokenClaims) -> Option<Self> {
        let id: AccessTokenId = claims.jti.parse().ok()?;
        let mut ended_by = vec![*id.as_bytes()];
        let grant_id = claims.grant_id.as_deref().map(str::parse::<GrantId>).transpose().ok()?;
        ended_by.extend(grant_id.map(|grant| *grant.as_bytes()));
        // What is no UUID is a client's; one that is may be, too (`Provider::told_apart`).
        let user_id = claims.sub.parse::<UserId>().ok().filter(|_| claims.sub != claims.client_id);
        if let Some(sign_in) = &claims.sign_in
            && !claims.scope.contains(Scope::OFFLINE_ACCESS)
        {
            ended_by.push(*sign_in.sid.parse::<SessionId>().ok()?.as_bytes());
        }
        let client_id = ClientId::parse(&claims.client_id).ok()?;
        let exchanged_from = claims.exchanged_from.as_deref().map(ClientId::parse).transpose().ok()?;
        let issued_at = made_at(&id);
        Some(Self {
            issued_at,
            id,
            client_id,
            exchanged_from,
            grant_id,
            user_id,
            ended_by,
            claims,
            one_time: false,
        })
    }

    fn one_time(claims: AccessTokenClaims) -> Option<Self> {
        Some(Self { one_time: true, ..Self::new(claims)? })
    }

    /// The same with no more than this scope, for no more than these.
    fn with(&self, scope: Option<Scope>, audience: Option<Vec<String>>) -> Option<Self> {
        let mut claims = self.claims.clone();
        claims.scope = scope.unwrap_or(claims.scope);
        claims.aud = audience.map_or(claims.aud, Audience::of);
        Some(Self { one_time: self.one_time, ..Self::new(claims)? })
    }

    /// Whether it may be presented to this server itself, which is known as `issuer`: it names it, or nobody named who else it is for (RFC
    /// 8707 section 2).
    fn is_for(&self, issuer: &str) -> bool {
        !self.claims.aud_named || self.claims.aud.contains(issuer)
    }

    /// The client it speaks for, if that is another than the one that holds it.
    fn represented_client(&self) -> Option<ClientId> {
        let other = self.user_id.is_none() && self.claims.sub != self.claims.client_id;
        if other { ClientId::parse(&self.claims.sub).ok() } else { None }
    }
}

/// When a time-ordered id was made (RFC 9562 section 5.7): finer than `iat`, so that a token issued in the second of a
/// revocation, but after it, lives.
fn made_at(id: &AccessTokenId) -> Timestamp {
    let millis = id.as_bytes()[..6].iter().fold(0_i64, |millis, &byte| millis << 8 | i64::from(byte));
    Timestamp::from_millis(millis)
}

impl Provider {
    /// What this access token says, if it is good now: signed by us or stored, not expired, not revoked, its client admitted. One that is
    /// accepted once is accepted by this, and one that is bound to a certificate is good only on a connection with it.
    ///
    /// # Errors
    /// When storage fails; a bad token is `None`.
    pub async fn verify_access_token(
        &self,
        ctx: &Ctx,
        token: &str,
    ) -> Result<Option<Arc<VerifiedAccessToken>>, ProviderError> {
        let Some(verified) = self.look_at_access_token(ctx, token).await? else { return Ok(None) };
        if !verified.may_be_presented(ctx) {
            return Ok(None);
        }
        Ok(self.accept_access_token(ctx, &verified).await?.then_some(verified))
    }

    /// Like [`Provider::verify_access_token`], at one of our own APIs: a token that somebody asked for to be presented elsewhere is none here.
    ///
    /// # Errors
    /// When storage fails; a bad token is `None`.
    pub async fn verify_own_access_token(
        &self,
        ctx: &Ctx,
        token: &str,
    ) -> Result<Option<Arc<VerifiedAccessToken>>, ProviderError> {
        let verified = self.look_at_access_token(ctx, token).await?;
        let ours = |token: &Arc<VerifiedAccessToken>| {
            token.may_be_presented(ctx) && token.is_for(&self.inner.settings.issuer)
        };
        let Some(verified) = verified.filter(ours) else { return Ok(None) };
        Ok(self.accept_access_token(ctx, &verified).await?.then_some(verified))
    }

    /// Whether this token, which was looked at, is accepted: each is, and one that is accepted once for the first time only, whatever node
    /// is asked.
    pub(crate) async fn accept_access_token(
        &self,
        ctx: &Ctx,
        token: &VerifiedAccessToken,
    ) -> Result<bool, ProviderError> {
        if !token.one_time {
            return Ok(true);
        }
        Ok(self.inner.store.write(SpendOneTimeAccessToken { id: token.id, at: ctx.now }).await?)
    }

    /// Like [`Provider::verify_access_token`], but whoever only looks does not spend what is accepted once.
    pub(crate) async fn look_at_access_token(
        &self,
        ctx: &Ctx,
        token: &str,
    ) -> Result<Option<Arc<VerifiedAccessToken>>, ProviderError> {
        self.inner.store.current()?;
        let digest = token_digest(token);
        let cache = &self.inner.tokens;
        let verified = if let Some(known) = cache.look_ups.counted(cache.tokens.get(&digest)) {
            known
        } else {
            let Some(verified) = self.verify_uncached(token).await? else { return Ok(None) };
            let verified = Arc::new(self.told_apart(verified).await?);
            if !verified.one_time && self.is_live(ctx, &verified) {
                cache.tokens.insert(digest, Arc::clone(&verified));
            }
            verified
        };
        if !self.is_live(ctx, &verified) {
            cache.tokens.remove(&digest);
            return Ok(None);
        }
        if let Some(represented) = verified.represented_client()
            && self.client(&represented).await?.is_none()
        {
            return Ok(None);
        }
        self.as_its_clients_are_now(ctx, verified).await
    }

    /// The token with what the clients behind it may still have; none when one of them is gone, or what was issued to it was ended.
    async fn as_its_clients_are_now(
        &self,
        ctx: &Ctx,
        token: Arc<VerifiedAccessToken>,
    ) -> Result<Option<Arc<VerifiedAccessToken>>, ProviderError> {
        let mut left: Option<Scope> = None;
        let mut audience: Option<Vec<String>> = None;
        let exchanged = token.exchanged_from.is_some();
        let behind = [(Some(&token.client_id), exchanged), (token.exchanged_from.as_ref(), false)];
        for (id, exchanged) in behind {
            let Some(id) = id else { continue };
            let client = self.client(id).await?;
            let Some(client) = client.filter(|client| client.stands_since(token.issued_at)) else {
                return Ok(None);
            };
            let said = left.as_ref().unwrap_or(&token.claims.scope);
            left = scope::left_to(&client.client, said, exchanged).or(left);
            // Who it is for, its holder alone decided.
            if *id == token.client_id {
                audience = self.left_of_audience(&client.client, &token.claims.aud, exchanged);
            }
        }
        if left.is_none() && audience.is_none() {
            return Ok(Some(token));
        }
        if audience.as_ref().is_some_and(Vec::is_empty) {
            return Ok(None);
        }
        // Without offline_access it ends with its session.
        Ok(token.with(left, audience).filter(|token| self.is_live(ctx, token)).map(Arc::new))
    }

    fn is_live(&self, ctx: &Ctx, token: &VerifiedAccessToken) -> bool {
        ctx.now.seconds() < token.claims.exp
            && !self.inner.revocations.end(&token.ended_by, token.user_id, token.issued_at)
    }

    /// Tells a client whose `client_id` is a UUID from a user. No subject is both's (RFC 9700 section 4.15): the database sees to it. Behind
    /// a grant there is always a user; without one, whoever is registered decides.
    async fn told_apart(&self, mut token: VerifiedAccessToken) -> Result<VerifiedAccessToken, ProviderError> {
        if token.user_id.is_some()
            && token.grant_id.is_none()
            && let Ok(named) = ClientId::parse(&token.claims.sub)
            && self.inner.store.read(ClientById(&named)).await?.is_some()
        {
            token.user_id = None;
        }
        Ok(token)
    }

    async fn verify_uncached(&self, token: &str) -> Result<Option<VerifiedAccessToken>, ProviderError> {
        if let Some(opaque) = OpaqueToken::parse(token) {
            let id = AccessTokenId::from_bytes(opaque.selector());
            if let Some((hash, claims)) = self.inner.store.read(AccessTokenById(id)).await? {
                return Ok(Some(claims).filter(|_| opaque.matches(&hash)).and_then(VerifiedAccessToken::new));
            }
            let stored = self.inner.store.read(OneTimeAccessTokenById(id)).await?;
            let claims = stored.filter(|(hash, _)| opaque.matches(hash)).map(|(_, claims)| claims);
            return Ok(claims.and_then(VerifiedAccessToken::one_time));
        }
        let keyring = self.keyring();
        let (jws, typ) = match keyring.verify(token, TokenType::AccessToken) {
            Err(JwsError::Type) => {
                (keyring.verify(token, TokenType::PlainAccessToken), Some(AccessTokenClaims::BEARER))
            }
            verified => (verified, None),
        };
        let Ok(jws) = jws else { return Ok(None) };
        let Ok(claims) = serde_json::from_slice::<AccessTokenClaims>(&jws.payload) else { return Ok(None) };
        // RFC 8725 section 3.12: where the header does not say that it is an access token, a claim does.
        if claims.typ.as_deref() != typ {
            return Ok(None);
        }
        // RFC 9068 section 4: the issuer must match exactly.
        if claims.iss != self.inner.settings.issuer {
            return Ok(None);
        }
        Ok(VerifiedAccessToken::new(claims))
    }
}
