//! Who is in a database that has grown: users with all that is theirs, in the proportions of an installation that people use. Knows which row
//! says what; every table's rows come in key order, which is the order of time.

use crate::contract::{Command, Steps};
use crate::measure::MeasureError;
use crate::measure::rows::{Rows, hash, id, later, mixed, now};
use crate::records::oauth::authorization_code::{self, NewAuthorizationCode};
use crate::records::oauth::client::{AddClient, RegisteredClient};
use crate::records::oauth::consent::{self, Consent};
use crate::records::oauth::device_code::{IssueDeviceCode, NewDeviceCode, UserCodeKey};
use crate::records::oauth::{access_token, grant, refresh_token};
use crate::records::people::session::{self, Session};
use crate::records::people::user::{AddUser, User};
use protocol::{
    AuthorizationCodeId, Client, ClientAuthentication, ClientId, CodeChallenge, DeviceCodeId, GrantId,
    SessionId, Timestamp, UserId,
};
use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

/// Of so many users one has a device code, an authorization code and a one-time token that nobody has swept yet.
const USERS_PER_CODE: u64 = 10;
/// The ids of what is made while it is measured come after everything that was filled in.
const MADE: u64 = 1 << 60;
/// How many of a block that may be: 2 to this power.
const BLOCK_BITS: u32 = 36;
/// How long expired refresh tokens have been so: longer than they are kept.
const EXPIRED_FOR: Duration = Duration::from_secs(30 * 24 * 3_600);

/// The rows of one database.
#[derive(Clone)]
pub(in crate::measure) struct Population {
    pub(super) users: u64,
    /// Refresh tokens: the last `users` of them are live, one per grant.
    pub(super) tokens: u64,
    pub(super) clients: Vec<ClientId>,
    pub(super) rows: Rows,
}

/// What is filled, in this order.
#[derive(Clone, Copy)]
enum Filled {
    Clients,
    Users,
    Sessions,
    Grants,
    Consents,
    RefreshTokens,
    AuthorizationCodes,
    DeviceCodes,
    OneTimeTokens,
}

impl Filled {
    const ALL: [Self; 9] = [
        Self::Clients,
        Self::Users,
        Self::Sessions,
        Self::Grants,
        Self::Consents,
        Self::RefreshTokens,
        Self::AuthorizationCodes,
        Self::DeviceCodes,
        Self::OneTimeTokens,
    ];
}

impl Population {
    /// At least one refresh token per user is live.
    pub(in crate::measure) fn new(users: u64, tokens: u64) -> Result<Self, MeasureError> {
        let clients = (0..(users / 1_000).clamp(10, 10_000))
            .map(|number| ClientId::parse(&format!("client-{number:06}")));
        let clients = clients.collect::<Result<_, _>>().map_err(|_| MeasureError::Refused)?;
        Ok(Self { users: users.max(1), tokens: tokens.max(users.max(1)), clients, rows: Rows::new()? })
    }

    /// Refresh tokens that have expired.
    pub(super) fn expired(&self) -> u64 {
        self.tokens - self.users
    }

    /// Codes of each kind.
    pub(super) fn codes(&self) -> u64 {
        (self.users / USERS_PER_CODE).max(1)
    }

    /// When the expired refresh token at a place did: one each millisecond.
    pub(super) fn expired_at(place: u64) -> Timestamp {
        now() - EXPIRED_FOR + Duration::from_millis(place)
    }

    pub(super) fn client(&self, number: u64) -> &ClientId {
        let place = number % self.clients.len() as u64;
        // Never more than the machine can count: the remainder is smaller than the list.
        usize::try_from(place).ok().and_then(|place| self.clients.get(place)).unwrap_or(&self.rows.client)
    }

    /// Whose the session, or grant, or token at a place is: in no order that another table has.
    pub(super) fn owner(&self, place: u64) -> u64 {
        // Prime, and larger than any table: every owner has one.
        (place % self.users).wrapping_mul(1_000_000_007) % self.users
    }

