//! `/oauth2/..`

pub(crate) mod api_keys;
mod authorize;
mod device_authorization;
mod introspect;
mod jwks;
mod logout;
mod revoke;
mod token;
mod userinfo;
pub(crate) mod validate;
