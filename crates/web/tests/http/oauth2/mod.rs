//! `/oauth2/..`

mod token;
