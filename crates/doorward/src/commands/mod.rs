//! One file per command: what it takes, what it prints. What is done to users, clients, resource servers and keys goes through `administer`.

pub(crate) mod administer;
pub(crate) mod api_key;
pub(crate) mod backup;
pub(crate) mod bench;
mod bench_machines;
mod bench_requests;
mod bench_server;
mod bench_store;
pub(crate) mod client;
mod client_options;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod healthcheck;
pub(crate) mod keys;
pub(crate) mod member;
pub(crate) mod organization;
pub(crate) mod passwords;
pub(crate) mod plan;
pub(crate) mod resource_server;
pub(crate) mod service;
pub(crate) mod service_account;
pub(crate) mod shown;
pub(crate) mod store;
mod store_progress;
pub(crate) mod subscription;
pub(crate) mod upgrade;
pub(crate) mod user;
