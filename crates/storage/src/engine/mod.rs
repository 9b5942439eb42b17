//! The engines, what is common to them, and how one is opened. Knows drivers; no record, and nobody who asks.

pub(crate) mod clock;
pub(crate) mod job;
pub(crate) mod mysql;
pub(crate) mod network;
pub(crate) mod options;
pub mod owner;
pub(crate) mod plain;
pub(crate) mod postgres;
pub(crate) mod room;
pub(crate) mod sqlite;
pub(crate) mod stats;
pub(crate) mod upgrade;

pub use options::{Durability, NetworkOptions, Options, Schema};
