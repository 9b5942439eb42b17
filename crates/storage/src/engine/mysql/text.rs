//! A statement with its values written into its text, so that many can travel in one request. Knows how a value is written such that no
//! setting of any server reads it as anything else; nothing about what the statement means.

use crate::contract::value::Value;
use crate::engine::network::driver::DriverError;
use std::fmt::Write as _;

/// Appends `sql`, each `?` replaced by the next value. Statements of this program hold no `?` that is not a placeholder.
pub(super) fn write(request: &mut String, sql: &'static str, params: &[Value]) -> Result<(), DriverError> {
    let mut pieces = sql.split('?');
    request.push_str(pieces.next().unwrap_or_default());
    let mut values = params.iter();
    for piece in pieces {
        let value = values.next().ok_or_else(|| mismatch(sql))?;
        literal(request, value);
        request.push_str(piece);
    }
    if values.next().is_some() { Err(mismatch(sql)) } else { Ok(()) }
}

/// The statements of a migration, one by one, without its comments. Migrations hold neither `;` nor `--` within quotes.
pub(super) fn statements(script: &str) -> Vec<String> {
    let code: Vec<&str> = script.lines().filter_map(|line| line.split("--").next()).collect();
    code.join("\n")
        .split(';')
        .map(|statement| statement.trim().to_owned())
        .filter(|text| !text.is_empty())
        .collect()
}

fn mismatch(sql: &'static str) -> DriverError {
    DriverError::Statement(format!("as many values as placeholders are needed: {sql}"))
}

fn literal(request: &mut String, value: &Value) {
    match value {
        Value::Null => request.push_str("NULL"),
        Value::Int(int) => {
            let _ = write!(request, "{int}");
        }
        Value::Bytes(bytes) => hexadecimal(request, bytes),
        Value::Text(text) if is_plain(text) => {
            request.push('\'');
            request.push_str(text);
            request.push('\'');
        }
        Value::Text(text) => {
            request.push_str("_utf8mb4 ");
            hexadecimal(request, text.as_bytes());
        }
    }
}

/// Printable ASCII without a quote or a backslash means the same between quotes under every `sql_mode` and character set.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'\'' && byte != b'\\')
}

fn hexadecimal(request: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    request.push_str("x'");
    for byte in bytes {
        request.push(char::from(DIGITS[usize::from(byte >> 4)]));
        request.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    request.push('\'');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params;
    use proptest::prelude::*;

    fn written(params: &[Value]) -> String {
        let mut text = String::new();
        write(&mut text, "UPDATE t SET a = ? WHERE b = ?", params).unwrap();
        text
    }

    #[test]
    fn values_stand_where_their_placeholders_stood() {
        let cases = [
            (params![7_i64, "plain"], "UPDATE t SET a = 7 WHERE b = 'plain'"),
            (params![None::<String>, b"\x00\xff".as_slice()], "UPDATE t SET a = NULL WHERE b = x'00ff'"),
            (
                params![i64::MIN, "it's"],
                "UPDATE t SET a = -9223372036854775808 WHERE b = _utf8mb4 x'69742773'",
            ),
            (params!["", "ü\\?"], "UPDATE t SET a = '' WHERE b = _utf8mb4 x'c3bc5c3f'"),
            (params!["a?", 1_i64], "UPDATE t SET a = 'a?' WHERE b = 1"),
        ];
        for (params, text) in cases {
            assert_eq!(written(&params), text);
        }
    }

    #[test]
    fn a_migration_is_cut_into_statements() {
        let script = "-- first; of all\nCREATE TABLE a (b INT); -- one; two\n\nDROP TABLE c\n;\n-- last;\n";
        assert_eq!(statements(script), ["CREATE TABLE a (b INT)", "DROP TABLE c"]);
    }

    #[test]
    fn too_few_and_too_many_values_are_refused() {
        for params in [params![1_i64], params![1_i64, 2_i64, 3_i64]] {
            assert!(write(&mut String::new(), "SELECT ?, ?", &params).is_err());
        }
    }

    proptest! {
        #[test]
        fn no_text_ends_its_literal(text in ".*") {
            let params = params![text.as_str(), 1_i64];
            let written = written(&params);
            let value = written.strip_prefix("UPDATE t SET a = ").unwrap().strip_suffix(" WHERE b = 1").unwrap();
            let inside = value.trim_start_matches("_utf8mb4 x").strip_prefix('\'').unwrap().strip_suffix('\'').unwrap();
            prop_assert!(!inside.contains(['\'', '\\']) && inside.is_ascii());
        }
    }
}
