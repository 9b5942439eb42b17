//! What gateways ask: whether a request may pass, and who makes it.

pub(crate) mod api_keys;
pub(crate) mod resource_servers;
pub(crate) mod validate;
