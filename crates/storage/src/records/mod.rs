//! What is kept, by subject: each record with its queries and commands. Knows tables and what must hold between them; not who asks.

pub(crate) mod gateway;
pub mod installation;
pub(crate) mod oauth;
pub(crate) mod people;
pub(crate) mod tenancy;
