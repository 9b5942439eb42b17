//! The whole surface over a real SQLite file: what a browser and a client see. The folders mirror the URLs. Knows no internals: what
//! is read behind the router's back is read by a storage query.

mod house;

mod oauth2;

mod assets;
mod consent;
mod health;
mod home;
mod select_account;
mod setup;
mod sign_in;
mod sign_up;
mod well_known;

mod administration;
mod any_bytes;
mod headers;
mod rate_limits;
mod session;
mod storms;
