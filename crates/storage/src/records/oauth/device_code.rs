//! Device codes (RFC 8628): issued with a user code, decided once, spent once; the database picks the winner of each.
//!
//! A device knows its code's selector, the time-ordered key. A person only has the short user code, which must be looked up by value and be
//! unique among those that live. That takes a random key, and a random key dirties a page per row: so it is a table of its own, with nothing
//! in it but the two keys and the end, swept as soon as a code is over. At 100 device authorizations a second and ten minutes' life it holds
//! 60,000 rows of some 45 bytes, fewer than 1,000 pages, all in the cache; an index on `device_codes` itself would spread over every code of
//! the last hour. Polls change nothing: how often a device asks is remembered by the node it asks.

use crate::contract::row::{Row, Rows};
use crate::contract::value::Json;
use crate::contract::{Applied, Command, Query, Statement, Steps, StorageError};
use crate::params;
use crate::records::oauth::access_token::NewAccessToken;
use crate::records::oauth::grant::NewGrant;
use crate::records::oauth::refresh_token::NewRefreshToken;
use protocol::{ClientId, DeviceCodeId, GrantId, ResourceIndicator, Scope, SecretHash, Timestamp};

/// What a user code is looked up by: 16 bytes that nobody can make of it without the server's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserCodeKey(pub [u8; 16]);

/// A device code when it is issued.
#[derive(Debug, Clone)]
pub struct NewDeviceCode {
    /// Its selector.
    pub id: DeviceCodeId,
    /// Of its secret.
    pub secret_hash: SecretHash,
    /// To whom it was issued.
    pub client_id: ClientId,
    /// What is asked for.
    pub scope: Scope,
    /// What the grant's access tokens may be for; empty means the client's default (RFC 8707 section 2.2).
    pub resources: Vec<ResourceIndicator>,
    /// From which address.
    pub asked_from: Option<String>,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A device code as stored.
#[derive(Debug, Clone)]
pub struct DeviceCode {
    /// As issued.
    pub issued: NewDeviceCode,
    /// What the person decided.
    pub decision: Option<Decided>,
    /// When it was exchanged for tokens.
    pub spent_at: Option<Timestamp>,
}

/// What a person decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    /// This was granted.
    Allowed(GrantId),
    /// Nothing was.
    Denied,
}

/// The device code with this selector.
pub struct DeviceCodeById(pub DeviceCodeId);

impl Query for DeviceCodeById {
    type Output = Option<DeviceCode>;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT id, secret_hash, client_id, scope, asked_from, created_at, expires_at, decided_at, grant_id, spent_at, resources \
             FROM device_codes WHERE id = ?",
            params![self.0],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(from_row)
    }
}

/// The device code whose user code this is.
pub struct DeviceCodeByUserCode(pub UserCodeKey);

impl Query for DeviceCodeByUserCode {
    type Output = Option<DeviceCode>;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT d.id, d.secret_hash, d.client_id, d.scope, d.asked_from, d.created_at, d.expires_at, d.decided_at, d.grant_id, \
             d.spent_at, d.resources FROM user_codes u JOIN device_codes d ON d.id = u.device_code_id WHERE u.id = ?",
            params![self.0.0.as_slice()],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(from_row)
    }
}

fn from_row(row: &Row<'_>) -> Result<DeviceCode, StorageError> {
    let decided_at: Option<Timestamp> = row.get(7)?;
    let grant_id: Option<GrantId> = row.get(8)?;
    Ok(DeviceCode {
        issued: NewDeviceCode {
            id: row.get(0)?,
            secret_hash: row.get(1)?,
            client_id: row.get(2)?,
            scope: row.get(3)?,
            resources: row.get::<Option<Json<_>>>(10)?.map(|resources| resources.0).unwrap_or_default(),
            asked_from: row.get(4)?,
            created_at: row.get(5)?,
            expires_at: row.get(6)?,
        },
        decision: decided_at.map(|_| grant_id.map_or(Decided::Denied, Decided::Allowed)),
        spent_at: row.get(9)?,
    })
}

/// Issues a device code and its user code; refused when the user code is taken.
pub struct IssueDeviceCode {
    /// The device code.
    pub code: NewDeviceCode,
    /// The user code's key.
    pub user_code: UserCodeKey,
}

impl Command for IssueDeviceCode {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        let code = &self.code;
        steps.newcomers();
        // First what may be refused: a taken user code leaves nothing to undo.
        steps.one(
            "INSERT INTO user_codes (id, device_code_id, expires_at) VALUES (?, ?, ?)",
            params![self.user_code.0.as_slice(), code.id, code.expires_at],
        );
        insert(steps, code);
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

pub(crate) fn insert(steps: &mut Steps, code: &NewDeviceCode) {
    steps.one(
        "INSERT INTO device_codes (id, secret_hash, client_id, scope, resources, asked_from, created_at, expires_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            code.id,
            code.secret_hash,
            &code.client_id,
            &code.scope,
            (!code.resources.is_empty()).then_some(Json(&code.resources)),
            code.asked_from.as_ref(),
            code.created_at,
            code.expires_at,
        ],
    );
}

/// Allows what the device asks for; refused when it was decided, or has expired.
pub(crate) fn allow(steps: &mut Steps, id: DeviceCodeId, grant: &NewGrant, at: Timestamp) {
    decide(steps, id, Some(grant.id), at);
    crate::records::oauth::grant::insert(steps, grant);
}

/// Denies it; refused as [`allow`].
pub(crate) fn deny(steps: &mut Steps, id: DeviceCodeId, at: Timestamp) {
    decide(steps, id, None, at);
}

fn decide(steps: &mut Steps, id: DeviceCodeId, grant: Option<GrantId>, at: Timestamp) {
    steps.one(
        "UPDATE device_codes SET decided_at = ?, grant_id = ? WHERE id = ? AND decided_at IS NULL AND expires_at > ?",
        params![at, grant, id, at],
    );
}

/// Spends a device code and stores what it is exchanged for; refused when it was spent or has expired, or its grant was revoked.
pub struct SpendDeviceCode {
    /// Which.
    pub id: DeviceCodeId,
    /// Its grant.
    pub grant_id: GrantId,
    /// When.
    pub at: Timestamp,
    /// The refresh token it is exchanged for.
    pub refresh_token: Option<NewRefreshToken>,
    /// The opaque access token it is exchanged for.
    pub access_token: Option<NewAccessToken>,
}

impl Command for SpendDeviceCode {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        steps.one(
            "UPDATE device_codes SET spent_at = ? WHERE id = ? AND grant_id = ? AND spent_at IS NULL AND expires_at > ? \
             AND EXISTS (SELECT 1 FROM grants WHERE id = ? AND revoked_at IS NULL /* share */)",
            params![self.at, self.id, self.grant_id, self.at, self.grant_id],
        );
        if let Some(token) = &self.refresh_token {
            crate::records::oauth::refresh_token::insert(steps, token);
        }
        if let Some(token) = &self.access_token {
            crate::records::oauth::access_token::insert(steps, token);
        }
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}
