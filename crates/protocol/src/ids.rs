//! Typed identifiers of rows: 16 bytes, time-ordered (UUIDv7), made from one list.
//!
//! An id knows how it is written (hyphenated UUID) and when it was made; it does not know which table it keys,
//! and it draws no randomness: the ten random bytes are an argument.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What [`FromStr`] of an id answers when the text is not a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier: a UUID is expected")]
pub struct InvalidId;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(uuid::Uuid);

        impl $name {
            /// A new id: UUIDv7 of `at` and ten random bytes (RFC 9562 section 5.7).
            pub fn new(at: Timestamp, random: [u8; 10]) -> Self {
                Self(time_ordered(at, random))
            }

            /// The 16 bytes as stored.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// From the 16 bytes as stored.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(uuid::Uuid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.as_hyphenated(), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0.as_hyphenated())
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                uuid::Uuid::try_parse(text).map(Self).map_err(|_| InvalidId)
            }
        }
    )+};
}

ids! {
    /// A person's account; written out, it is the `sub` a client sees.
    UserId,
    /// One browser's sign-in; written out, it is the `sid` claim.
    SessionId,
    /// A sign-in under way: the stored authorization request and how far the person has come.
    InteractionId,
    /// The selector of a request that is carried from a form to the GET that follows.
    CarriedRequestId,
    /// What a user allowed a client once; parent of its tokens.
    GrantId,
    /// The selector of an authorization code.
    AuthorizationCodeId,
    /// The selector of a refresh token.
    RefreshTokenId,
    /// The selector of a device code.
    DeviceCodeId,
    /// The `jti` of an access token, and the selector of an opaque one.
    AccessTokenId,
    /// The selector of an API key.
    ApiKeyId,
    /// The selector of a link that works once (creating the first platform owner).
    OneTimeLinkId,
    /// An organization.
    OrganizationId,
    /// A service of an organization: a product, and the clients that belong to it.
    ServiceId,
    /// A service's plan.
    PlanId,
    /// An audit event; its last eight bytes are its request's.
    AuditEventId,
}

fn time_ordered(at: Timestamp, random: [u8; 10]) -> uuid::Uuid {
    uuid::Builder::from_unix_timestamp_millis(at.millis().max(0).unsigned_abs(), &random).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_survive_text_and_bytes() {
        let early = UserId::new(Timestamp::from_millis(1_000), [255; 10]);
        let late = UserId::new(Timestamp::from_millis(1_001), [0; 10]);
        assert!(early < late && early.as_bytes() < late.as_bytes());
        assert_eq!(early.to_string().parse::<UserId>(), Ok(early));
        assert_eq!(UserId::from_bytes(*early.as_bytes()), early);
        assert_eq!("nonsense".parse::<UserId>(), Err(InvalidId));
    }
}
