//! THE STATE: records, commands and queries over several engines under one contract.
//!
//! Every change is a [`Command`], every read a [`Query`], and a [`Store`] is where both go. Nothing here knows who asks (no HTTP, no
//! protocol decisions), and nothing outside `sqlite/`, `postgres/` and `mysql/` knows an engine except the enums that list the engines.

pub mod archive;
pub mod backup;
mod clock;
pub mod contract;
pub mod copy;
pub mod database;
mod dialect;
pub mod doctor;
pub mod error;
mod job;
pub mod measure;
mod migrate;
mod mysql;
mod network;
pub mod nodes;
pub mod options;
pub mod owner;
pub mod plans;
mod postgres;
mod room;
pub mod row;
pub mod seal;
mod sqlite;
pub mod stats;
pub mod store;
pub mod sweep;
mod tables;
pub mod together;
pub mod upgrade;
pub mod value;

pub use backup::{BackupError, BackupReport, backup, check_seal, restore};
pub use contract::{
    Access, Announcing, AnnouncingSteps, Applied, Command, Expect, Query, Statement, Step, Steps,
};
pub use database::{Database, Server, Tls, TlsMode};
pub use error::StorageError;
pub use nodes::{Change, Feed, NewNode, News};
pub use options::{Durability, NetworkOptions, OpenError, Options, Schema};
pub use row::{Row, Rows};
pub use seal::{Seal, SealFailure, Sealer};
pub use stats::{READS_PER_SAMPLE, Stats};
pub use store::{Opened, Store, Written};
pub use sweep::SweepReport;
pub use together::Together;
pub use value::{FromValue, Value, ValueRef};

// Records, each with its queries and commands.
pub mod access_token;
pub mod api_key;
pub mod assertion_issuer;
pub mod audit;
pub mod authorization_code;
pub mod carried_request;
pub mod certificate_binding;
pub mod client;
pub mod consent;
pub mod device_code;
pub mod given_subject;
pub mod grant;
pub mod installation;
pub mod interaction;
pub mod membership;
pub mod name_skeleton;
pub mod one_time_link;
pub mod organization;
pub mod plan;
pub mod refresh_token;
pub mod resource_server;
pub mod revocation;
pub mod server_secret;
pub mod service;
pub mod session;
pub mod signing_key;
pub mod spent_assertion;
pub mod subscription;
pub mod user;
mod user_changes;
