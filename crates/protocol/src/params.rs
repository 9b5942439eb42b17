//! Parameters of a request: parsed once, at most once each.
//!
//! RFC 6749 section 3.1: a parameter without a value counts as omitted; none may come twice, but the few whose own RFC says so.

use crate::error::{ErrorCode, OAuthError};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;
use zeroize::Zeroize;

/// The parameters of one request, from its query or its form.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Params(BTreeMap<String, Vec<String>>);

/// Why a query or form is refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidParams {
    /// RFC 6749 section 3.1: "Request and response parameters MUST NOT be included more than once."
    #[error("a parameter is included more than once: {0}")]
    Repeated(String),
    /// More than 64 of them.
    #[error("too many parameters")]
    TooMany,
    /// No JSON object whose members are texts, numbers or booleans.
    #[error("a JSON object of texts, numbers and booleans is expected")]
    NotJson,
    /// Percent-encoding that does not yield UTF-8.
    #[error("a parameter is not UTF-8")]
    NotUtf8,
    /// U+0000, which no parameter needs and not every database can store (RFC 6749 appendix A allows it nowhere).
    #[error("a parameter contains the character U+0000")]
    Null,
}

impl From<InvalidParams> for OAuthError {
    fn from(invalid: InvalidParams) -> Self {
        Self::new(ErrorCode::InvalidRequest, invalid.to_string())
    }
}

impl Params {
    const MAX_COUNT: usize = 64;
    /// RFC 8707 section 2, RFC 8693 section 2.1.
    const REPEATABLE: [&str; 2] = ["audience", "resource"];

    /// Parses `application/x-www-form-urlencoded` text: a query component or a form body.
    ///
    /// # Errors
    /// When a parameter comes twice, there are too many, or one is not UTF-8 or contains U+0000.
    pub fn parse(encoded: &[u8]) -> Result<Self, InvalidParams> {
        let params = Self::parse_with_repeats(encoded)?;
        match params.repeated() {
            Some(name) => Err(InvalidParams::Repeated(name.to_owned())),
            None => Ok(params),
        }
    }

    /// The same, also where a parameter comes twice: who reads them must look at [`Params::repeated`]. For where the refusal has to be sent to
    /// an address that is itself a parameter.
    ///
    /// # Errors
    /// When there are too many, or one is not UTF-8 or contains U+0000.
    pub fn parse_with_repeats(encoded: &[u8]) -> Result<Self, InvalidParams> {
        let mut params: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (count, pair) in encoded.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()).enumerate() {
            if count >= Self::MAX_COUNT {
                return Err(InvalidParams::TooMany);
            }
            let mut halves = pair.splitn(2, |&byte| byte == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            params.entry(name).or_default().push(value);
        }
        Ok(Self(params))
    }

    /// A parameter that comes twice and must not.
    pub fn repeated(&self) -> Option<&str> {
        let mut repeated = self
            .0
            .iter()
            .filter(|(name, values)| values.len() > 1 && !Self::REPEATABLE.contains(&name.as_str()));
        repeated.next().map(|(name, _)| name.as_str())
    }

