//! Organizations in words: how they, their services and their plans are named, what a subscription and a member can be. Knows no rule about
//! who gets what.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::str::FromStr;

/// The name of an organization, service or plan in tokens, addresses and on the command line. It never changes, because tokens carry it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slug(String);

/// What [`Slug::parse`] answers to anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("1 to 63 lower-case letters, digits and inner hyphens are expected, such as acme-notes")]
pub struct InvalidSlug;

impl Slug {
    /// What a service's plan is called that stands for users without a subscription.
    pub const FREE: &'static str = "free";

    /// The slug of the plan that stands for users without a subscription.
    pub fn free() -> Self {
        Self(Self::FREE.to_owned())
    }

    /// Parses a slug.
    ///
    /// # Errors
    /// When it is not 1 to 63 lower-case letters, digits and inner hyphens.
    pub fn parse(text: &str) -> Result<Self, InvalidSlug> {
        let allowed = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let edges = text.starts_with('-') || text.ends_with('-');
        if text.is_empty() || text.len() > 63 || !allowed || edges {
            return Err(InvalidSlug);
        }
        Ok(Self(text.to_owned()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Slug {
    type Err = InvalidSlug;
    fn from_str(text: &str) -> Result<Self, InvalidSlug> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Slug {
    type Error = InvalidSlug;
    fn try_from(text: String) -> Result<Self, InvalidSlug> {
        Self::parse(&text)
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0
    }
}

/// Which service: `ORGANIZATION/SERVICE`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServicePath {
    /// Whose.
    pub organization: Slug,
    /// Which of theirs.
    pub service: Slug,
}

/// Which plan: `ORGANIZATION/SERVICE/PLAN`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PlanPath {
    /// Of which service.
    pub service: ServicePath,
    /// Which of its plans.
    pub plan: Slug,
}

/// What is wrong with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// Of a service.
    #[error("ORGANIZATION/SERVICE is expected, such as acme/notes")]
    Service,
    /// Of a plan.
    #[error("ORGANIZATION/SERVICE/PLAN is expected, such as acme/notes/pro")]
    Plan,
}

impl FromStr for ServicePath {
    type Err = InvalidPath;
    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        let (organization, service) = text.split_once('/').ok_or(InvalidPath::Service)?;
        let slug = |text| Slug::parse(text).map_err(|_| InvalidPath::Service);
        Ok(Self { organization: slug(organization)?, service: slug(service)? })
    }
}

impl FromStr for PlanPath {
    type Err = InvalidPath;
    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        let (service, plan) = text.rsplit_once('/').ok_or(InvalidPath::Plan)?;
        let service = service.parse().map_err(|_| InvalidPath::Plan)?;
        Ok(Self { service, plan: Slug::parse(plan).map_err(|_| InvalidPath::Plan)? })
    }
}

impl fmt::Display for ServicePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.organization, self.service)
    }
}

impl fmt::Display for PlanPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.service, self.plan)
    }
}

macro_rules! written_as_text {
    ($($path:ident),+) => {$(
        impl TryFrom<String> for $path {
            type Error = InvalidPath;
            fn try_from(text: String) -> Result<Self, InvalidPath> {
                text.parse()
            }
        }

        impl From<$path> for String {
            fn from(path: $path) -> Self {
                path.to_string()
            }
        }
    )+};
}

written_as_text!(ServicePath, PlanPath);

/// What a plan opens: a list of names, or names with values (`{"seats": 5}`), as a service reads it in a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct Features(Value);

/// What [`Features`] are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("features: a JSON list of names or a JSON object is expected, of at most {max} bytes", max = Features::MAX_BYTES)]
pub struct InvalidFeatures;

impl Features {
    /// Every token carries them.
    pub const MAX_BYTES: usize = 2_048;

    /// A list of names.
    pub fn named<I: IntoIterator<Item = String>>(names: I) -> Result<Self, InvalidFeatures> {
        Self::try_from(Value::Array(names.into_iter().map(Value::String).collect()))
    }

    /// As JSON.
    pub fn as_json(&self) -> &Value {
        &self.0
    }
}

impl Default for Features {
    fn default() -> Self {
        Self(Value::Array(Vec::new()))
    }
}

impl TryFrom<Value> for Features {
    type Error = InvalidFeatures;
    fn try_from(value: Value) -> Result<Self, InvalidFeatures> {
        let shaped = match &value {
            Value::Array(names) => names.iter().all(Value::is_string),
            Value::Object(_) => true,
            _ => false,
        };
        if !shaped || value.to_string().len() > Self::MAX_BYTES {
            return Err(InvalidFeatures);
        }
        Ok(Self(value))
    }
}

impl FromStr for Features {
    type Err = InvalidFeatures;
    fn from_str(text: &str) -> Result<Self, InvalidFeatures> {
        Self::try_from(serde_json::from_str::<Value>(text).map_err(|_| InvalidFeatures)?)
    }
}

impl From<Features> for Value {
    fn from(features: Features) -> Self {
        features.0
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name { $($(#[$variant_doc])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// Every one there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As it is written.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The one that is written so.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text)
            }
        }
    };
}

words! {
    /// How a subscription stands, in the words that payment providers use.
    SubscriptionStatus {
        /// Paid for, or given.
        Active = "active",
        /// Being tried out.
        Trialing = "trialing",
        /// A payment is late; nothing is taken away yet.
        PastDue = "past_due",
        /// Not renewed: over when the current period ends.
        Canceled = "canceled",
    }
}

words! {
    /// What a member is in an organization.
    Role {
        /// Runs it.
        Owner = "owner",
        /// Runs it for its owners.
        Admin = "admin",
        /// Belongs to it.
        Member = "member",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn slugs_are_what_a_host_name_could_carry() {
        for good in ["a", "acme", "acme-notes", "2", &"x".repeat(63)] {
            assert_eq!(Slug::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "-a", "a-", "Acme", "a/b", "a b", "ä", "a_b", &"x".repeat(64)] {
            assert_eq!(Slug::parse(bad), Err(InvalidSlug), "{bad}");
        }
    }

    #[test]
    fn paths_name_a_service_and_a_plan() {
        assert_eq!("acme/notes".parse::<ServicePath>().unwrap().to_string(), "acme/notes");
        assert_eq!("acme/notes/pro".parse::<PlanPath>().unwrap().to_string(), "acme/notes/pro");
        for bad in ["", "acme", "acme/", "/notes", "acme/notes/pro", "Acme/notes"] {
            assert_eq!(bad.parse::<ServicePath>(), Err(InvalidPath::Service), "{bad}");
        }
        for bad in ["", "acme/notes", "acme/notes/", "acme//pro", "a/b/c/d"] {
            assert_eq!(bad.parse::<PlanPath>(), Err(InvalidPath::Plan), "{bad}");
        }
    }

    #[test]
    fn features_are_names_or_names_with_values_and_fit_into_a_token() {
        for good in [json!([]), json!(["export", "share"]), json!({"seats": 5, "export": true})] {
            assert_eq!(*Features::try_from(good.clone()).unwrap().as_json(), good);
        }
        for bad in
            [json!(null), json!("export"), json!([1]), json!({ "long": "x".repeat(Features::MAX_BYTES) })]
        {
            assert_eq!(Features::try_from(bad), Err(InvalidFeatures));
        }
        assert_eq!("nonsense".parse::<Features>(), Err(InvalidFeatures));
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for status in SubscriptionStatus::ALL {
            assert_eq!(SubscriptionStatus::parse(status.as_str()), Some(*status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        assert_eq!(Role::parse("king"), None);
    }
}
