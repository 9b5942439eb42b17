//! Keeping a database well: copying, backing up, looking at it, sweeping it, bringing it to a newer schema. Knows no record's meaning.

pub(crate) mod backup;
pub mod copy;
pub mod doctor;
pub mod recovery;
pub(crate) mod sweep;
pub mod upgrade;
