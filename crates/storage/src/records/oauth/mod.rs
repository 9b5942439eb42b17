//! Clients, what they ask for, and what is issued to them.

pub mod access_token;
pub mod assertion_issuer;
pub mod authorization_code;
pub mod carried_request;
pub mod certificate_binding;
pub mod client;
pub mod consent;
pub mod device_code;
pub mod grant;
pub mod interaction;
pub mod refresh_token;
pub mod revocation;
pub mod spent_assertion;
