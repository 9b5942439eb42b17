//! Names that people choose: usernames, e-mail addresses, what they are called. When two are one, what may be in them, and what they look
//! like. Pure text; knows no account.

use precis_profiles::UsernameCaseMapped;
use precis_profiles::precis_core::profile::PrecisFastInvocation as _;
use unicode_normalization::UnicodeNormalization as _;
use unicode_security::MixedScript as _;

/// The longest name, in bytes.
const MAX_NAME_BYTES: usize = 255;
/// The longest e-mail address (RFC 5321 section 4.5.3.1.3).
const MAX_EMAIL_BYTES: usize = 254;

/// Why a name cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameProblem {
    /// Empty, or longer than 255 bytes (an e-mail address: 254).
    #[error("1 to 255 bytes are expected")]
    Length,
    /// It begins or ends with a space, or has two in a row.
    #[error("spaces may only stand one at a time between words")]
    Spaces,
    /// A character that nobody sees, or that turns the direction of those around it.
    #[error("U+{:04X} cannot be seen", u32::from(*.0))]
    Invisible(char),
    /// A character that no name has (RFC 8265 section 3.3): a symbol, one that is another's older form, one of the other direction.
    #[error(
        "only letters, digits and ASCII characters, written in one direction, are expected (RFC 8265 section 3.3)"
    )]
    NotAName,
    /// Letters of different scripts, which are made to be mistaken for one another.
    #[error("letters of different scripts are mixed")]
    MixedScripts,
    /// No e-mail address, or a username with an `@` that is not its owner's.
    #[error("an address such as alice@example.org is expected")]
    NotAnAddress,
    /// It has an `@` and is not its owner's own e-mail address: nobody signs in by another's.
    #[error("a username with an @ must be the user's own e-mail address")]
    NotOwn,
}

/// How usernames and e-mail addresses are compared: RFC 8265 section 3.3 (UsernameCaseMapped), so without regard to case, width, and how a
/// letter is composed. What is no username is compared in lower case, composed.
pub fn login_key(text: &str) -> String {
    let text = text.trim();
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.split(' ').map(part_key).collect::<Vec<_>>().join(" ")
}

fn part_key(part: &str) -> String {
    let mapped = part.split('@').map(|part| match UsernameCaseMapped::enforce(part) {
        Ok(key) => key.into_owned(),
        Err(_) => part.to_lowercase().nfc().collect(),
    });
    mapped.collect::<Vec<_>>().join("@")
}

/// How they were compared before [`login_key`]: what is stored under it is still found.
pub fn older_login_key(text: &str) -> String {
    text.trim().to_lowercase()
}

/// What a key looks like (UTS 39 section 4), if it has letters that could be taken for others: two keys of one skeleton look alike. ASCII
/// letters are themselves; one of them is not told from another.
pub fn skeleton(key: &str) -> Option<String> {
    if key.is_ascii() {
        return None;
    }
    let mut seen = String::with_capacity(key.len());
    for c in key.nfd() {
        if c.is_ascii() {
            seen.push(c);
        } else {
            let mut alone = [0; 4];
            seen.extend(unicode_security::skeleton(c.encode_utf8(&mut alone)).flat_map(char::to_lowercase));
        }
    }
    Some(seen.nfc().collect())
}

/// The username as it is kept: composed, in its owner's case.
///
/// # Errors
/// Why nobody can have it.
pub fn username(text: &str, email: Option<&str>) -> Result<String, NameProblem> {
    if text.is_empty() || text.len() > MAX_NAME_BYTES {
        return Err(NameProblem::Length);
    }
    if text.contains('@') {
        let own = email.is_some_and(|email| login_key(email) == login_key(text));
        return if own { self::email(text) } else { Err(NameProblem::NotOwn) };
    }
    visible(text, |_| false)?;
    let parts: Vec<_> = text.split(' ').collect();
    if parts.iter().any(|part| part.is_empty()) || text.trim() != text {
        return Err(NameProblem::Spaces);
    }
    if parts.into_iter().any(|part| UsernameCaseMapped::enforce(part).is_err()) {
        return Err(NameProblem::NotAName);
    }
    Ok(text.nfc().collect())
}

/// The e-mail address as it is kept: composed. That it looks like one is all that is known of it; only a mail that arrives shows more.
///
/// # Errors
/// Why it is none.
pub fn email(text: &str) -> Result<String, NameProblem> {
    visible(text, |_| false)?;
    let shaped = text
        .split_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
    let plain = |c: char| !c.is_whitespace() && !matches!(c, ',' | ';' | '<' | '>' | '"' | '(' | ')' | '\\');
    if !shaped || text.len() > MAX_EMAIL_BYTES || !text.chars().all(plain) {
        return Err(NameProblem::NotAnAddress);
    }
    Ok(text.nfc().collect())
}

/// What somebody is called, as it is kept: composed.
///
/// # Errors
/// When it is too long or has what nobody sees.
pub fn display_name(text: &str) -> Result<String, NameProblem> {
    if text.trim().is_empty() || text.len() > MAX_NAME_BYTES {
        return Err(NameProblem::Length);
    }
    visible(text, joins)?;
    Ok(text.trim().nfc().collect())
}

/// Refuses a username or an e-mail address whose parts mix scripts (UTS 39 section 5.1): for who chooses a name themselves.
///
/// # Errors
/// When they do.
pub fn of_one_script(text: &str) -> Result<(), NameProblem> {
    let parts = text.split(['@', '.', ' ', '-', '_', '+']);
    if parts.into_iter().all(|part| part.is_ascii() || part.is_single_script()) {
        return Ok(());
    }
    Err(NameProblem::MixedScripts)
}

