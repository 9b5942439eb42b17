//! The whole surface over a real SQLite file: what a browser and a client see. The folders mirror the URLs. Knows no internals: what
//! is read behind the router's back is read by a storage query.

mod house;
mod oauth2;