    pub(super) fn user(&self, number: u64, at: &str) -> AddUser {
        let name = format!("person-{number:010}{at}");
        AddUser {
            user: User {
                id: UserId::from_bytes(id(number)),
                email: Some(format!("{name}@mail.example.org")),
                username: name,
                email_verified: true,
                name: Some(format!("Person Number {number}")),
                claims: serde_json::Map::new(),
                platform_owner: false,
                created_at: now(),
                updated_at: now(),
                disabled_at: None,
                signed_out_at: None,
            },
            password_hash: Some(password_hash(number)),
            spends: None,
        }
    }

    pub(super) fn code(&self, number: u64, grant: u64, expires_at: Timestamp) -> NewAuthorizationCode {
        NewAuthorizationCode {
            id: AuthorizationCodeId::from_bytes(id(number)),
            secret_hash: hash(number),
            grant_id: GrantId::from_bytes(id(grant)),
            client_id: self.rows.client.clone(),
            redirect_uri: "https://client.example.org/callback".to_owned(),
            redirect_uri_given: true,
            // Of 43 letters, as SHA-256 makes them.
            code_challenge: CodeChallenge::from_stored(&"c".repeat(43)).ok(),
            nonce: Some(format!("{:032x}", mixed(number))),
            created_at: now(),
            expires_at,
        }
    }

    pub(in crate::measure) fn device_code(&self, number: u64, expires_at: Timestamp) -> IssueDeviceCode {
        let mut key = [0; 16];
        key.iter_mut().zip(hash(number).as_bytes()).for_each(|(to, from)| *to = *from);
        IssueDeviceCode {
            code: NewDeviceCode {
                id: DeviceCodeId::from_bytes(id(number)),
                secret_hash: hash(number),
                client_id: self.rows.client.clone(),
                scope: self.rows.scope.clone(),
                resources: Vec::new(),
                asked_from: Some("203.0.113.7".to_owned()),
                created_at: now(),
                expires_at,
            },
            user_code: UserCodeKey(key),
        }
    }

    /// A number that nothing which was filled in has: the `number`th of a block.
    pub(super) fn made(block: u64, number: u64) -> u64 {
        MADE + (block << BLOCK_BITS) + number
    }

    /// In which block a number was made; nothing when it was filled in.
    pub(super) fn block_of(made: u64) -> Option<u64> {
        made.checked_sub(MADE).map(|number| number >> BLOCK_BITS)
    }

    /// How many rows there are in all.
    pub(super) fn rows(&self) -> u64 {
        Filled::ALL.iter().map(|table| self.count(*table)).sum()
    }

    /// All of them, table by table in key order, so many at once.
    pub(super) fn slices(&self, length: u64) -> impl Iterator<Item = Slice> {
        Filled::ALL.into_iter().flat_map(move |table| {
            let count = self.count(table);
            let begins = (0..count.div_ceil(length)).map(move |slice| slice * length);
            begins.map(move |from| Slice { table, rows: from..(from + length).min(count) })
        })
    }

    /// What writes a slice.
    pub(super) fn steps(&self, slice: &Slice, steps: &mut Steps) {
        slice.rows.clone().for_each(|number| self.row(slice.table, number, steps));
    }

    fn count(&self, table: Filled) -> u64 {
        match table {
            Filled::Clients => self.clients.len() as u64,
            Filled::Users | Filled::Sessions | Filled::Grants | Filled::Consents => self.users,
            Filled::RefreshTokens => self.tokens,
            Filled::AuthorizationCodes | Filled::DeviceCodes | Filled::OneTimeTokens => self.codes(),
        }
    }

