//! The dialects: their shapes exactly, and the same refusals as behind our own paths.

mod keycloak;
mod machine;
mod organization;
