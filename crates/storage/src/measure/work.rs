//! What callers do: real commands and a real query, on rows of their own, as many clients of one installation would. Knows records; knows no
//! engine and no clock.

use crate::access_token::{AddAccessToken, NewAccessToken};
use crate::contract::{Applied, Command, Steps};
use crate::grant::{self, NewGrant};
use crate::measure::MeasureError;
use crate::refresh_token::{self, NewRefreshToken, RefreshTokenById, RotateRefreshToken};
use crate::store::Store;
use protocol::claims::{AccessTokenClaims, Audience, SignIn};
use protocol::{
    AccessTokenId, ClaimsRequest, ClientId, GrantId, RefreshTokenId, Scope, SecretHash, SessionId, Timestamp,
    UserId,
};

/// A kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// A refresh token by its selector.
    Read,
    /// An opaque access token is stored: one step.
    Insert,
    /// A refresh token is spent for the next one and an access token: three steps, the first of which looks at the grant.
    Rotate,
}

impl Work {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Read, Self::Insert, Self::Rotate];
}

/// Refresh tokens to read: more than anybody keeps at hand, few enough to be there in a moment.
const POPULATION: u64 = 4_096;
/// Rows of one command while the tables are filled.
const SLICE: u64 = 256;
/// The ids of what is filled in, of grants, and of what callers make.
const FILLED: u64 = 1 << 62;
const GRANTS: u64 = 1 << 61;
const MADE: u64 = 1 << 63;

/// One caller on one side: where its chain of refresh tokens stands.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    number: u64,
    made: u64,
    current: RefreshTokenId,
    generation: u32,
    client: Client,
}

/// What every row of the scratch databases says.
#[derive(Debug, Clone)]
struct Client {
    id: ClientId,
    scope: Scope,
}

impl Caller {
    pub(super) fn new(number: usize) -> Result<Self, MeasureError> {
        let number = number as u64;
        Ok(Self { number, made: 0, current: first_of(number), generation: 0, client: Client::new()? })
    }

    /// The next query.
    pub(super) fn query(&mut self) -> RefreshTokenById {
        self.made += 1;
        RefreshTokenById(RefreshTokenId::from_bytes(id(FILLED + mixed(self.unique()) % POPULATION)))
    }

    /// The next command of one step.
    pub(super) fn insert(&mut self) -> AddAccessToken {
        self.made += 1;
        AddAccessToken(self.client.access_token(MADE + self.unique(), self.number))
    }

    /// The next command of three steps. Its caller goes on from the successor: a chain ends when a command is refused.
    pub(super) fn rotate(&mut self) -> RotateRefreshToken {
        self.made += 1;
        self.generation += 1;
        let unique = MADE + self.unique();
        let successor =
            self.client.refresh_token(RefreshTokenId::from_bytes(id(unique)), self.number, self.generation);
        let presented = std::mem::replace(&mut self.current, successor.id);
        RotateRefreshToken {
            presented,
            successor,
            access_token: Some(self.client.access_token(unique, self.number)),
            at: now(),
        }
    }

    /// Grows in time, as the ids of tokens do, and is no other caller's.
    fn unique(&self) -> u64 {
        (self.made << 10) + self.number
    }
}

impl Client {
    fn new() -> Result<Self, MeasureError> {
        let defect = |_| MeasureError::Refused;
        Ok(Self {
            id: ClientId::parse("measured-client").map_err(defect)?,
            scope: Scope::parse("openid profile email offline_access").map_err(|_| MeasureError::Refused)?,
        })
    }

    fn refresh_token(&self, id: RefreshTokenId, caller: u64, generation: u32) -> NewRefreshToken {
        NewRefreshToken {
            id,
            secret_hash: hash(generation.into()),
            grant_id: grant_of(caller),
            client_id: self.id.clone(),
            generation,
            created_at: now(),
            expires_at: later(),
        }
    }

