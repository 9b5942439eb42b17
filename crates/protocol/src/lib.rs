//! THE WORDS: OAuth 2.0 and OpenID Connect as types and pure checks.
//!
//! Nothing here performs I/O, reads a clock, draws randomness or awaits; nothing here imports a sibling crate.
//! A value that exists has been checked: parse once at the edge, then pass the type.

pub mod authorization;
pub mod claims;
pub mod client;
pub mod credentials;
pub mod discovery;
pub mod error;
pub mod ids;
pub mod organization;
pub mod params;
pub mod pkce;
pub mod redirect_uri;
pub mod scope;
pub mod secret_hash;
pub mod signing;
pub mod time;
pub mod user_code;

pub use authorization::{AuthorizationRequest, ClaimsRequest, DeviceRequest, Prompt, Prompts, ResponseMode};
pub use client::{AccessTokenFormat, Client, ClientAuthentication, ClientId, ConsentPolicy, GrantType};
pub use error::{ErrorCode, OAuthError};
pub use ids::{
    AccessTokenId, AuthorizationCodeId, DeviceCodeId, GrantId, InteractionId, OneTimeLinkId, OrganizationId,
    PlanId, RefreshTokenId, ServiceId, SessionId, UserId,
};
pub use organization::{Features, PlanPath, Role, ServicePath, Slug, SubscriptionStatus};
pub use params::Params;
pub use pkce::{CodeChallenge, CodeVerifier};
pub use redirect_uri::RedirectUri;
pub use scope::Scope;
pub use secret_hash::SecretHash;
pub use signing::SigningAlgorithm;
pub use time::Timestamp;
pub use user_code::{InvalidUserCode, UserCode};
