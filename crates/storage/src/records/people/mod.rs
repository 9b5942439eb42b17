//! People: who they are, what they may do next, and where they are signed in.

pub mod given_subject;
pub mod name_skeleton;
pub mod one_time_link;
pub mod session;
pub mod user;
mod user_changes;
