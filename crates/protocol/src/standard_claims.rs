//! What the standard claims about a person look like (OpenID Connect Core section 5.1). Knows no person.

use serde_json::Value;

/// What a claim's value must be.
enum Kind {
    Text,
    Url,
    Email,
    Boolean,
    Number,
    Birthdate,
    /// A name in the tz database.
    Zone,
    /// BCP 47, or with an underscore.
    Locale,
    Phone,
    /// OpenID Connect Core section 5.1.1.
    Address,
}

/// A standard claim's value is of another kind than section 5.1 says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("claim {claim}: {expected} is expected (OpenID Connect Core section 5.1)")]
pub struct WrongClaim {
    claim: String,
    expected: &'static str,
}

/// No claim's text is longer.
const LONGEST: usize = 2048;

const ADDRESS_MEMBERS: [&str; 6] =
    ["formatted", "street_address", "locality", "region", "postal_code", "country"];

fn kind(claim: &str) -> Option<Kind> {
    Some(match claim {
        "name" | "given_name" | "family_name" | "middle_name" | "nickname" | "preferred_username"
        | "gender" => Kind::Text,
        "profile" | "picture" | "website" => Kind::Url,
        "email" => Kind::Email,
        "email_verified" | "phone_number_verified" => Kind::Boolean,
        "updated_at" => Kind::Number,
        "birthdate" => Kind::Birthdate,
        "zoneinfo" => Kind::Zone,
        "locale" => Kind::Locale,
        "phone_number" => Kind::Phone,
        "address" => Kind::Address,
        _ => return None,
    })
}

/// Whether a standard claim's value is what section 5.1 says. What is no standard claim may be anything.
///
/// # Errors
/// When it is not; which is expected is said.
pub fn check_claim(claim: &str, value: &Value) -> Result<(), WrongClaim> {
    let Some(kind) = kind(claim) else { return Ok(()) };
    let (holds, expected) = check(&kind, value);
    if holds { Ok(()) } else { Err(WrongClaim { claim: claim.to_owned(), expected }) }
}

fn check(kind: &Kind, value: &Value) -> (bool, &'static str) {
    let text = value.as_str().filter(|text| is_text(text));
    let holds = |check: fn(&str) -> bool| text.is_some_and(check);
    match kind {
        Kind::Text => (text.is_some(), "a text of 1 to 2048 bytes"),
        Kind::Url => (holds(is_url), "an http or https URL"),
        Kind::Email => (holds(|text| text.contains('@') && !text.contains(' ')), "an e-mail address"),
        Kind::Boolean => (value.is_boolean(), "true or false"),
        Kind::Number => (value.is_i64() || value.is_u64(), "seconds since 1970"),
        Kind::Birthdate => (holds(is_birthdate), "YYYY-MM-DD, 0000-MM-DD or YYYY"),
        Kind::Zone => (holds(is_zone), "a time zone such as Europe/Paris"),
        Kind::Locale => (holds(is_locale), "a language tag such as en-US"),
        Kind::Phone => (holds(is_phone), "a telephone number such as +1 604 555 1234"),
        Kind::Address => (is_address(value), "an object of texts such as {\"country\":\"NL\"}"),
    }
}

fn is_text(text: &str) -> bool {
    !text.trim().is_empty()
        && text.len() <= LONGEST
        && !text.chars().any(|letter| letter.is_control() && letter != '\n')
}

fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace))
}

/// ISO 8601-1; the year 0000 says that it is not told.
fn is_birthdate(text: &str) -> bool {
    let digits = |text: &str, count| {
        let number = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u16>().ok());
        number.flatten().filter(|_| text.len() == count)
    };
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next(), parts.next(), parts.next());
    let Some(year) = year.and_then(|year| digits(year, 4)) else { return false };
    let (Some(month), Some(day)) = (month, day) else { return month.is_none() && year > 0 };
    let (Some(month), Some(day)) = (digits(month, 2), digits(day, 2)) else { return false };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    parts.next().is_none() && (1..=days).contains(&day)
}

fn is_zone(text: &str) -> bool {
    let part = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphabetic())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte))
    };
    text.split('/').all(part)
}

fn is_locale(text: &str) -> bool {
    let part =
        |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.split(['-', '_']).all(part)
}

/// E.164 is recommended, with its punctuation or an extension as of RFC 3966; national numbers are met as well.
fn is_phone(text: &str) -> bool {
    let number = text.split(";ext=").next().unwrap_or_default();
    number.bytes().filter(u8::is_ascii_digit).count() >= 3
        && number.bytes().all(|byte| byte.is_ascii_digit() || b"+ ()-./".contains(&byte))
}

fn is_address(value: &Value) -> bool {
    value.as_object().is_some_and(|members| {
        !members.is_empty()
            && members.iter().all(|(name, value)| {
                ADDRESS_MEMBERS.contains(&name.as_str()) && value.as_str().is_some_and(is_text)
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn oidc_core_5_1_standard_claims_are_of_their_kind() {
        for (claim, value) in [
            ("nickname", json!("Al")),
            ("picture", json!("https://example.org/a.png")),
            ("email_verified", json!(true)),
            ("updated_at", json!(1_700_000_000)),
            ("birthdate", json!("1990-02-28")),
            ("birthdate", json!("0000-02-29")),
            ("birthdate", json!("1990")),
            ("zoneinfo", json!("America/Argentina/Buenos_Aires")),
            ("zoneinfo", json!("Etc/GMT+3")),
            ("locale", json!("en-US")),
            ("locale", json!("de_CH")),
            ("phone_number", json!("+1 (604) 555-1234;ext=5678")),
            ("address", json!({ "country": "NL", "formatted": "One\nTwo" })),
            ("not_standard", json!([1])),
        ] {
            assert_eq!(check_claim(claim, &value), Ok(()), "{claim} {value}");
        }
        for (claim, value) in [
            ("nickname", json!(" ")),
            ("nickname", json!(5)),
            ("name", json!("a\u{7}b")),
            ("picture", json!("javascript:alert(1)")),
            ("email_verified", json!("false")),
            ("updated_at", json!("now")),
            ("birthdate", json!("yesterday")),
            ("birthdate", json!("1990-02-30")),
            ("birthdate", json!("1990-2-3")),
            ("birthdate", json!("0000")),
            ("birthdate", json!("1990-02")),
            ("birthdate", json!("1990-02-03-04")),
            ("zoneinfo", json!("half past two")),
            ("locale", json!("english please")),
            ("phone_number", json!("call me")),
            ("address", json!("NL")),
            ("address", json!({ "planet": "Earth" })),
            ("address", json!({})),
        ] {
            assert!(check_claim(claim, &value).is_err(), "{claim} {value}");
        }
    }
}
