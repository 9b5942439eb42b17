//! What gateways ask about: API keys, and the resource servers that may ask.

pub mod api_key;
pub mod resource_server;
