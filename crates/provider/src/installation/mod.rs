//! The installation itself: its keys, its audit trail, what it offers, and its first owner.

pub(crate) mod audit;
pub(crate) mod discovery;
pub(crate) mod keys;
pub(crate) mod setup;