    /// Whether this parameter comes twice and must not.
    pub fn repeats(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|values| values.len() > 1) && !Self::REPEATABLE.contains(&name)
    }

    /// Parses a JSON object, as some clients send in the place of a form: the same rules. A member that is null counts as omitted. A list of
    /// texts repeats a parameter that may be repeated; else it counts as the texts with spaces between, as scopes are written.
    ///
    /// # Errors
    /// As [`Params::parse`], and when it is no such object.
    pub fn parse_json(text: &[u8]) -> Result<Self, InvalidParams> {
        let Members(members) = serde_json::from_slice(text).map_err(|_| InvalidParams::NotJson)?;
        if members.len() > Self::MAX_COUNT {
            return Err(InvalidParams::TooMany);
        }
        let mut params = Self::default();
        for (name, value) in members {
            let values = as_texts(value, Self::REPEATABLE.contains(&name.as_str()))?;
            if name.contains('\0') || values.iter().any(|value| value.contains('\0')) {
                return Err(InvalidParams::Null);
            }
            if params.0.contains_key(&name) {
                return Err(InvalidParams::Repeated(name));
            }
            params.0.insert(name, values);
        }
        Ok(params)
    }

    /// The same parameters, one of them under another name; nothing changes if the new name is there already.
    #[must_use]
    pub fn renamed(mut self, from: &str, to: &str) -> Self {
        if !self.0.contains_key(to)
            && let Some(value) = self.0.remove(from)
        {
            self.0.insert(to.to_owned(), value);
        }
        self
    }

    /// The same parameters, this one with this value.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), vec![value.to_owned()]);
        self
    }

    /// The same parameters, with this one where it is absent or empty.
    #[must_use]
    pub fn or(mut self, name: &str, value: &str) -> Self {
        if self.get(name).is_none() {
            self.0.insert(name.to_owned(), vec![value.to_owned()]);
        }
        self
    }

    /// These parameters only.
    #[must_use]
    pub fn only(&self, names: &[&str]) -> Self {
        let kept = self.0.iter().filter(|(name, _)| names.contains(&name.as_str()));
        Self(kept.map(|(name, values)| (name.clone(), values.clone())).collect())
    }

    /// Each parameter's name and value.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .flat_map(|(name, values)| values.iter().map(move |value| (name.as_str(), value.as_str())))
    }

    /// The parameter's value, unless it is absent or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// The values of a parameter that may be repeated, empty ones left out.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.get(name).into_iter().flatten().map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The parameter's value.
    ///
    /// # Errors
    /// `invalid_request` when it is absent or empty.
    pub fn require(&self, name: &'static str) -> Result<&str, OAuthError> {
        self.get(name).ok_or_else(|| OAuthError::new(ErrorCode::InvalidRequest, format!("{name} is missing")))
    }

    /// The parameters as a query component again.
    pub fn to_query(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(self.pairs()).finish()
    }
}

/// A form may hold a password or a client's secret.
impl Drop for Params {
    fn drop(&mut self) {
        self.0.values_mut().flatten().for_each(Zeroize::zeroize);
    }
}

impl FromIterator<(String, String)> for Params {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name, vec![value])).collect())
    }
}

impl std::fmt::Debug for Params {
    /// Names only: values hold codes and passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The members of a JSON object as they come, so that one that comes twice is seen.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;

        impl<'de> Visitor<'de> for Each {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Each)
    }
}

fn as_texts(value: Value, repeatable: bool) -> Result<Vec<String>, InvalidParams> {
    Ok(match value {
        Value::Null => Vec::new(),
        Value::String(text) => vec![text],
        Value::Number(number) => vec![number.to_string()],
        Value::Bool(flag) => vec![flag.to_string()],
        Value::Array(texts) => {
            let texts: Option<Vec<_>> = texts.iter().map(Value::as_str).collect();
            let texts = texts.ok_or(InvalidParams::NotJson)?;
            match repeatable {
                true => texts.into_iter().map(str::to_owned).collect(),
                false => vec![texts.join(" ")],
            }
        }
        Value::Object(_) => return Err(InvalidParams::NotJson),
    })
}

