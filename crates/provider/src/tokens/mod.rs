//! Tokens: what they are issued for, what they say, what they are worth, and how they end.

pub(crate) mod access_token;
pub(crate) mod audience;
pub(crate) mod credential;
pub(crate) mod grants;
pub(crate) mod introspect;
pub(crate) mod issue;
pub(crate) mod revoke;
pub(crate) mod scope;
pub(crate) mod userinfo;
