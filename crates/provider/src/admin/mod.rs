//! Administration: users, clients, organizations, service accounts and resource servers, as an operator changes them. Knows neither the
//! command line nor a terminal.

mod assertion_issuer;
mod client;
mod client_proof;
mod grant;
mod issuer;
mod member;
mod organization;
mod plan;
mod resource_server;
mod service;
mod service_account;
mod subscription;
mod user;
mod user_details;

pub use crate::error::AdminError;
pub use client::{ClientCreated, KnownSecret, NewClient};
pub use grant::{GrantPage, GrantsOf};
pub use organization::OrganizationChange;
pub use plan::PlanChange;
pub use service_account::{ApiKeyCreated, NewApiKey, NewServiceAccount};
pub use subscription::NewSubscription;
pub use user::{NewUser, UserChange, UserPassword};
pub use user_details::UserDetails;

/// How often something that somebody else changes at the same time is looked at again, when what is asked holds whatever they did.
const TRIES: usize = 8;

/// What people read.
fn check_name(name: &str) -> Result<(), AdminError> {
    if name.trim().is_empty() || name.len() > 255 {
        return Err(AdminError::Invalid("name: 1 to 255 bytes are expected".into()));
    }
    Ok(())
}
