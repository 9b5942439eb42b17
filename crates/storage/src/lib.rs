//! THE STATE: records, commands and queries over several engines under one contract.
//!
//! Every change is a [`Command`], every read a [`Query`], and a [`Store`] is where both go. Nothing here knows who asks (no HTTP, no
//! protocol decisions), and nothing outside `engine/` knows an engine except the enums that list the engines, and how their rows are read.
//!
//! Floors, from top to bottom: `measure`, `records`, `upkeep`, `nodes`, `engine`, `archive`, `contract`, `schema`. A file imports its own floor
//! and those below it, by their own names. Callers name a subject by itself: `storage::session`, `storage::upgrade`.

pub mod archive;
pub mod contract;
mod engine;
pub mod measure;
pub mod nodes;
mod records;
mod schema;
mod upkeep;

pub use archive::{BackupError, BackupReport, Seal, SealFailure, Sealer};
pub use contract::database::{Database, Server, Tls, TlsMode};
pub use contract::row::{Row, Rows};
pub use contract::together::Together;
pub use contract::value::{FromValue, Value, ValueRef};
pub use contract::{
    Access, Announcing, AnnouncingSteps, Applied, Change, Command, Expect, OpenError, Query, Statement, Step,
    Steps, StorageError, plans,
};
pub use engine::stats::{READS_PER_SAMPLE, Stats};
pub use engine::{Durability, NetworkOptions, Options, Schema, owner};
pub use nodes::{Feed, NewNode, News, Opened, Store, Written};
pub use upkeep::backup::{backup, check_seal, restore};
pub use upkeep::sweep::SweepReport;
pub use upkeep::{copy, doctor, recovery, upgrade};

// Records, each with its queries and commands.
pub use records::gateway::{api_key, resource_server};
pub use records::installation;
pub use records::installation::{audit, server_secret, signing_key};
pub use records::oauth::{
    access_token, assertion_issuer, authorization_code, carried_request, certificate_binding, client,
    consent, device_code, grant, interaction, refresh_token, revocation, spent_assertion,
};
pub use records::people::{given_subject, name_skeleton, one_time_link, session, user};
pub use records::tenancy::{membership, organization, plan, service, subscription};
