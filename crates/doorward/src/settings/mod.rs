//! What an operator decides: read once at the start from flags, environment and a TOML file, each setting defined once in `table`.
//! Knows where values come from and whether they make sense; applies none of them.

mod flags;
mod issuer;
#[cfg(test)]
mod reference;
mod report;
mod setting;
mod sources;
mod spelling;
mod table;
#[cfg(test)]
mod tests;
mod value;
mod warnings;

use crate::backups::Place;
use crate::fetch::Allowed;
use crate::telemetry::Receiving;
use crate::verifiers::WorkerUrls;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use protocol::{PkcePolicy, SigningAlgorithm};
use provider::{AuditLevel, StaySignedIn};
use secrecy::SecretString;
use storage::Database;
use web::server::{CertificateHeader, ForwardingHeader, TrustedProxies};

pub(crate) use flags::SettingFlags;
pub(crate) use issuer::Issuer;
pub(crate) use sources::{Resolved, SettingsError};
pub(crate) use value::{address, lifetime, seconds};

/// Every setting, typed. What `table` says about each is not repeated here.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) listen_reuse_port: bool,
    /// As it was set; [`Settings::issuer`] is what counts.
    pub(crate) issuer: Option<Issuer>,
    pub(crate) data: PathBuf,
    /// As it was set; [`Settings::database`] is what counts.
    pub(crate) database: Option<Database>,
    pub(crate) database_password_file: Option<PathBuf>,
    pub(crate) master_key: Option<SecretString>,
    /// As it was set; [`Settings::master_key_file`] is what counts.
    pub(crate) master_key_file: Option<PathBuf>,
    pub(crate) tls: TlsSettings,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) forwarding_header: ForwardingHeader,
    pub(crate) outgoing: OutgoingSettings,
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// A poll that takes longer blocked its thread; zero watches none.
    pub(crate) stall_after: Duration,
    pub(crate) registration: Registration,
    pub(crate) authorization: AuthorizationSettings,
    pub(crate) session: SessionSettings,
    pub(crate) tokens: TokenSettings,
    pub(crate) devices: DeviceSettings,
    pub(crate) keys: KeySettings,
    pub(crate) passwords: PasswordSettings,
    pub(crate) worker: WorkerSettings,
    pub(crate) limits: LimitSettings,
    pub(crate) max_connections: usize,
    /// `None` is no limit.
    pub(crate) max_connections_per_address: Option<u32>,
    pub(crate) drain_delay: Duration,
    pub(crate) drain_grace: Duration,
    pub(crate) drain_timeout: Duration,
    pub(crate) sqlite: SqliteSettings,
    pub(crate) backup: BackupSettings,
    pub(crate) audit: AuditSettings,
    pub(crate) log: LogSettings,
    pub(crate) traces: TraceSettings,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct TlsSettings {
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    /// Whether clients are asked for theirs.
    pub(crate) client_certificates: bool,
    pub(crate) client_ca: Option<PathBuf>,
    pub(crate) client_certificate_header: Option<CertificateHeader>,
}

/// What this server fetches on others' word.
#[derive(Clone, Debug, Default)]
pub(crate) struct OutgoingSettings {
    pub(crate) allow: Allowed,
    pub(crate) ca_file: Option<PathBuf>,
}

