//! The installation itself: its keys, its audit trail, and what it offers.

pub(crate) mod audit;
pub(crate) mod discovery;
pub(crate) mod keys;
