//! The endpoints of the RFCs: extract, ask the provider, answer.

pub(crate) mod authorize;
pub(crate) mod device_authorization;
pub(crate) mod discovery;
pub(crate) mod introspect;
pub(crate) mod logout;
pub(crate) mod revoke;
pub(crate) mod token;
pub(crate) mod userinfo;
pub(crate) mod validate;
