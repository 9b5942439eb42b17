//! People at their browsers: who they are, how a wrong guess counts, where they are signed in, and how they sign out.

pub(crate) mod accounts;
pub(crate) mod failures;
pub(crate) mod imports;
pub(crate) mod known_device;
pub(crate) mod logout;
pub(crate) mod names;
pub(crate) mod session;
pub(crate) mod setup;
