//! What callers do: real commands and a real query, on rows of their own, as many clients of one installation would. Knows records; knows no
//! engine and no clock.

use crate::contract::{Applied, Command, Steps};
use crate::measure::MeasureError;
use crate::measure::rows::{Rows, id, mixed, now};
use crate::nodes::Store;
use crate::records::oauth::access_token::AddAccessToken;
use crate::records::oauth::grant::{self, NewGrant};
use crate::records::oauth::refresh_token::{self, NewRefreshToken, RefreshTokenById, RotateRefreshToken};
use protocol::{GrantId, RefreshTokenId, SessionId, UserId};

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
    rows: Rows,
}

impl Caller {
    pub(super) fn new(number: usize) -> Result<Self, MeasureError> {
        let number = number as u64;
        Ok(Self { number, made: 0, current: first_of(number), generation: 0, rows: Rows::new()? })
    }

    /// The next query.
    pub(super) fn query(&mut self) -> RefreshTokenById {
        self.made += 1;
        RefreshTokenById(RefreshTokenId::from_bytes(id(FILLED + mixed(self.unique()) % POPULATION)))
    }

    /// The next command of one step.
    pub(super) fn insert(&mut self) -> AddAccessToken {
        self.made += 1;
        let (grant, user) = (grant_of(self.number), user(self.number));
        AddAccessToken(self.rows.access_token(MADE + self.unique(), grant, user))
    }

    /// The next command of three steps. Its caller goes on from the successor: a chain ends when a command is refused.
    pub(super) fn rotate(&mut self) -> RotateRefreshToken {
        self.made += 1;
        self.generation += 1;
        let (unique, grant) = (MADE + self.unique(), grant_of(self.number));
        let successor = self.rows.refresh_token(unique, grant, self.generation);
        let presented = std::mem::replace(&mut self.current, successor.id);
        RotateRefreshToken {
            presented,
            successor,
            access_token: Some(self.rows.access_token(unique, grant, user(self.number))),
            at: now(),
        }
    }

    /// Grows in time, as the ids of tokens do, and is no other caller's.
    fn unique(&self) -> u64 {
        (self.made << 10) + self.number
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
    let rows = Rows::new()?;
    let callers = 0..callers as u64;
    let grant = |caller| rows.grant(grant_of(caller), user(caller), SessionId::from_bytes(id(caller)));
    let mut slices = vec![Fill {
        grants: callers.clone().map(grant).collect(),
        refresh_tokens: callers
            .map(|caller| rows.refresh_token(GRANTS + caller, grant_of(caller), 0))
            .collect(),
    }];
    let read = |number| rows.refresh_token(FILLED + number, grant_of(0), 0);
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

fn user(number: u64) -> UserId {
    UserId::from_bytes(id(number))
}

fn grant_of(caller: u64) -> GrantId {
    GrantId::from_bytes(id(GRANTS + caller))
}

fn first_of(caller: u64) -> RefreshTokenId {
    RefreshTokenId::from_bytes(id(GRANTS + caller))
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
