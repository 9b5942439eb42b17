//! THE WORDS: OAuth 2.0 and OpenID Connect as types and pure checks.
//!
//! Nothing here performs I/O, reads a clock, draws randomness or awaits; nothing here imports a sibling crate.
//! A value that exists has been checked: parse once at the edge, then pass the type.

pub mod assertion;
pub mod assertion_issuer;
pub mod authorization;
pub mod claims;
pub mod client;
pub mod client_authentication;
pub mod client_certificate;
pub mod credentials;
pub mod discovery;
pub mod error;
pub mod ids;

pub mod params;
pub mod pkce;
pub mod redirect_uri;
pub mod scope;
pub mod secret_hash;
pub mod signing;
pub mod time;

pub use assertion::AssertionAlgorithm;
pub use assertion_issuer::{AssertionIssuer, SubjectMapping};
pub use authorization::{AuthorizationRequest, ClaimsRequest, Prompt, Prompts, ResponseMode};
pub use client::{AccessTokenFormat, Client, ClientId, ConsentPolicy, GrantType};
pub use client_authentication::{ClientAuthentication, JwksUri, TlsSubject};
pub use client_certificate::ClientCertificate;
pub use error::{ErrorCode, OAuthError};
pub use ids::{
    AccessTokenId, AuthorizationCodeId, GrantId, InteractionId, OneTimeLinkId, RefreshTokenId, SessionId,
    UserId,
};
pub use params::Params;
pub use pkce::{CodeChallenge, CodeVerifier};
pub use redirect_uri::RedirectUri;
pub use scope::Scope;
pub use secret_hash::SecretHash;
pub use signing::SigningAlgorithm;
pub use time::Timestamp;
