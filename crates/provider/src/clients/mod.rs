//! Clients: which are registered, how they prove who they are, and how often they may ask.

pub(crate) mod assertion;
pub(crate) mod authentication;
pub(crate) mod budgets;
pub(crate) mod certificate;
pub(crate) mod registered;
pub(crate) mod request;
pub(crate) mod trusted_keys;
