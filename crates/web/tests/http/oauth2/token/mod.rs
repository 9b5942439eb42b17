//! `/oauth2/token`

mod authorization_code;
mod client_assertion;
mod client_authentication;
mod client_certificate;
mod client_credentials;
mod issued;
mod jwks_uri;
mod jwt_bearer;
mod refresh_token;
mod request;
