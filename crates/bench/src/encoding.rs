//! Writing form values and client credentials, reading queries. It owns the escaping and no meaning.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// RFC 3986 section 2.3: everything but the unreserved characters. Valid in a query and in a form body alike.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Writes `name=value` pairs; names and values are escaped.
#[derive(Default)]
pub(crate) struct Pairs(String);

impl Pairs {
    /// Continues after pairs that are already written.
    pub(crate) fn after(written: &str, room: usize) -> Self {
        let mut text = String::with_capacity(written.len() + room);
        text.push_str(written);
        Self(text)
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.push(name, value);
        self
    }

    pub(crate) fn push(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() && !self.0.ends_with('?') {
            self.0.push('&');
        }
        self.0.extend(utf8_percent_encode(name, RESERVED));
        self.0.push('=');
        self.0.extend(utf8_percent_encode(value, RESERVED));
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// The `Authorization` header of a client: both parts form-encoded first (RFC 6749 section 2.3.1).
pub(crate) fn basic(client_id: &str, client_secret: &str) -> Result<HeaderValue, String> {
    let encode = |text| form_urlencoded::byte_serialize(str::as_bytes(text)).collect::<String>();
    let credentials = STANDARD.encode(format!("{}:{}", encode(client_id), encode(client_secret)));
    let mut header =
        HeaderValue::from_str(&format!("Basic {credentials}")).map_err(|error| error.to_string())?;
    header.set_sensitive(true);
    Ok(header)
}

/// The value of `name` in a query, unescaped.
pub(crate) fn query_value(query: &str, name: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped_and_come_back() {
        let cases = [
            ("plain-._~", "plain-._~"),
            ("openid profile", "openid%20profile"),
            ("http://127.0.0.1:1/cb?a=b&c", "http%3A%2F%2F127.0.0.1%3A1%2Fcb%3Fa%3Db%26c"),
            ("a+b", "a%2Bb"),
            ("Grüße", "Gr%C3%BC%C3%9Fe"),
            ("100%", "100%25"),
        ];
        for (value, expected) in cases {
            let text = Pairs::default().with("n", value).into_text();
            assert_eq!(text, format!("n={expected}"));
            assert_eq!(query_value(&text, "n").unwrap(), value);
        }
    }

    #[test]
    fn pairs_continue_a_path_a_query_and_each_other() {
        let cases = [("", "a=1&b=2"), ("/authorize?", "/authorize?a=1&b=2"), ("x=0", "x=0&a=1&b=2")];
        for (written, expected) in cases {
            assert_eq!(Pairs::after(written, 0).with("a", "1").with("b", "2").into_text(), expected);
        }
    }

    #[test]
    fn rfc_6749_section_2_3_1_credentials_are_form_encoded_before_base64() {
        let header = basic("s6Bh dRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw:+").unwrap();
        let text = header.to_str().unwrap().strip_prefix("Basic ").unwrap();
        let decoded = String::from_utf8(STANDARD.decode(text).unwrap()).unwrap();
        assert_eq!(decoded, "s6Bh+dRkqt3:7Fjfp0ZBr1KtDRbnfVdmIw%3A%2B");
        assert!(header.is_sensitive());
    }

    #[test]
    fn a_missing_value_is_none_and_an_empty_one_is_not() {
        assert_eq!(query_value("code=&state=a+b", "code").as_deref(), Some(""));
        assert_eq!(query_value("code=&state=a+b", "state").as_deref(), Some("a b"));
        assert_eq!(query_value("xcode=1", "code"), None);
    }
}
