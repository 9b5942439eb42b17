//! Organizations, their services and plans, and who belongs to or subscribes to what.

pub mod membership;
pub mod organization;
pub mod plan;
pub mod service;
pub mod subscription;
