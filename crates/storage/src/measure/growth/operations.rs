//! What is asked of a database that has grown: the point operations that requests are made of, each on rows drawn from all that are there. Knows
//! which rows exist; knows no clock.

use crate::contract::{Applied, Command, Steps};
use crate::measure::MeasureError;
use crate::measure::growth::past::{Head, Past};
use crate::measure::growth::population::Population;
use crate::measure::rows::{id, later, mixed, now};
use crate::nodes::Store;
use crate::records::oauth::access_token::SpendOneTimeAccessToken;
use crate::records::oauth::authorization_code::SpendAuthorizationCode;
use crate::records::oauth::client::ClientById;
use crate::records::oauth::consent::ConsentOf;
use crate::records::oauth::device_code::DeviceCodeById;
use crate::records::oauth::grant::GrantById;
use crate::records::oauth::refresh_token::RotateRefreshToken;
use crate::records::oauth::{access_token, authorization_code};
use crate::records::people::session::SessionById;
use crate::records::people::user::{UserAdded, UserByEmail, UserById};
use protocol::{
    AccessTokenId, AuthorizationCodeId, DeviceCodeId, GrantId, RefreshTokenId, SessionId, UserId,
};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Rows of one command that prepares.
const SLICE: u64 = 500;

/// A point operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A user by id.
    UserById,
    /// A user by e-mail address, as when they sign in.
    UserByEmail,
    /// A session and its user.
    Session,
    /// A grant, its user and its session, as when a token is checked.
    Grant,
    /// What a user allowed a client.
    Consent,
    /// A client.
    Client,
    /// A device code, as when a device polls.
    DeviceCode,
    /// A refresh token is spent for its successor.
    RefreshRotation,
    /// An authorization code is spent for a refresh token.
    CodeSpend,
    /// A device code and its user code are issued.
    DeviceCodeIssue,
    /// An access token that is accepted once is.
    OneTimeToken,
    /// A user is added, somewhere among all names.
    SignUp,
}

impl Operation {
    /// All of them; those that only read come first.
    pub const ALL: [Self; 12] = [
        Self::UserById,
        Self::UserByEmail,
        Self::Session,
        Self::Grant,
        Self::Consent,
        Self::Client,
        Self::DeviceCode,
        Self::RefreshRotation,
        Self::CodeSpend,
        Self::DeviceCodeIssue,
        Self::OneTimeToken,
        Self::SignUp,
    ];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::UserById => "user_by_id",
            Self::UserByEmail => "user_by_email",
            Self::Session => "session",
            Self::Grant => "grant",
            Self::Consent => "consent",
            Self::Client => "client",
            Self::DeviceCode => "device_code",
            Self::RefreshRotation => "refresh_rotation",
            Self::CodeSpend => "code_spend",
            Self::DeviceCodeIssue => "device_code_issue",
            Self::OneTimeToken => "one_time_token",
            Self::SignUp => "sign_up",
        }
    }

    /// Whether it is on the disk before it is answered.
    pub fn writes(self) -> bool {
        matches!(
            self,
            Self::RefreshRotation
                | Self::CodeSpend
                | Self::DeviceCodeIssue
                | Self::OneTimeToken
                | Self::SignUp
        )
    }

    /// Whether each needs a row of its own that was made just before, as codes are.
    pub(super) fn is_prepared(self) -> bool {
        matches!(self, Self::CodeSpend | Self::OneTimeToken)
    }
}

/// A database, its rows, and what has become of them.
pub(super) struct Grown {
    pub(super) store: Store,
    pub(super) population: Population,
    /// Rows are drawn from so many, spread over all; from all of them without.
    pub(super) active: Option<u64>,
    /// The first block of numbers that nobody used.
    pub(super) block: u64,
    /// The place of the first refresh token that was not swept.
    pub(super) unswept: u64,
    /// Where chains of refresh tokens stand that have moved, by their grants' numbers; nothing while one is being rotated.
    chains: Mutex<HashMap<u64, Option<Head>>>,
}

impl Grown {
    pub(super) fn new(store: Store, population: Population, past: Past, active: Option<u64>) -> Self {
        let Past { block, heads, unswept } = past;
        let heads = heads.into_iter().map(|(grant, head)| (grant, Some(head)));
        Self { store, population, active, block, unswept, chains: Mutex::new(heads.collect()) }
    }

    /// Makes what the first `count` operations of a block spend.
    pub(super) async fn prepare(
        &self,
        operation: Operation,
        block: u64,
        count: u64,
    ) -> Result<(), MeasureError> {
        for from in (0..count).step_by(usize::try_from(SLICE).unwrap_or(usize::MAX)) {
            let mut steps = Steps::default();
            for number in from..(from + SLICE).min(count) {
                self.prepare_one(operation, block, number, &mut steps);
            }
            if !self.store.write(Prepared(steps)).await? {
                return Err(MeasureError::Refused);
            }
        }
        Ok(())
    }