/// Refuses the first character that nobody sees, but where `allowed` says of its neighbours that it has its place.
fn visible(text: &str, allowed: impl Fn([Option<char>; 2]) -> bool) -> Result<(), NameProblem> {
    let mut before = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let joiner = matches!(c, '\u{200c}' | '\u{200d}');
        if is_invisible(c) && !(joiner && allowed([before, rest.clone().next()])) {
            return Err(NameProblem::Invisible(c));
        }
        before = Some(c);
    }
    Ok(())
}

/// A zero-width joiner or non-joiner is part of the spelling between letters of these scripts, Arabic to Myanmar (RFC 5892 appendix A.1, A.2).
fn joins([before, after]: [Option<char>; 2]) -> bool {
    let of_them = |c: Option<char>| c.is_some_and(|c| ('\u{600}'..='\u{109f}').contains(&c));
    of_them(before) && of_them(after)
}

/// Control and format characters, fillers, joiners, marks of direction, tags, surrogates' and private places that fonts leave empty: what is
/// to be ignored by default (Unicode's Default_Ignorable_Code_Point), and category Cc.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{115f}' | '\u{1160}'
            | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{e000}'..='\u{f8ff}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}' | '\u{f0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc8265_3_3_names_are_one_whatever_their_case_width_and_composition() {
        for (one, other) in [
            ("J\u{fc}rgen", "Ju\u{308}rgen"),
            ("J\u{fc}rgen", "J\u{dc}RGEN"),
            ("alice", "\u{ff41}\u{ff4c}\u{ff49}\u{ff43}\u{ff45}"),
            (" Alice ", "ALICE"),
            ("J\u{fc}rgen@Example.org", "ju\u{308}rgen@example.ORG"),
            ("Ada J\u{fc}rgen", "ada ju\u{308}rgen"),
        ] {
            assert_eq!(login_key(one), login_key(other));
        }
        assert_ne!(login_key("jurgen"), login_key("j\u{fc}rgen"));
        assert_eq!(login_key("alice"), "alice");
        assert_eq!(username("Ju\u{308}rgen", None), Ok("J\u{fc}rgen".to_owned()));
    }

    #[test]
    fn uts39_4_what_looks_alike_has_one_skeleton() {
        // Cyrillic letters for Latin ones, all or some.
        for look_alike in ["\u{430}lice", "\u{430}l\u{456}\u{441}\u{435}", "al\u{456}ce"] {
            assert_eq!(skeleton(&login_key(look_alike)).as_deref(), Some("alice"), "{look_alike}");
        }
        assert_eq!(skeleton("alice"), None);
        let paypal = ["p\u{430}ypal", "\u{440}aypal"].map(|name| skeleton(&login_key(name)));
        assert_eq!(paypal[0], paypal[1]);
        assert_ne!(skeleton("j\u{fc}rgen").as_deref(), Some("jurgen"));
        assert_eq!(skeleton("j\u{fc}rgen"), skeleton(&login_key("Ju\u{308}rgen")));
    }

    #[test]
    fn what_nobody_sees_is_in_no_name() {
        for c in [
            '\u{200b}',
            '\u{200d}',
            '\u{202e}',
            '\u{2066}',
            '\u{feff}',
            '\u{ad}',
            '\u{3164}',
            '\u{e0041}',
            '\n',
            '\0',
            '\u{61c}',
        ] {
            let refused = Err(NameProblem::Invisible(c));
            assert_eq!(username(&format!("al{c}ice"), None), refused);
            assert_eq!(email(&format!("al{c}ice@example.org")), refused);
            assert_eq!(display_name(&format!("Al{c}ice")), refused);
        }
        // Between letters of Persian it is spelling.
        let persian = "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}";
        assert_eq!(display_name(persian), Ok(persian.to_owned()));
        assert_eq!(NameProblem::Invisible('\u{202e}').to_string(), "U+202E cannot be seen");
    }

    #[test]
    fn names_of_the_world_are_names() {
        for name in [
            "alice",
            "Alice Example",
            "o'brien",
            "J\u{fc}rgen",
            "\u{5c71}\u{7530}",
            "\u{43c}\u{430}\u{440}\u{438}\u{44f}",
            "\u{645}\u{631}\u{6cc}\u{645}",
            "user+tag",
            "\"><script>",
            "\u{3b1}\u{3bb}\u{3ad}\u{3be}\u{3b7}\u{3c2}",
        ] {
            assert!(username(name, None).is_ok(), "{name}: {:?}", username(name, None));
            assert!(of_one_script(name).is_ok(), "{name}");
        }
        for name in ["Renée Müller-Łukasz", "山田 Taro", "Ada \u{1f600}"] {
            assert!(display_name(name).is_ok(), "{name}");
        }
        for (name, problem) in [
            ("", NameProblem::Length),
            (" alice", NameProblem::Spaces),
            ("a  b", NameProblem::Spaces),
            ("al\u{1f600}", NameProblem::NotAName),
            ("bob@example.org", NameProblem::NotOwn),
        ] {
            assert_eq!(username(name, Some("alice@example.org")), Err(problem), "{name}");
        }
        assert!(username("Alice@example.org", Some("alice@Example.org")).is_ok());
        for bad in ["", "alice", "@", "a@", "@b", "a@b@c", "a b@c", "a@b, c@d", "<a@b>", "\"a\"@b"] {
            assert_eq!(email(bad), Err(NameProblem::NotAnAddress), "{bad}");
        }
        for mixed in ["\u{430}lice", "alice@ex\u{430}mple.org"] {
            assert_eq!(of_one_script(mixed), Err(NameProblem::MixedScripts));
        }
    }

    proptest::proptest! {
        #[test]
        fn a_key_is_its_own_key(text in "\\PC{0,40}") {
            let key = login_key(&text);
            proptest::prop_assert_eq!(login_key(&key), key);
        }
    }
}
