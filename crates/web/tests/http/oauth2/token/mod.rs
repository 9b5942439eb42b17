//! `/oauth2/token`

mod authorization_code;
mod client_authentication;
mod issued;
mod refresh_token;
mod request;
