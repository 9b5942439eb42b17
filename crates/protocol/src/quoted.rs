//! Lists in headers, whose items may be quoted strings (RFC 9110 section 5.6.4). Knows no header.

/// Splits at separators outside quoted strings; `None` when a quoted string does not end.
pub fn split(text: &str, separator: u8) -> Option<Vec<&str>> {
    let (mut parts, mut from, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            byte if byte == separator && !quoted => {
                parts.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    (!quoted).then_some(parts)
}

/// A value without its quotes. What is read this way needs no escapes, so a quoted string with one is none.
pub fn unquoted(value: &str) -> Option<&str> {
    match value.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').filter(|inner| !inner.contains(['"', '\\'])),
        None => Some(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9110_5_6_4_a_separator_in_quotes_separates_nothing() {
        assert_eq!(split(r#"a,"b,c",d"#, b','), Some(vec!["a", r#""b,c""#, "d"]));
        assert_eq!(split(r#""a\",b",c"#, b','), Some(vec![r#""a\",b""#, "c"]));
        assert_eq!(split("", b','), Some(vec![""]));
        assert_eq!(split(r#"a,"b"#, b','), None);
        assert_eq!((unquoted(r#""a""#), unquoted("a")), (Some("a"), Some("a")));
        assert_eq!((unquoted(r#""a"#), unquoted(r#""a\"b""#)), (None, None));
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_lost(text in "[a,;\"\\\\ä]{0,12}") {
            if let Some(parts) = split(&text, b',') {
                proptest::prop_assert_eq!(parts.join(","), text);
            }
        }
    }
}
