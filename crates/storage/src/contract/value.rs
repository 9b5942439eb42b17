//! The five kinds of value that cross the contract. Booleans are 0 and 1, times are epoch milliseconds, ids are 16 bytes.

use crate::contract::StorageError;
use protocol::CarriedRequestId;
use protocol::{
    AccessTokenId, ApiKeyId, AuditEventId, AuthorizationCodeId, ClientId, DeviceCodeId, GrantId,
    InteractionId, OneTimeLinkId, OrganizationId, PlanId, RefreshTokenId, Role, Scope, SecretHash, ServiceId,
    SessionId, Slug, SubscriptionStatus, Timestamp, UserId, Version,
};

/// A parameter of a statement. Its `Debug` shows kinds and lengths, never content: content may be a hash or a name.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// A 64-bit integer.
    Int(i64),
    /// UTF-8 text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Int(_) => f.write_str("Int"),
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
        }
    }
}

/// A column of a row, borrowed from the engine.
#[derive(Clone, Copy)]
pub enum ValueRef<'a> {
    /// SQL NULL.
    Null,
    /// A 64-bit integer.
    Int(i64),
    /// UTF-8 text.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
}

/// A type that a column can be read as.
pub trait FromValue: Sized {
    /// Reads the column.
    ///
    /// # Errors
    /// When the column holds another kind of value.
    fn from_value(value: ValueRef<'_>) -> Result<Self, StorageError>;
}

/// The parameters of a statement: `params![id, at, None::<String>]`.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { vec![$($crate::contract::value::Value::from($value)),*] };
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Int(value.millis())
    }
}

impl From<SecretHash> for Value {
    fn from(value: SecretHash) -> Self {
        Self::Bytes(value.as_bytes().to_vec())
    }
}

impl From<&ClientId> for Value {
    fn from(value: &ClientId) -> Self {
        Self::Text(value.as_str().to_owned())
    }
}

impl From<&Scope> for Value {
    fn from(value: &Scope) -> Self {
        Self::Text(value.to_string())
    }
}

fn unexpected(wanted: &'static str, found: ValueRef<'_>) -> StorageError {
    let found = match found {
        ValueRef::Null => "NULL",
        ValueRef::Int(_) => "an integer",
        ValueRef::Text(_) => "text",
        ValueRef::Bytes(_) => "bytes",
    };
    StorageError::Corrupt(format!("a column holds {found} where {wanted} is expected"))
}

impl FromValue for i64 {
    fn from_value(value: ValueRef<'_>) -> Result<Self, StorageError> {
        match value {
            ValueRef::Int(int) => Ok(int),
            other => Err(unexpected("an integer", other)),
        }
    }
}

impl FromValue for u32 {
    fn from_value(value: ValueRef<'_>) -> Result<Self, StorageError> {
        Self::try_from(i64::from_value(value)?).map_err(|_| unexpected("a small count", value))
    }
}

impl FromValue for bool {
    fn from_value(value: ValueRef<'_>) -> Result<Self, StorageError> {
        Ok(i64::from_value(value)? != 0)
    }
}

impl FromValue for String {
    fn from_value(value: ValueRef<'_>) -> Result<Self, StorageError> {
        match value {
            ValueRef::Text(text) => Ok(text.to_owned()),
            other => Err(unexpected("text", other)),
        }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: ValueRef<'_>) -> Result<Self, StorageError> {
        match value {
            ValueRef::Bytes(bytes) => Ok(bytes.to_vec()),
            other => Err(unexpected("bytes", other)),
        }
    }
}

impl<const N: usize> FromValue for [u8; N] {
    fn from_value(value: ValueRef<'_>) -> Result<Self, StorageError> {
        match value {
            ValueRef::Bytes(bytes) => {
                bytes.try_into().map_err(|_| unexpected("bytes of another length", value))
            }
            other => Err(unexpected("bytes", other)),
        }
    }
}

