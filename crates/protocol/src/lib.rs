//! THE WORDS: OAuth 2.0 and OpenID Connect as types and pure checks.
//!
//! Nothing here performs I/O, reads a clock, draws randomness or awaits; nothing here imports a sibling crate.
//! A value that exists has been checked: parse once at the edge, then pass the type.

pub mod access_rule;
mod access_token;
pub mod assertion;
pub mod assertion_issuer;
pub mod audit_event;
pub mod authorization;
pub mod claims;
pub mod client;
pub mod client_authentication;
pub mod client_certificate;
mod client_uri;
pub mod credentials;
pub mod discovery;
pub mod error;
pub mod ids;
pub mod logo;
pub mod name;
pub mod organization;
pub mod params;
pub mod pkce;
pub mod quoted;
pub mod rate_limit;
pub mod redirect_uri;
pub mod request_path;
pub mod resource;
pub mod resource_server;
pub mod scope;
pub mod secret_hash;
pub mod signing;
pub mod standard_claims;
pub mod time;
pub mod token_exchange;
pub mod user_code;
pub mod version;

pub use access_rule::{AccessRule, AccessRules, Needs, NotAdmitted};
pub use access_token::{AccessTokenFormat, AccessTokenType};
pub use assertion::AssertionAlgorithm;
pub use assertion_issuer::{AssertionIssuer, SubjectMapping};
pub use audit_event::{AUDIT_EVENTS, AuditClass, AuditEvent, AuditEventKind, CheckedAt, SignInFailure};
pub use authorization::{
    AuthorizationRequest, ClaimsRequest, DeviceRequest, Prompt, Prompts, ResponseMode, ResponseType,
};
pub use client::{Client, ClientId, ConsentPolicy, GrantType};
pub use client_authentication::{ClientAuthentication, JwksUri, TlsSubject};
pub use client_certificate::{ClientCertificate, UnreadCertificate};
pub use client_uri::{ClientUri, InvalidClientUri};
pub use error::{ErrorCode, OAuthError, OperatorNote};
pub use ids::{
    AccessTokenId, ApiKeyId, AuditEventId, AuthorizationCodeId, CarriedRequestId, DeviceCodeId, GrantId,
    InteractionId, OneTimeLinkId, OrganizationId, PlanId, RefreshTokenId, ServiceId, SessionId, UserId,
};
pub use logo::Logo;
pub use name::NameProblem;
pub use organization::{Features, PlanPath, Role, ServicePath, Slug, SubscriptionStatus};
pub use params::Params;
pub use pkce::{CodeChallenge, CodeVerifier, PkcePolicy};
pub use rate_limit::RateLimit;
pub use redirect_uri::{AppScheme, RedirectUri};
pub use request_path::RequestPath;
pub use resource::ResourceIndicator;
pub use resource_server::ResourceServer;
pub use scope::Scope;
pub use secret_hash::SecretHash;
pub use signing::SigningAlgorithm;
pub use time::Timestamp;
pub use token_exchange::{ExchangePolicy, TokenTypeUri};
pub use user_code::{InvalidUserCode, UserCode};
pub use version::Version;
