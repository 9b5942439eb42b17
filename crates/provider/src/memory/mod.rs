//! What this process holds of the installation: what changed is put right in one place, and what is held is counted.

pub(crate) mod commit;
pub(crate) mod follow;
pub(crate) mod jobs;
pub(crate) mod readings;
pub(crate) mod revocations;
