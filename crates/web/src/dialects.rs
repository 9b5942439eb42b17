//! The dialects that people's clients speak already: the same decisions under other paths and in other words. A dialect has no rule of its
//! own; what it cannot say with ours, it refuses.

pub(crate) mod keycloak;
pub(crate) mod machine;
pub(crate) mod organization;
