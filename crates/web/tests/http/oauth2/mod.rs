//! `/oauth2/..`

mod authorize;
mod introspect;
mod jwks;
mod logout;
mod revoke;
mod token;
mod userinfo;