impl FromValue for Value {
    fn from_value(value: ValueRef<'_>) -> Result<Self, StorageError> {
        Ok(match value {
            ValueRef::Null => Self::Null,
            ValueRef::Int(int) => Self::Int(int),
            ValueRef::Text(text) => Self::Text(text.to_owned()),
            ValueRef::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
        })
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: ValueRef<'_>) -> Result<Self, StorageError> {
        match value {
            ValueRef::Null => Ok(None),
            other => T::from_value(other).map(Some),
        }
    }
}

impl FromValue for Timestamp {
    fn from_value(value: ValueRef<'_>) -> Result<Self, StorageError> {
        i64::from_value(value).map(Self::from_millis)
    }
}

impl From<Version> for Value {
    fn from(value: Version) -> Self {
        Self::Int(value.count())
    }
}

impl FromValue for Version {
    fn from_value(value: ValueRef<'_>) -> Result<Self, StorageError> {
        i64::from_value(value).map(Self::from_count)
    }
}

impl FromValue for SecretHash {
    fn from_value(value: ValueRef<'_>) -> Result<Self, StorageError> {
        <[u8; 32]>::from_value(value).map(Self::from_bytes)
    }
}

impl FromValue for ClientId {
    fn from_value(value: ValueRef<'_>) -> Result<Self, StorageError> {
        Self::parse(&String::from_value(value)?).map_err(|error| StorageError::Corrupt(error.to_string()))
    }
}

impl FromValue for Scope {
    fn from_value(value: ValueRef<'_>) -> Result<Self, StorageError> {
        Self::parse(&String::from_value(value)?).map_err(|error| StorageError::Corrupt(error.to_string()))
    }
}

impl From<&Slug> for Value {
    fn from(value: &Slug) -> Self {
        Self::Text(value.as_str().to_owned())
    }
}

impl FromValue for Slug {
    fn from_value(value: ValueRef<'_>) -> Result<Self, StorageError> {
        Self::parse(&String::from_value(value)?).map_err(|error| StorageError::Corrupt(error.to_string()))
    }
}

macro_rules! word_values {
    ($($word:ident),+ $(,)?) => {$(
        impl From<$word> for Value {
            fn from(value: $word) -> Self {
                Self::Text(value.as_str().to_owned())
            }
        }

        impl FromValue for $word {
            fn from_value(value: ValueRef<'_>) -> Result<Self, StorageError> {
                let text = String::from_value(value)?;
                Self::parse(&text).ok_or_else(|| StorageError::Corrupt(format!("{} {text}", stringify!($word))))
            }
        }
    )+};
}

word_values!(Role, SubscriptionStatus);

macro_rules! id_values {
    ($($id:ident),+ $(,)?) => {$(
        impl From<$id> for Value {
            fn from(value: $id) -> Self {
                Self::Bytes(value.as_bytes().to_vec())
            }
        }

        impl FromValue for $id {
            fn from_value(value: ValueRef<'_>) -> Result<Self, StorageError> {
                <[u8; 16]>::from_value(value).map(Self::from_bytes)
            }
        }
    )+};
}

id_values!(
    AccessTokenId,
    ApiKeyId,
    AuditEventId,
    AuthorizationCodeId,
    DeviceCodeId,
    GrantId,
    InteractionId,
    CarriedRequestId,
    OneTimeLinkId,
    OrganizationId,
    PlanId,
    RefreshTokenId,
    ServiceId,
    SessionId,
    UserId,
);

/// A value stored as JSON text.
pub struct Json<T>(pub T);

impl<T: serde::Serialize> From<Json<T>> for Value {
    /// What cannot be written becomes NULL, which every JSON column refuses.
    fn from(value: Json<T>) -> Self {
        serde_json::to_string(&value.0).map_or(Self::Null, Self::Text)
    }
}

impl<T: serde::de::DeserializeOwned> FromValue for Json<T> {
    fn from_value(value: ValueRef<'_>) -> Result<Self, StorageError> {
        match value {
            ValueRef::Text(text) => serde_json::from_str(text)
                .map(Self)
                .map_err(|error| StorageError::Corrupt(format!("JSON column: {error}"))),
            other => Err(unexpected("JSON text", other)),
        }
    }
}
