//! `/oauth2/token`

mod authorization_code;
mod client_assertion;
mod client_authentication;
mod client_certificate;
mod client_credentials;
mod device_code;
mod issued;
mod jwks_uri;
mod jwt_bearer;
mod one_time;
mod rate_limit;
mod refresh_token;
mod request;
mod resource;
mod scope;
mod token_exchange;
