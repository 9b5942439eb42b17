//! The whole surface over a real SQLite file: what a browser and a client see. The folders mirror the URLs. Knows no internals: what
//! is read behind the router's back is read by a storage query.

#[cfg(test)]
mod house;

#[cfg(test)]
mod dialects;
#[cfg(test)]
mod oauth2;

#[cfg(test)]
mod assets;
#[cfg(test)]
mod below_a_path;
#[cfg(test)]
mod committed;
#[cfg(test)]
mod consent;
#[cfg(test)]
mod device;
#[cfg(test)]
mod health;
#[cfg(test)]
mod home;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod moved;
#[cfg(test)]
mod select_account;
#[cfg(test)]
mod setup;
#[cfg(test)]
mod sign_in;
#[cfg(test)]
mod sign_up;
#[cfg(test)]
mod well_known;

#[cfg(test)]
mod accounts;
mod administration;
#[cfg(test)]
mod any_bytes;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod audit_chain;
#[cfg(test)]
mod engines;
#[cfg(test)]
mod forms;
#[cfg(test)]
mod headers;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod organizations;
#[cfg(test)]
mod own_host;
#[cfg(test)]
mod rate_limits;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod session;
#[cfg(test)]
mod storms;
