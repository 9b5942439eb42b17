//! Which version of something stored was looked at, so that a change of it says what it was made from. Knows no record.

use serde::{Deserialize, Serialize};

/// How often something was changed: 0 when it is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(i64);

impl Version {
    /// As it is stored.
    pub const fn from_count(count: i64) -> Self {
        Self(count)
    }

    /// How it is stored.
    pub const fn count(self) -> i64 {
        self.0
    }
}
