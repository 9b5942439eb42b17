//! What rows of scratch databases say: as long and as varied as real ones, and made without a clock or randomness. Knows records; which rows there
//! are, and how many, is each measure's business.

use crate::measure::MeasureError;
use crate::records::oauth::access_token::NewAccessToken;
use crate::records::oauth::grant::NewGrant;
use crate::records::oauth::refresh_token::NewRefreshToken;
use protocol::claims::{AccessTokenClaims, Audience, SignIn};
use protocol::{
    AccessTokenId, ClaimsRequest, ClientId, GrantId, RefreshTokenId, Scope, SecretHash, SessionId, Timestamp,
    UserId,
};

/// What is the same in every row.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    pub(super) client: ClientId,
    pub(super) scope: Scope,
}

impl Rows {
    pub(super) fn new() -> Result<Self, MeasureError> {
        let scope = Scope::parse("openid profile email offline_access").map_err(|_| MeasureError::Refused)?;
        Ok(Self { client: ClientId::parse("measured-client").map_err(|_| MeasureError::Refused)?, scope })
    }

    pub(super) fn refresh_token(&self, number: u64, grant: GrantId, generation: u32) -> NewRefreshToken {
        NewRefreshToken {
            id: RefreshTokenId::from_bytes(id(number)),
            secret_hash: hash(number),
            grant_id: grant,
            client_id: self.client.clone(),
            generation,
            created_at: now(),
            expires_at: later(),
        }
    }

    pub(super) fn access_token(&self, number: u64, grant: GrantId, user: UserId) -> NewAccessToken {
        let token = AccessTokenId::from_bytes(id(number));
        NewAccessToken {
            id: token,
            secret_hash: hash(number),
            grant_id: Some(grant),
            claims: AccessTokenClaims {
                iss: "https://id.example.org".to_owned(),
                sub: user.to_string(),
                aud: Audience::One("https://api.example.org".to_owned()),
                exp: later().seconds(),
                iat: now().seconds(),
                jti: token.to_string(),
                client_id: self.client.as_str().to_owned(),
                scope: self.scope.clone(),
                sign_in: Some(SignIn {
                    auth_time: now().seconds(),
                    acr: "1".to_owned(),
                    amr: vec!["pwd".to_owned()],
                    sid: SessionId::from_bytes(*user.as_bytes()).to_string(),
                }),
                grant_id: Some(grant.to_string()),
                act: None,
                may_act: None,
                exchanged_from: None,
                aud_named: false,
                typ: None,
                cnf: None,
                service: None,
            },
            one_time: false,
            created_at: now(),
            expires_at: later(),
        }
    }

    pub(super) fn grant(&self, id: GrantId, user: UserId, session: SessionId) -> NewGrant {
        NewGrant {
            id,
            user_id: user,
            client_id: self.client.clone(),
            session_id: session,
            scope: self.scope.clone(),
            claims: ClaimsRequest::default(),
            auth_time: now(),
            amr: "pwd".to_owned(),
            acr: "1".to_owned(),
            resources: Vec::new(),
            offline: true,
            created_at: now(),
            expires_at: later(),
        }
    }
}

/// Sixteen bytes that grow with the number, as time-ordered ids do.
pub(super) fn id(number: u64) -> [u8; 16] {
    ((u128::from(number) << 64) | u128::from(mixed(number))).to_be_bytes()
}

/// The number of an id.
pub(super) fn number_of(id: &[u8; 16]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *id;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

pub(super) fn hash(number: u64) -> SecretHash {
    let mut hash = [0; 32];
    for (part, salt) in hash.chunks_mut(8).zip(1..) {
        part.copy_from_slice(&mixed(number.rotate_left(salt * 8)).to_be_bytes());
    }
    SecretHash::from_bytes(hash)
}

/// SplitMix64: scatters what counts up.
pub(super) fn mixed(number: u64) -> u64 {
    let mut x = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

pub(super) fn now() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000)
}

pub(super) fn later() -> Timestamp {
    Timestamp::from_seconds(1_900_000_000)
}
