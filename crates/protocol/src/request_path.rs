//! The path of a request as a rule reads it: decoded once, in segments. Knows no rule. A path that two programs could read in two ways is no
//! path here: what guards an upstream must not see another request than the upstream does.

use std::borrow::Cow;
use std::fmt;

/// A path in segments: percent-decoded once, without its query, without the slash at its end.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestPath<'a>(Vec<Cow<'a, str>>);

/// Why a path is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmbiguousPath {
    /// It does not begin with a slash, or is no path.
    #[error("path: it must begin with one slash")]
    NotAPath,
    /// It is longer than any path of ours.
    #[error("path: at most 8192 bytes are expected")]
    TooLong,
    /// `//`, `/./` or `/../`, written out or percent-encoded: some programs resolve them, others do not.
    #[error("path: empty segments and dot segments can be read in two ways")]
    Segment,
    /// `%` without two hexadecimal digits, or bytes that are no UTF-8.
    #[error("path: a percent-encoding is malformed")]
    Encoding,
    /// A slash or backslash within a segment, a `;`, a `#` or a control character; or a percent-encoding within a percent-encoding.
    #[error("path: a character in it can be read in two ways")]
    Character,
}

impl<'a> RequestPath<'a> {
    const MAX_BYTES: usize = 8_192;

    /// Reads a request target in origin form (RFC 9112 section 3.2.1). The query is left out.
    ///
    /// # Errors
    /// When it could be read in two ways.
    pub fn parse(target: &'a str) -> Result<Self, AmbiguousPath> {
        if target.len() > Self::MAX_BYTES {
            return Err(AmbiguousPath::TooLong);
        }
        let path = target.split('?').next().unwrap_or_default();
        let inner = path.strip_prefix('/').ok_or(AmbiguousPath::NotAPath)?;
        // With and without a slash at the end is one path here: most programs serve the same under both.
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        if inner.is_empty() {
            return if path.len() <= 1 { Ok(Self(Vec::new())) } else { Err(AmbiguousPath::Segment) };
        }
        inner.split('/').map(segment).collect::<Result<_, _>>().map(Self)
    }

    /// The decoded segments.
    pub fn segments(&self) -> &[Cow<'a, str>] {
        &self.0
    }
}

impl fmt::Debug for RequestPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What stands in a path may be about a person.
        write!(f, "RequestPath({} segments)", self.0.len())
    }
}

/// One segment, decoded.
pub(crate) fn segment(text: &str) -> Result<Cow<'_, str>, AmbiguousPath> {
    let decoded = decoded(text)?;
    if decoded.is_empty() || decoded == "." || decoded == ".." {
        return Err(AmbiguousPath::Segment);
    }
    // `;`: servlet containers cut a segment there. `\`: some take it for a slash. `#`: no part of a request.
    if decoded.chars().any(|letter| letter.is_control() || matches!(letter, '/' | '\\' | ';' | '#')) {
        return Err(AmbiguousPath::Character);
    }
    // Whoever decodes a second time reads something else.
    if decoded.len() != text.len() && decoded.contains('%') && has_encoding(&decoded) {
        return Err(AmbiguousPath::Character);
    }
    Ok(decoded)
}

fn decoded(text: &str) -> Result<Cow<'_, str>, AmbiguousPath> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    if !text.split('%').skip(1).all(begins_with_two_digits) {
        return Err(AmbiguousPath::Encoding);
    }
    percent_encoding::percent_decode_str(text).decode_utf8().map_err(|_| AmbiguousPath::Encoding)
}

fn has_encoding(text: &str) -> bool {
    text.split('%').skip(1).any(begins_with_two_digits)
}

fn begins_with_two_digits(text: &str) -> bool {
    matches!(text.as_bytes(), [first, second, ..] if first.is_ascii_hexdigit() && second.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(target: &str) -> Result<Vec<String>, AmbiguousPath> {
        RequestPath::parse(target).map(|path| path.0.into_iter().map(Cow::into_owned).collect())
    }

    #[test]
    fn a_path_is_decoded_once_and_its_query_and_last_slash_are_left_out() {
        let none: [&str; 0] = [];
        assert_eq!(read("/").unwrap(), none);
        assert_eq!(read("/?a=/../b").unwrap(), none);
        for (target, segments) in [
            ("/orders/5", &["orders", "5"][..]),
            ("/orders/5/", &["orders", "5"]),
            ("/orders/5?next=//x/..", &["orders", "5"]),
            ("/%6frders/a%20b", &["orders", "a b"]),
            ("/100%25/%C3%A4", &["100%", "ä"]),
            ("/a.b/..c/...", &["a.b", "..c", "..."]),
            ("/a:b@c,d=e+f", &["a:b@c,d=e+f"]),
        ] {
            assert_eq!(read(target).unwrap(), segments, "{target}");
        }
    }

    #[test]
    fn a_path_that_could_be_read_in_two_ways_is_refused() {
        use AmbiguousPath::{Character, Encoding, NotAPath, Segment, TooLong};
        for (target, why) in [
            ("", NotAPath),
            ("orders", NotAPath),
            ("https://api.example/orders", NotAPath),
            ("*", NotAPath),
            ("//", Segment),
            ("//evil/orders", Segment),
            ("/orders//5", Segment),
            ("/orders/5//", Segment),
            ("/orders/./5", Segment),
            ("/public/../admin", Segment),
            ("/public/%2e%2E/admin", Segment),
            ("/public/.%2e", Segment),
            ("/public/..", Segment),
            ("/public%2fadmin", Character),
            ("/public%5C..%5cadmin", Character),
            ("/public\\admin", Character),
            ("/admin;x=1", Character),
            ("/admin%3bx", Character),
            ("/admin%00", Character),
            ("/admin%0d%0aX: y", Character),
            ("/admin\u{7f}", Character),
            ("/admin%C2%85", Character),
            ("/admin#x", Character),
            ("/%252e%252e/admin", Character),
            ("/%25%32%65", Character),
            ("/admin%", Encoding),
            ("/admin%2", Encoding),
            ("/admin%zz", Encoding),
            ("/admin%ff", Encoding),
        ] {
            assert_eq!(read(target), Err(why), "{target}");
        }
        assert_eq!(read(&format!("/{}", "a".repeat(8_192))), Err(TooLong));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic_and_what_is_read_has_one_reading(target in "/?([a-c./;%#\\\\]|%2[5eEfF]|%5c|%00|ä){0,12}|.*") {
            if let Ok(segments) = read(&target) {
                for segment in segments {
                    prop_assert!(!segment.is_empty() && segment != "." && segment != "..");
                    prop_assert!(!segment.contains(['/', '\\', ';', '#', '\0']));
                    // Decoded again, as a careless program would, it stays what it is or cannot be decoded.
                    let again = percent_encoding::percent_decode_str(&segment).decode_utf8_lossy().into_owned();
                    prop_assert_eq!(again, segment);
                }
            }
        }

        #[test]
        fn what_is_encoded_is_read_as_what_it_was(segments in prop::collection::vec("[a-zA-Z0-9 äß%._~-]{1,8}", 0..6)) {
            let kept: Vec<_> = segments.into_iter().filter(|segment| segment != "." && segment != ".." && !has_encoding(segment)).collect();
            let encoded: String = kept.iter().map(|segment| format!("/{}", percent_encoding::utf8_percent_encode(segment, percent_encoding::NON_ALPHANUMERIC))).collect();
            let encoded = if encoded.is_empty() { "/".to_owned() } else { encoded.replace("%2E", ".") };
            prop_assert_eq!(read(&encoded).unwrap(), kept);
        }
    }
}