impl TlsSettings {
    /// Certificate and key, when the server is to speak TLS itself.
    pub(crate) fn files(&self) -> Option<(&PathBuf, &PathBuf)> {
        self.certificate.as_ref().zip(self.key.as_ref())
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Registration {
    Open,
    #[default]
    Closed,
}

/// What authorization requests must carry.
#[derive(Clone, Debug)]
pub(crate) struct AuthorizationSettings {
    pub(crate) pkce: PkcePolicy,
    /// How long a sign-in waits for its person.
    pub(crate) unattended: Duration,
}

#[derive(Clone, Debug)]
pub(crate) struct SessionSettings {
    pub(crate) idle: Duration,
    pub(crate) absolute: Duration,
    pub(crate) stay_signed_in: StaySignedIn,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self { idle: Duration::ZERO, absolute: Duration::ZERO, stay_signed_in: StaySignedIn::Off }
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct TokenSettings {
    pub(crate) access_token_alg: SigningAlgorithm,
    pub(crate) access_lifetime: Duration,
    pub(crate) refresh_lifetime: Duration,
    pub(crate) grant_lifetime: Duration,
    pub(crate) refresh_grace: Option<Duration>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct DeviceSettings {
    pub(crate) code_lifetime: Duration,
    pub(crate) interval: Duration,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct KeySettings {
    pub(crate) rotate_every: Duration,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct PasswordSettings {
    pub(crate) memory_kib: u32,
    pub(crate) iterations: u32,
    pub(crate) parallelism: u32,
    /// `None` is one for each core.
    pub(crate) threads: Option<usize>,
    pub(crate) max_wait: Duration,
    pub(crate) overload_wait: Duration,
    /// Who else checks passwords.
    pub(crate) workers: WorkerUrls,
}

/// Between a server and its workers.
#[derive(Clone, Debug, Default)]
pub(crate) struct WorkerSettings {
    pub(crate) secret_file: Option<PathBuf>,
    pub(crate) secret: Option<SecretString>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) allow_plain: bool,
    pub(crate) timeout: Duration,
}

#[derive(Clone, Debug)]
pub(crate) struct LimitSettings {
    pub(crate) enabled: bool,
    pub(crate) requests_per_second: NonZeroU32,
    pub(crate) sign_ins_per_minute: NonZeroU32,
    /// Begun and not acted on; zero is no limit.
    pub(crate) open_interactions: u32,
    pub(crate) lockout: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct SqliteSettings {
    /// `None` depends on how the server was started.
    pub(crate) lock_wait: Option<Duration>,
    /// This and the rest: bytes.
    pub(crate) writer_cache: u64,
    pub(crate) reader_cache: u64,
    pub(crate) mmap: u64,
    pub(crate) wal_soft_limit: u64,
    pub(crate) wal_hard_limit: u64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct BackupSettings {
    /// Nowhere, unless it is set.
    pub(crate) to: Option<Place>,
    pub(crate) every: Duration,
    pub(crate) base_every: Duration,
    pub(crate) keep: Duration,
    pub(crate) drill_every: Duration,
}

#[derive(Clone, Debug)]
pub(crate) struct AuditSettings {
    pub(crate) events: AuditLevel,
    /// Zero is for ever.
    pub(crate) keep: Duration,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct LogSettings {
    /// In the syntax of `tracing_subscriber::EnvFilter`, checked.
    pub(crate) filter: String,
    pub(crate) format: LogFormat,
    /// Lines that one place in the program may write in a second; zero is no limit.
    pub(crate) repeats: u32,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct TraceSettings {
    /// Nowhere, unless it is set.
    pub(crate) to: Option<Receiving>,
    /// From 0 to 1.
    pub(crate) share: f64,
    pub(crate) parents: TraceParents,
}

/// Whose `traceparent` is believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum TraceParents {
    #[default]
    Proxies,
    Anyone,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
}

impl Settings {
    /// The issuer. `bound` is the address that is really listened on, which decides when no issuer is set.
    pub(crate) fn issuer(&self, bound: SocketAddr) -> Issuer {
        let derived = || Issuer::on_this_machine(self.tls.files().is_some(), bound.port());
        self.issuer.clone().unwrap_or_else(derived)
    }

    /// The database.
    pub(crate) fn database(&self) -> Database {
        self.database.clone().unwrap_or_else(|| Database::Sqlite(self.data.join("doorward.db")))
    }

    /// The database as it is opened: with the password of `database_password_file`.
    ///
    /// # Errors
    /// When that file cannot be read.
    pub(crate) fn database_to_open(&self) -> anyhow::Result<Database> {
        let Some(file) = self.database_password_file.as_ref().filter(|_| self.database().server().is_some())
        else {
            return Ok(self.database());
        };
        let password = std::fs::read_to_string(file)
            .with_context(|| format!("database_password_file {} cannot be read", file.display()))?;
        Ok(self.database().with_password(password.trim_end_matches(['\r', '\n'])))
    }

    /// Where the master key is kept when it is not handed in.
    pub(crate) fn master_key_file(&self) -> PathBuf {
        self.master_key_file.clone().unwrap_or_else(|| self.data.join("master.key"))
    }

    /// What is wrong only when settings are seen together, as (the setting, what is expected).
    fn contradictions(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        let mut expect = |holds: bool, key, expected: &str| {
            if !holds {
                found.push((key, expected.to_owned()));
            }
        };
        let (certificate, key) = (self.tls.certificate.is_some(), self.tls.key.is_some());
        expect(!key || certificate, "tls.certificate", "a file, because tls.key is set");
        expect(!certificate || key, "tls.key", "a file, because tls.certificate is set");
        let asks = self.tls.client_certificates;
        expect(!asks || certificate, "tls.certificate", "a file, because tls.client_certificates is on");
        let (header, proxies) = (&self.tls.client_certificate_header, &self.trusted_proxies);
        let believed = header.is_none() || *proxies != TrustedProxies::default();
        expect(believed, "trusted_proxies", "whom to believe tls.client_certificate_header");
        expect(
            self.backup.to.is_none() || self.database().file().is_some(),
            "backup.to",
            "nothing, because the database is on a server: it is backed up with the server's own tools",
        );
        expect(self.session.idle <= self.session.absolute, "session.idle", "at most session.absolute");
        expect(
            self.tokens.access_lifetime <= self.tokens.grant_lifetime,
            "tokens.access_lifetime",
            "at most tokens.grant_lifetime",
        );
        expect(
            self.tokens.refresh_grace.is_none_or(|grace| grace <= self.tokens.access_lifetime),
            "tokens.refresh_grace",
            "at most tokens.access_lifetime",
        );
        expect(
            self.metrics_listen.is_none_or(|metrics| metrics.port() == 0 || metrics != self.listen),
            "metrics_listen",
            "another address than listen",
        );
        expect(
            self.worker.allow_plain || !self.passwords.workers.any_plain(),
            "passwords.workers",
            "https URLs, because worker.allow_plain is off",
        );
        expect(
            self.sqlite.wal_soft_limit < self.sqlite.wal_hard_limit,
            "sqlite.wal_soft_limit",
            "less than sqlite.wal_hard_limit",
        );
        if let Err(error) = self.passwords.params().validate() {
            found.push(("passwords.memory", format!("parameters Argon2 can compute ({error})")));
        }
        found
    }

    /// Before any value is set. Every setting that is not optional has a default in `table`, which a test makes sure of.
    fn blank() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            listen_reuse_port: false,
            issuer: None,
            data: PathBuf::new(),
            database: None,
            database_password_file: None,
            master_key: None,
            master_key_file: None,
            tls: TlsSettings::default(),
            trusted_proxies: TrustedProxies::default(),
            forwarding_header: ForwardingHeader::default(),
            outgoing: OutgoingSettings::default(),
            metrics_listen: None,
            stall_after: Duration::ZERO,
            registration: Registration::default(),
            authorization: AuthorizationSettings { pkce: PkcePolicy::Required, unattended: Duration::ZERO },
            session: SessionSettings::default(),
            tokens: TokenSettings::default(),
            devices: DeviceSettings::default(),
            keys: KeySettings::default(),
            passwords: PasswordSettings::default(),
            worker: WorkerSettings::default(),
            limits: LimitSettings {
                enabled: true,
                requests_per_second: NonZeroU32::MIN,
                sign_ins_per_minute: NonZeroU32::MIN,
                open_interactions: 0,
                lockout: true,
            },
            max_connections: 1,
            max_connections_per_address: None,
            drain_delay: Duration::ZERO,
            drain_grace: Duration::ZERO,
            drain_timeout: Duration::ZERO,
            sqlite: SqliteSettings::default(),
            backup: BackupSettings::default(),
            audit: AuditSettings { events: AuditLevel::Off, keep: Duration::ZERO },
            log: LogSettings::default(),
            traces: TraceSettings::default(),
        }
    }
}

impl LimitSettings {
    /// How many sign-ins that nobody acted on one network may have open, if that is bounded.
    pub(crate) fn interactions(&self) -> Option<u32> {
        Some(self.open_interactions).filter(|most| self.enabled && *most > 0)
    }
}

impl PasswordSettings {
    /// What a new hash costs.
    pub(crate) fn params(&self) -> passwords::Argon2Params {
        passwords::Argon2Params {
            memory_kib: self.memory_kib,
            iterations: self.iterations,
            parallelism: self.parallelism,
        }
    }
}
