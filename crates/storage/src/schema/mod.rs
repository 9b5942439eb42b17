//! The schema: which tables there are, how an engine spells them, and the migrations that make them.

pub(crate) mod dialect;
pub(crate) mod migrate;
pub(crate) mod tables;
