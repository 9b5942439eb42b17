//! `/oauth2/token`

mod authorization_code;
