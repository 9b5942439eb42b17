//! `/oauth2/authorize`

mod hint;
mod max_age;
mod prompt;
mod request;
mod response;