    fn row(&self, table: Filled, number: u64, steps: &mut Steps) {
        let user = |number| UserId::from_bytes(id(number));
        let ended = now() - Duration::from_secs(60);
        match table {
            Filled::Clients => self.add_client(number).steps(steps),
            Filled::Users => self.user(number, "").steps(steps),
            Filled::Sessions => {
                let session = self.session(number, user(self.owner(number)));
                session::insert(steps, &session);
            }
            Filled::Grants => {
                let (grant, owner) = (GrantId::from_bytes(id(number)), user(self.owner(number)));
                grant::insert(steps, &self.rows.grant(grant, owner, SessionId::from_bytes(id(number))));
            }
            Filled::Consents => consent::remember(
                steps,
                &Consent {
                    user_id: user(number),
                    client_id: self.client(number).clone(),
                    scope: self.rows.scope.clone(),
                    claims: BTreeSet::new(),
                    updated_at: now(),
                },
            ),
            Filled::RefreshTokens => {
                let grant = GrantId::from_bytes(id(self.owner(number)));
                let mut token = self.rows.refresh_token(number, grant, 0);
                if number < self.expired() {
                    token.expires_at = Self::expired_at(number);
                }
                refresh_token::insert(steps, &token);
            }
            Filled::AuthorizationCodes => {
                authorization_code::insert(steps, &self.code(number, self.owner(number), ended));
            }
            Filled::DeviceCodes => {
                crate::records::oauth::device_code::insert(steps, &self.device_code(number, ended).code)
            }
            Filled::OneTimeTokens => {
                let (grant, owner) = (GrantId::from_bytes(id(number)), user(self.owner(number)));
                let mut token = self.rows.access_token(number, grant, owner);
                token.one_time = true;
                access_token::insert(steps, &token);
            }
        }
    }

    fn session(&self, number: u64, user: UserId) -> Session {
        Session {
            id: SessionId::from_bytes(id(number)),
            secret_hash: hash(number),
            user_id: user,
            auth_time: now(),
            amr: "pwd".to_owned(),
            acr: "1".to_owned(),
            created_at: now(),
            last_seen_at: now(),
            expires_at: later(),
            ended_at: None,
            persistent: false,
        }
    }

    fn add_client(&self, number: u64) -> AddClient {
        let client = Client::new(
            self.client(number).clone(),
            format!("Client Number {number}"),
            ClientAuthentication::ClientSecretBasic,
        );
        let registered =
            RegisteredClient { secret_hash: Some(hash(number)), ..RegisteredClient::new(client) };
        AddClient { registered, at: now() }
    }
}

/// Some rows of a table.
pub(super) struct Slice {
    table: Filled,
    rows: Range<u64>,
}

impl Slice {
    /// How many.
    pub(super) fn count(&self) -> u64 {
        self.rows.end - self.rows.start
    }
}

/// As long as one of Argon2id with its default parameters.
fn password_hash(number: u64) -> String {
    let (salt, output) = (mixed(number), hash(number));
    let output: String = output.as_bytes().iter().take(21).map(|byte| format!("{byte:02x}")).collect();
    format!("$argon2id$v=19$m=19456,t=2,p=1${salt:022x}${output}0")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn everybody_owns_one_of_each_and_expired_tokens_come_first() {
        for users in [1, 7, 1_000, 12_345] {
            let population = Population::new(users, users * 3).expect("a population");
            let owners: HashSet<u64> = (0..users).map(|place| population.owner(place)).collect();
            assert_eq!(owners.len() as u64, users);
            assert_eq!(population.expired(), users * 2);
            assert!(
                Population::expired_at(population.expired()) < now() - Duration::from_secs(25 * 24 * 3_600)
            );
            assert!(Population::made(0, 0) > population.tokens);
            assert_eq!(population.slices(7).map(|slice| slice.count()).sum::<u64>(), population.rows());
        }
        assert_eq!(Population::block_of(Population::made(7, 12)), Some(7));
        assert_eq!(Population::block_of(12), None);
        assert_eq!(password_hash(7).len(), password_hash(u64::MAX).len());
    }
}