fn decode(encoded: &[u8]) -> Result<String, InvalidParams> {
    // A token is long and has nothing to decode. Without a way out of the loop, many bytes are looked at in one step.
    let is_plain = !encoded.iter().fold(false, |found, byte| found | matches!(byte, b'%' | b'+' | 0));
    if is_plain {
        return std::str::from_utf8(encoded).map(str::to_owned).map_err(|_| InvalidParams::NotUtf8);
    }
    let spaces: Vec<u8> = encoded.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
    let bytes: Vec<u8> = percent_encoding::percent_decode(&spaces).collect();
    if bytes.contains(&0) {
        return Err(InvalidParams::Null);
    }
    String::from_utf8(bytes).map_err(|_| InvalidParams::NotUtf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_object_is_read_like_a_form() {
        let params =
            Params::parse_json(br#"{"a":"b c","n":5,"t":true,"none":null,"scope":["x","y"],"empty":""}"#)
                .unwrap();
        let several = Params::parse_json(br#"{"resource":["https://a","https://b"]}"#).unwrap();
        assert_eq!(several.all("resource").collect::<Vec<_>>(), ["https://a", "https://b"]);
        let told = ["a", "n", "t", "none", "scope", "empty"].map(|name| params.get(name));
        assert_eq!(told, [Some("b c"), Some("5"), Some("true"), None, Some("x y"), None]);
        let many = format!("{{{}}}", (0..65).map(|n| format!("\"{n}\":1")).collect::<Vec<_>>().join(","));
        for (text, expected) in [
            (r#"{"a":"1","a":"2"}"#, InvalidParams::Repeated("a".into())),
            (r#"{"a":{"b":1}}"#, InvalidParams::NotJson),
            (r#"{"a":[1]}"#, InvalidParams::NotJson),
            (r#"["a"]"#, InvalidParams::NotJson),
            (r#"{"a":"1"} x"#, InvalidParams::NotJson),
            ("", InvalidParams::NotJson),
            (r#"{"a":"\u0000"}"#, InvalidParams::Null),
            (many.as_str(), InvalidParams::TooMany),
        ] {
            assert_eq!(Params::parse_json(text.as_bytes()), Err(expected), "{text}");
        }
    }

    #[test]
    fn a_parameter_goes_by_another_name_unless_that_is_taken() {
        let params = |text: &str| Params::parse(text.as_bytes()).unwrap();
        assert_eq!(params("a=1").renamed("a", "b"), params("b=1"));
        assert_eq!(params("a=1&b=2").renamed("a", "b"), params("a=1&b=2"));
        assert_eq!(params("a=&c=3").or("a", "1").or("c", "4"), params("a=1&c=3"));
    }

    #[test]
    fn rfc6749_3_1_repeated_parameters_are_refused_even_when_empty_or_equal() {
        for repeated in ["a=1&a=1", "a=&a=1", "a&a", "%61=1&a=2"] {
            assert_eq!(
                Params::parse(repeated.as_bytes()),
                Err(InvalidParams::Repeated("a".into())),
                "{repeated}"
            );
        }
    }

    #[test]
    fn what_comes_twice_is_known_by_name_where_it_is_not_refused_at_once() {
        let params = Params::parse_with_repeats(b"a=1&b=2&a=1&resource=x&resource=y").unwrap();
        assert_eq!((params.repeated(), params.repeats("a"), params.repeats("b")), (Some("a"), true, false));
        assert!(!params.repeats("resource"));
        assert_eq!(Params::parse_with_repeats(b"resource=x&resource=y").unwrap().repeated(), None);
    }

    #[test]
    fn rfc8707_2_resource_and_rfc8693_2_1_audience_may_be_repeated() {
        let params = Params::parse(b"resource=a&audience=x&resource=&resource=b&resource=b").unwrap();
        assert_eq!(params.all("resource").collect::<Vec<_>>(), ["a", "b", "b"]);
        assert_eq!((params.get("resource"), params.all("scope").next()), (Some("a"), None));
        assert_eq!(Params::parse(params.to_query().as_bytes()).unwrap(), params);
    }

    #[test]
    fn rfc6749_3_1_an_empty_value_counts_as_omitted() {
        let params = Params::parse(b"a=&b=2+3%2B&c").unwrap();
        assert_eq!((params.get("a"), params.get("b"), params.get("c")), (None, Some("2 3+"), None));
        assert_eq!(params.require("a").unwrap_err().code, ErrorCode::InvalidRequest);
    }

    #[test]
    fn malformed_input_is_refused() {
        assert_eq!(Params::parse(b"a=%ff"), Err(InvalidParams::NotUtf8));
        assert_eq!(Params::parse(b"a=b%00"), Err(InvalidParams::Null));
        let many: String = (0..65).map(|i| format!("p{i}=1&")).collect();
        assert_eq!(Params::parse(many.as_bytes()), Err(InvalidParams::TooMany));
    }

    #[test]
    fn debug_output_shows_no_value() {
        let params = Params::parse(b"password=hunter2").unwrap();
        assert_eq!(format!("{params:?}"), r#"{"password"}"#);
    }

    proptest::proptest! {
        #[test]
        fn parsing_never_panics(bytes: Vec<u8>) {
            let _ = Params::parse(&bytes);
        }

        #[test]
        fn what_is_written_is_read(pairs: std::collections::BTreeMap<String, String>) {
            let params: Params = pairs.into_iter().take(60).collect();
            proptest::prop_assert_eq!(Params::parse(params.to_query().as_bytes()).unwrap(), params);
        }
    }
}
