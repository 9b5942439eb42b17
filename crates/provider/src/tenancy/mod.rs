//! Organizations' services: who has subscribed to what.

pub(crate) mod service;
pub(crate) mod subscription;
