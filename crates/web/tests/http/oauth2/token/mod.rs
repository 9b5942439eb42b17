//! `/oauth2/token`

mod authorization_code;
mod client_assertion;
mod client_authentication;
mod client_credentials;
mod issued;
mod refresh_token;
mod request;
