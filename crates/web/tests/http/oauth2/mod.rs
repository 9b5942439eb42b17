//! `/oauth2/..`

mod authorize;
mod device_authorization;
mod introspect;
mod jwks;
mod logout;
mod revoke;
mod token;
mod userinfo;