    fn prepare_one(&self, operation: Operation, block: u64, number: u64, steps: &mut Steps) {
        let (made, grant) = (Population::made(block, number), self.draw(block, number));
        if operation == Operation::CodeSpend {
            authorization_code::insert(steps, &self.population.code(made, grant, later()));
        } else {
            let grant = GrantId::from_bytes(id(grant));
            let mut token = self.population.rows.access_token(made, grant, UserId::from_bytes(id(0)));
            token.one_time = true;
            access_token::insert(steps, &token);
        }
    }

    /// Does the `number`th operation of a block; no two blocks, nor numbers, meet.
    pub(super) async fn ask(
        &self,
        operation: Operation,
        block: u64,
        number: u64,
    ) -> Result<(), MeasureError> {
        let (store, drawn) = (&self.store, self.draw(block, number));
        let user = UserId::from_bytes(id(drawn));
        let found = match operation {
            Operation::UserById => store.read(UserById(user)).await?.is_some(),
            Operation::UserByEmail => {
                let email = self.population.user(drawn, "").user.email.unwrap_or_default();
                store.read(UserByEmail(&email)).await?.is_some()
            }
            Operation::Session => store.read(SessionById(SessionId::from_bytes(id(drawn)))).await?.is_some(),
            Operation::Grant => store.read(GrantById(GrantId::from_bytes(id(drawn)))).await?.is_some(),
            Operation::Consent => store.read(ConsentOf(user, self.population.client(drawn))).await?.is_some(),
            Operation::Client => {
                store.read(ClientById(self.population.client(mixed(drawn)))).await?.is_some()
            }
            Operation::DeviceCode => {
                let code = DeviceCodeId::from_bytes(id(drawn % self.population.codes()));
                store.read(DeviceCodeById(code)).await?.is_some()
            }
            Operation::RefreshRotation => self.rotate(block, number, drawn).await?,
            Operation::CodeSpend => self.spend_code(block, number, drawn).await?,
            Operation::DeviceCodeIssue => {
                store.write(self.population.device_code(Population::made(block, number), later())).await?
            }
            Operation::OneTimeToken => {
                let token = AccessTokenId::from_bytes(id(Population::made(block, number)));
                store.write(SpendOneTimeAccessToken { id: token, at: now() }).await?
            }
            Operation::SignUp => self.sign_up(block, number, drawn).await?,
        };
        if found { Ok(()) } else { Err(MeasureError::Refused) }
    }

    async fn rotate(&self, block: u64, number: u64, drawn: u64) -> Result<bool, MeasureError> {
        let (chain, (presented, generation)) = self.take_chain(drawn);
        let made = Population::made(block, number);
        let grant = GrantId::from_bytes(id(chain));
        let successor = self.population.rows.refresh_token(made, grant, generation + 1);
        let next = successor.id;
        let rotation = RotateRefreshToken { presented, successor, access_token: None, at: now() };
        let rotated = self.store.write(rotation).await;
        // Of one that was turned away, nothing was spent.
        let stands =
            if matches!(rotated, Ok(true)) { (next, generation + 1) } else { (presented, generation) };
        self.chains().insert(chain, Some(stands));
        Ok(rotated?)
    }

    /// A chain that nobody else has in hand, by its grant's number: that of the live token at the place drawn, or one after it.
    fn take_chain(&self, drawn: u64) -> (u64, Head) {
        let mut chains = self.chains();
        let mut place = self.population.expired() + drawn;
        while matches!(chains.get(&self.population.owner(place)), Some(None)) {
            place =
                self.population.expired() + (place + 1 - self.population.expired()) % self.population.users;
        }
        let first = || (RefreshTokenId::from_bytes(id(place)), 0);
        let chain = self.population.owner(place);
        (chain, chains.insert(chain, None).flatten().unwrap_or_else(first))
    }

    async fn spend_code(&self, block: u64, number: u64, grant: u64) -> Result<bool, MeasureError> {
        let (made, grant_id) = (Population::made(block, number), GrantId::from_bytes(id(grant)));
        let spend = SpendAuthorizationCode {
            id: AuthorizationCodeId::from_bytes(id(made)),
            grant_id,
            at: now(),
            refresh_token: Some(self.population.rows.refresh_token(made, grant_id, 0)),
            access_token: None,
        };
        Ok(self.store.write(spend).await?)
    }

    async fn sign_up(&self, block: u64, number: u64, neighbour: u64) -> Result<bool, MeasureError> {
        let made = Population::made(block, number);
        let mut added = self.population.user(neighbour, &format!("-{made}"));
        added.user.id = UserId::from_bytes(id(made));
        Ok(self.store.write(added).await? == UserAdded::Added)
    }

    /// A place among the users, and so among all that each has one of.
    fn draw(&self, block: u64, number: u64) -> u64 {
        let (random, users) = (mixed(mixed(block).wrapping_add(number)), self.population.users);
        match self.active {
            Some(active) if active < users => (random % active) * (users / active),
            _ => random % users,
        }
    }

    fn chains(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Option<Head>>> {
        self.chains.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Prepared(Steps);

impl Command for Prepared {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        steps.clone_from(&self.0);
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}
