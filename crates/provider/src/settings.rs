//! What an installation decides about itself, as typed values. Where they are written down is the binary's part.

use crypto::CertificateAuthorities;
use protocol::{AuditClass, PkcePolicy, SigningAlgorithm};
use std::time::Duration;

/// An installation's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The issuer: the URL clients know this installation by, without a trailing slash.
    pub issuer: String,
    /// Whether people may create accounts themselves.
    pub registration_open: bool,
    /// Whether people stay signed in when they close the browser.
    pub stay_signed_in: StaySignedIn,
    /// A session unused for this long is over, unless its person stays signed in.
    pub session_idle: Duration,
    /// A session this old is over.
    pub session_lifetime: Duration,
    /// What authorization requests of confidential clients must carry, unless their registration says otherwise.
    pub pkce: PkcePolicy,
    /// How long a sign-in waits for its person to act.
    pub unattended_lifetime: Duration,
    /// How many of those one network may have open; nothing is no bound.
    pub interactions_per_address: Option<u32>,
    /// How long a sign-in may take from its beginning, once its person acted.
    pub interaction_lifetime: Duration,
    /// How long an authorization code lives (RFC 6749 section 4.1.2 recommends at most ten minutes).
    pub authorization_code_lifetime: Duration,
    /// How long a device code and its user code live (RFC 8628 section 3.2).
    pub device_code_lifetime: Duration,
    /// How long a device waits between two polls (RFC 8628 section 3.2).
    pub device_interval: Duration,
    /// What signs JWT access tokens, unless their client says otherwise.
    pub access_token_alg: SigningAlgorithm,
    /// How long an access token lives, unless its client says otherwise.
    pub access_token_lifetime: Duration,
    /// How long an ID Token lives.
    pub id_token_lifetime: Duration,
    /// How long an unused refresh token lives, unless its client says otherwise.
    pub refresh_token_lifetime: Duration,
    /// How long a grant with offline access lives, however often it is refreshed.
    pub grant_lifetime: Duration,
    /// How long a spent refresh token gets its successor again: a retry after a lost answer, or another tab. Nothing means, as does what is
    /// longer, as long as its client's access tokens live.
    pub refresh_grace: Option<Duration>,
    /// "Last seen" is written at most this often.
    pub touch_every: Duration,
    /// A signing key this old retires.
    pub rotate_keys_every: Duration,
    /// Whether accounts are locked for a while after many wrong passwords.
    pub lockout: bool,
    /// Clients' certificates.
    pub mutual_tls: MutualTls,
    /// Which audit events are kept.
    pub audit: AuditLevel,
    /// For how long; nothing means for ever.
    pub audit_kept_for: Option<Duration>,
}

impl Settings {
    /// The defaults, for this issuer.
    pub fn new(issuer: impl Into<String>) -> Self {
        const MINUTE: Duration = Duration::from_secs(60);
        const DAY: Duration = Duration::from_secs(86_400);
        Self {
            issuer: issuer.into(),
            registration_open: false,
            stay_signed_in: StaySignedIn::Ask,
            session_idle: 8 * 60 * MINUTE,
            session_lifetime: 7 * DAY,
            pkce: PkcePolicy::PkceOrNonce,
            unattended_lifetime: 15 * MINUTE,
            interactions_per_address: Some(500),
            interaction_lifetime: 60 * MINUTE,
            authorization_code_lifetime: MINUTE,
            device_code_lifetime: 10 * MINUTE,
            device_interval: Duration::from_secs(5),
            access_token_alg: SigningAlgorithm::default(),
            access_token_lifetime: 10 * MINUTE,
            id_token_lifetime: 10 * MINUTE,
            refresh_token_lifetime: 30 * DAY,
            grant_lifetime: 180 * DAY,
            refresh_grace: None,
            touch_every: 5 * MINUTE,
            rotate_keys_every: 90 * DAY,
            lockout: true,
            mutual_tls: MutualTls::default(),
            audit: AuditLevel::Failures,
            audit_kept_for: None,
        }
    }

    /// The URL of one of the issuer's paths.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }
}

/// Whether people stay signed in when they close the browser, or leave it alone for long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaySignedIn {
    /// They do not.
    Off,
    /// Who chooses to.
    Ask,
    /// They do.
    Always,
}

/// How long clients may keep the JWK Set before they ask again; a key signs only after it was published for so long.
pub const JWK_SET_MAX_AGE: Duration = Duration::from_secs(300);

/// The longest an access token may live, whatever a client's registration says: revocations are kept that long.
pub(crate) const MAX_ACCESS_TOKEN_LIFETIME: Duration = Duration::from_secs(86_400);

/// The authentication context of a password sign-in.
pub(crate) const ACR_PASSWORD: &str = "urn:doorward:acr:password";

/// How a password sign-in is written in `amr` (RFC 8176 section 2).
pub(crate) const AMR_PASSWORD: &str = "pwd";

/// What the audit trail keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AuditLevel {
    /// Nothing.
    Off,
    /// What changes something.
    Changes,
    /// That, and what failed.
    Failures,
    /// That, and every use.
    All,
}

impl AuditLevel {
    pub(crate) fn keeps(self, class: AuditClass) -> bool {
        match class {
            AuditClass::Change => self >= Self::Changes,
            AuditClass::Failure => self >= Self::Failures,
            AuditClass::Use => self >= Self::All,
        }
    }
}

/// Whether clients' certificates reach this server, and who may vouch for them.
#[derive(Debug, Clone, Default)]
pub struct MutualTls {
    /// They do: the server asks for them itself, or a trusted proxy passes them on.
    pub offered: bool,
    /// Who vouches for the certificates of `tls_client_auth`.
    pub authorities: CertificateAuthorities,
}
