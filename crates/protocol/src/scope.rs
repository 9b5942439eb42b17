//! Scope: a set of tokens (RFC 6749 section 3.3). Knows no meaning of any token but the OpenID Connect ones it names.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// A set of scope tokens, written space-separated in alphabetical order, so that equal sets are equal texts.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope(BTreeSet<String>);

/// A scope value with a character RFC 6749 section 3.3 does not allow, or too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("scope: space-separated tokens of printable ASCII without quotes and backslashes are expected")]
pub struct InvalidScope;

impl Scope {
    /// Asks for an ID Token (OpenID Connect Core section 3.1.2.1).
    pub const OPENID: &'static str = "openid";
    /// Asks for a grant that outlives the session (OpenID Connect Core section 11).
    pub const OFFLINE_ACCESS: &'static str = "offline_access";
    /// The scope tokens with a meaning of their own (OpenID Connect Core section 5.4).
    pub const STANDARD: [&'static str; 6] =
        ["openid", "profile", "email", "address", "phone", "offline_access"];

    const MAX_BYTES: usize = 2_048;

    /// Parses a `scope` parameter; repeated tokens count once, order is ignored.
    ///
    /// # Errors
    /// When a token holds a character outside `%x21 / %x23-5B / %x5D-7E`.
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        if text.len() > Self::MAX_BYTES || !text.bytes().all(|b| b == b' ' || is_scope_byte(b)) {
            return Err(InvalidScope);
        }
        Ok(Self(text.split(' ').filter(|token| !token.is_empty()).map(str::to_owned).collect()))
    }

    /// The tokens in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether no token is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `token` is in the set.
    pub fn contains(&self, token: &str) -> bool {
        self.0.contains(token)
    }

    /// Whether every token of `other` is in this set.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.is_subset(&self.0)
    }

    /// The tokens in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// The tokens in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// The set without `token`.
    #[must_use]
    pub fn without(&self, token: &str) -> Self {
        Self(self.0.iter().filter(|kept| *kept != token).cloned().collect())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, token) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(token)?;
        }
        Ok(())
    }
}

impl TryFrom<String> for Scope {
    type Error = InvalidScope;
    fn try_from(text: String) -> Result<Self, InvalidScope> {
        Self::parse(&text)
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

impl std::str::FromStr for Scope {
    type Err = InvalidScope;
    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        Self::parse(text)
    }
}

// RFC 6749 section 3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
fn is_scope_byte(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6749_3_3_order_and_repetition_do_not_matter() {
        let scope = Scope::parse("profile openid  profile").unwrap();
        assert_eq!(scope.to_string(), "openid profile");
        assert_eq!(scope, Scope::parse("openid profile").unwrap());
        assert!(Scope::parse("").unwrap().is_empty());
    }

    #[test]
    fn rfc6749_3_3_characters_outside_the_grammar_are_refused() {
        for bad in ["a\"b", "a\\b", "ä", "a\tb", "a\nb", "\u{7f}"] {
            assert_eq!(Scope::parse(bad), Err(InvalidScope), "{bad:?}");
        }
        assert_eq!(Scope::parse(&"a".repeat(3_000)), Err(InvalidScope));
    }

    #[test]
    fn sets_behave_as_sets() {
        let all = Scope::parse("openid email profile").unwrap();
        let some = Scope::parse("email openid").unwrap();
        assert!(all.covers(&some) && !some.covers(&all));
        assert_eq!(all.intersection(&Scope::parse("email phone").unwrap()).to_string(), "email");
        assert_eq!(some.union(&Scope::parse("phone").unwrap()).to_string(), "email openid phone");
        assert_eq!(all.without("email").to_string(), "openid profile");
    }
}