    fn access_token(&self, unique: u64, caller: u64) -> NewAccessToken {
        let token = AccessTokenId::from_bytes(id(unique));
        NewAccessToken {
            id: token,
            secret_hash: hash(unique),
            grant_id: Some(grant_of(caller)),
            claims: AccessTokenClaims {
                iss: "https://id.example.org".to_owned(),
                sub: UserId::from_bytes(id(caller)).to_string(),
                aud: Audience::One("https://api.example.org".to_owned()),
                exp: later().seconds(),
                iat: now().seconds(),
                jti: token.to_string(),
                client_id: self.id.as_str().to_owned(),
                scope: self.scope.clone(),
                sign_in: Some(SignIn {
                    auth_time: now().seconds(),
                    acr: "1".to_owned(),
                    amr: vec!["pwd".to_owned()],
                    sid: SessionId::from_bytes(id(caller)).to_string(),
                }),
                grant_id: Some(grant_of(caller).to_string()),
                act: None,
                may_act: None,
                cnf: None,
                service: None,
            },
            one_time: false,
            created_at: now(),
            expires_at: later(),
        }
    }

    fn grant(&self, caller: u64) -> NewGrant {
        NewGrant {
            id: grant_of(caller),
            user_id: UserId::from_bytes(id(caller)),
            client_id: self.id.clone(),
            session_id: SessionId::from_bytes(id(caller)),
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

/// The rows that are there before anything is measured.
struct Fill {
    grants: Vec<NewGrant>,
    refresh_tokens: Vec<NewRefreshToken>,
}

impl Command for Fill {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        self.grants.iter().for_each(|grant| grant::insert(steps, grant));
        self.refresh_tokens.iter().for_each(|token| refresh_token::insert(steps, token));
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Gives every caller a grant and its first refresh token, and readers something to find.
pub(super) async fn fill(store: &Store, callers: usize) -> Result<(), MeasureError> {
    let client = Client::new()?;
    let callers = 0..callers as u64;
    let mut slices = vec![Fill {
        grants: callers.clone().map(|caller| client.grant(caller)).collect(),
        refresh_tokens: callers.map(|caller| client.refresh_token(first_of(caller), caller, 0)).collect(),
    }];
    let read = |number| client.refresh_token(RefreshTokenId::from_bytes(id(FILLED + number)), 0, 0);
    for slice in 0..POPULATION / SLICE {
        let tokens = (slice * SLICE..(slice + 1) * SLICE).map(read).collect();
        slices.push(Fill { grants: Vec::new(), refresh_tokens: tokens });
    }
    for slice in slices {
        if !store.write(slice).await? {
            return Err(MeasureError::Refused);
        }
    }
    Ok(())
}

/// The steps of a command, for whoever runs them by hand.
pub(super) fn steps(command: &impl Command) -> Steps {
    let mut steps = Steps::default();
    command.steps(&mut steps);
    steps
}

fn grant_of(caller: u64) -> GrantId {
    GrantId::from_bytes(id(GRANTS + caller))
}

fn first_of(caller: u64) -> RefreshTokenId {
    RefreshTokenId::from_bytes(id(GRANTS + caller))
}

/// Sixteen bytes that grow with the number.
fn id(number: u64) -> [u8; 16] {
    ((u128::from(number) << 64) | u128::from(mixed(number))).to_be_bytes()
}

fn hash(number: u64) -> SecretHash {
    let mut hash = [0; 32];
    for (part, salt) in hash.chunks_mut(8).zip(1..) {
        part.copy_from_slice(&mixed(number.rotate_left(salt * 8)).to_be_bytes());
    }
    SecretHash::from_bytes(hash)
}

/// SplitMix64: scatters what counts up.
fn mixed(number: u64) -> u64 {
    let mut x = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

fn now() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000)
}

fn later() -> Timestamp {
    Timestamp::from_seconds(1_900_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Query as _;
    use std::collections::HashSet;

    #[test]
    fn callers_never_meet_and_a_chain_goes_on_where_it_was() {
        let mut ids = HashSet::new();
        for number in 0..64 {
            let mut caller = Caller::new(number).expect("a caller");
            let mut presented = first_of(number as u64);
            for _ in 0..8 {
                let rotation = caller.rotate();
                assert_eq!(rotation.presented, presented);
                presented = rotation.successor.id;
                assert!(ids.insert(*presented.as_bytes()) && ids.insert(*caller.insert().0.id.as_bytes()));
                assert_eq!(caller.query().statement().params.len(), 1);
            }
        }
    }
}
