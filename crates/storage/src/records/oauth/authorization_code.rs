//! Authorization codes: spent once, by the database.

use crate::contract::row::Rows;
use crate::contract::{Applied, Command, Query, Statement, Steps, StorageError};
use crate::params;
use crate::records::oauth::access_token::NewAccessToken;
use crate::records::oauth::grant::NewGrant;
use crate::records::oauth::refresh_token::NewRefreshToken;
use protocol::{AuthorizationCodeId, ClientId, CodeChallenge, GrantId, SecretHash, Timestamp};

/// An authorization code when it is issued.
#[derive(Debug, Clone)]
pub struct NewAuthorizationCode {
    /// Its selector.
    pub id: AuthorizationCodeId,
    /// Of its secret.
    pub secret_hash: SecretHash,
    /// The grant it stands on.
    pub grant_id: GrantId,
    /// To whom it was issued.
    pub client_id: ClientId,
    /// Where it was sent.
    pub redirect_uri: String,
    /// Whether the request named that (RFC 6749 section 4.1.3).
    pub redirect_uri_given: bool,
    /// PKCE.
    pub code_challenge: Option<CodeChallenge>,
    /// For the ID Token.
    pub nonce: Option<String>,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// An authorization code as stored.
#[derive(Debug, Clone)]
pub struct AuthorizationCode {
    /// As issued.
    pub issued: NewAuthorizationCode,
    /// When it was spent.
    pub spent_at: Option<Timestamp>,
}

/// The authorization code with this selector.
pub struct AuthorizationCodeById(pub AuthorizationCodeId);

impl Query for AuthorizationCodeById {
    type Output = Option<AuthorizationCode>;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT id, secret_hash, grant_id, client_id, redirect_uri, redirect_uri_given, code_challenge, nonce, created_at, \
             expires_at, spent_at FROM authorization_codes WHERE id = ?",
            params![self.0],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(|row| {
            let challenge: Option<String> = row.get(6)?;
            Ok(AuthorizationCode {
                issued: NewAuthorizationCode {
                    id: row.get(0)?,
                    secret_hash: row.get(1)?,
                    grant_id: row.get(2)?,
                    client_id: row.get(3)?,
                    redirect_uri: row.get(4)?,
                    redirect_uri_given: row.get(5)?,
                    code_challenge: challenge
                        .map(|text| CodeChallenge::from_stored(&text))
                        .transpose()
                        .map_err(|error| StorageError::Corrupt(error.to_string()))?,
                    nonce: row.get(7)?,
                    created_at: row.get(8)?,
                    expires_at: row.get(9)?,
                },
                spent_at: row.get(10)?,
            })
        })
    }
}

pub(crate) fn insert(steps: &mut Steps, code: &NewAuthorizationCode) {
    steps.one(
        "INSERT INTO authorization_codes (id, secret_hash, grant_id, client_id, redirect_uri, redirect_uri_given, \
         code_challenge, nonce, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            code.id,
            code.secret_hash,
            code.grant_id,
            &code.client_id,
            &code.redirect_uri,
            code.redirect_uri_given,
            code.code_challenge.as_ref().map(CodeChallenge::as_str),
            code.nonce.as_ref(),
            code.created_at,
            code.expires_at,
        ],
    );
}

/// Grants, and issues an authorization code, where nothing had to be asked.
pub struct IssueAuthorizationCode {
    /// What is granted.
    pub grant: NewGrant,
    /// The code; none where the request was answered otherwise.
    pub code: Option<NewAuthorizationCode>,
}

impl Command for IssueAuthorizationCode {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        crate::records::oauth::grant::insert(steps, &self.grant);
        if let Some(code) = &self.code {
            insert(steps, code);
        }
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Spends an authorization code and stores what it is exchanged for; refused when it was spent or has expired, or its grant was
/// revoked (RFC 6749 section 4.1.2: "The client MUST NOT use the authorization code more than once").
pub struct SpendAuthorizationCode {
    /// Which.
    pub id: AuthorizationCodeId,
    /// Its grant.
    pub grant_id: GrantId,
    /// When.
    pub at: Timestamp,
    /// The refresh token it is exchanged for.
    pub refresh_token: Option<NewRefreshToken>,
    /// The opaque access token it is exchanged for.
    pub access_token: Option<NewAccessToken>,
}

impl Command for SpendAuthorizationCode {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        steps.one(
            "UPDATE authorization_codes SET spent_at = ? WHERE id = ? AND spent_at IS NULL AND expires_at > ? \
             AND EXISTS (SELECT 1 FROM grants WHERE id = ? AND revoked_at IS NULL /* share */)",
            params![self.at, self.id, self.at, self.grant_id],
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
