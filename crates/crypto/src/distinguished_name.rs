//! Distinguished names, as certificates hold them (RFC 5280 section 4.1.2.4) and as people write them (RFC 4514), in one form that can be
//! compared. Values are compared as they are: no case is folded and no white space is dropped, so that nobody matches by accident.

use std::collections::BTreeSet;

use crate::der::{self, Reader};

/// Relative names, the most significant first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DistinguishedName(Vec<BTreeSet<Attribute>>);

/// A type, as the content of its OID in DER, and a value.
type Attribute = (Vec<u8>, Val);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Val {
    Text(String),
    /// The whole value in DER: of a type that is no text.
    Der(Vec<u8>),
}

/// RFC 4514 section 3, and what else certificates commonly hold; all are under 2.5.4 but the last three.
const TYPES: [(&str, &[u8]); 18] = [
    ("CN", &[0x55, 4, 3]),
    ("SN", &[0x55, 4, 4]),
    ("SERIALNUMBER", &[0x55, 4, 5]),
    ("C", &[0x55, 4, 6]),
    ("L", &[0x55, 4, 7]),
    ("ST", &[0x55, 4, 8]),
    ("STREET", &[0x55, 4, 9]),
    ("O", &[0x55, 4, 10]),
    ("OU", &[0x55, 4, 11]),
    ("TITLE", &[0x55, 4, 12]),
    ("BUSINESSCATEGORY", &[0x55, 4, 15]),
    ("GIVENNAME", &[0x55, 4, 42]),
    ("INITIALS", &[0x55, 4, 43]),
    ("DNQUALIFIER", &[0x55, 4, 46]),
    ("ORGANIZATIONIDENTIFIER", &[0x55, 4, 97]),
    ("UID", &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1]),
    ("DC", &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25]),
    ("EMAILADDRESS", &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1]),
];

impl DistinguishedName {
    /// Reads the content of a `Name`; nothing when it is empty or malformed.
    pub(crate) fn read(mut name: Reader<'_>) -> Option<Self> {
        let mut all = Vec::new();
        while !name.is_at_end() {
            let mut relative = name.expect(der::SET)?;
            let mut attributes = BTreeSet::new();
            while !relative.is_at_end() {
                let mut attribute = relative.expect(der::SEQUENCE)?;
                let id = attribute.expect(der::OID)?.content().to_vec();
                let whole = attribute.content();
                let value = attribute.next().filter(|_| attribute.is_at_end())?;
                attributes.insert((
                    id,
                    text(value.tag, value.content)?.map_or_else(|| Val::Der(whole.to_vec()), Val::Text),
                ));
            }
            all.push(attributes);
        }
        (!all.is_empty()).then_some(Self(all))
    }

    /// Reads `CN=a,O=b`: the most significant comes last (RFC 4514 section 2.1).
    pub(crate) fn parse(written: &str) -> Option<Self> {
        let mut all = Vec::new();
        for relative in split(written, ',')? {
            let mut attributes = BTreeSet::new();
            for attribute in split(relative, '+')? {
                let (name, value) = attribute.split_once('=')?;
                attributes.insert((type_of(name.trim())?, value_of(trimmed(value))?));
            }
            all.push(attributes);
        }
        all.reverse();
        Some(Self(all))
    }
}

/// A string as text, nothing inside for what is no string; `None` for a string that is not in its own encoding.
fn text(tag: u8, content: &[u8]) -> Option<Option<String>> {
    match tag {
        // UTF8String; PrintableString and IA5String are ASCII.
        0x0c => String::from_utf8(content.to_vec()).ok().map(Some),
        0x13 | 0x16 => Some(Some(String::from_utf8(content.to_vec()).ok().filter(|text| text.is_ascii())?)),
        // BMPString: two bytes each.
        0x1e => {
            let (units, rest) = content.as_chunks::<2>();
            let units: Vec<u16> = units.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
            String::from_utf16(&units).ok().filter(|_| rest.is_empty()).map(Some)
        }
        _ => Some(None),
    }
}

/// Splits at separators that are not escaped; `None` when a backslash ends the text.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut parts, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, letter) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if letter == '\\' {
            escaped = true;
        } else if letter == separator {
            parts.push(&text[start..at]);
            start = at + separator.len_utf8();
        }
    }
    parts.push(&text[start..]);
    (!escaped).then_some(parts)
}

/// Without spaces around it; one that is escaped belongs to the value.
fn trimmed(value: &str) -> &str {
    let value = value.trim_start_matches(' ');
    let bare = value.trim_end_matches(' ');
    let escapes = bare.len() - bare.trim_end_matches('\\').len();
    if escapes % 2 == 1 && bare.len() < value.len() { &value[..=bare.len()] } else { bare }
}

/// RFC 4514 section 2.3: a short name, or an OID in dotted decimals.
fn type_of(name: &str) -> Option<Vec<u8>> {
    let known = TYPES.iter().find(|(short, _)| short.eq_ignore_ascii_case(name));
    if let Some((_, id)) = known {
        return Some(id.to_vec());
    }
    let arcs: Vec<u64> = name.split('.').map(|arc| arc.parse().ok()).collect::<Option<_>>()?;
    let (&[first, second], rest) = arcs.split_first_chunk::<2>()?;
    if first > 2 || first < 2 && second > 39 {
        return None;
    }
    let mut id = Vec::new();
    // X.690 section 8.19.4: the first two share a number.
    for arc in std::iter::once((first * 40).checked_add(second)?).chain(rest.iter().copied()) {
        let digits = (u64::BITS - arc.leading_zeros()).div_ceil(7).max(1);
        for digit in (0..digits).rev() {
            let more = if digit > 0 { 0x80 } else { 0 };
            id.push((arc >> (7 * digit)).to_le_bytes()[0] & 0x7f | more);
        }
    }
    Some(id)
}

/// RFC 4514 section 2.4: `#` and the value's DER, or text in which a backslash escapes one character or begins two hexadecimal digits.
fn value_of(written: &str) -> Option<Val> {
    if let Some(hex) = written.strip_prefix('#') {
        return unhex(hex).filter(|der| !der.is_empty()).map(Val::Der);
    }
    let mut bytes = Vec::new();
    let mut rest = written;
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        let escaped = letter == '\\';
        if !escaped {
            // Section 3: these must be escaped.
            if matches!(letter, '"' | ';' | '<' | '>' | '\0') {
                return None;
            }
            bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        if let Some(byte) = rest.get(..2).and_then(unhex) {
            bytes.extend(byte);
            rest = &rest[2..];
            continue;
        }
        let special = rest.chars().next().filter(|next| " \"#+,;<=>\\".contains(*next))?;
        bytes.push(u8::try_from(special).ok()?);
        rest = &rest[1..];
    }
    String::from_utf8(bytes).ok().filter(|text| !text.is_empty()).map(Val::Text)
}

fn unhex(hex: &str) -> Option<Vec<u8>> {
    if !hex.len().is_multiple_of(2) || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc4514_4_spellings_of_one_name_are_one_name() {
        let same = [
            ("CN=a,O=b", "cn = a , o=b"),
            ("CN=a,O=b", "2.5.4.3=a,2.5.4.10=b"),
            (r#"CN=James \"Jim\" Smith\, III"#, r"CN=James \22Jim\22 Smith\2c III"),
            (r"CN=Lu\C4\8Di\C4\87", "CN=Lučić"),
            (r"OU=Sales+CN=J. Smith,DC=example", "CN=J. Smith+OU=Sales,DC=example"),
            (r"CN=a\ ,O=b", r"CN=a\20,O=b"),
            ("0.9.2342.19200300.100.1.25=x", "DC=x"),
            ("1.2.840.113549.1.9.1=a@b", "emailAddress=a@b"),
        ];
        for (one, other) in same {
            assert!(DistinguishedName::parse(one).is_some(), "{one}");
            assert_eq!(DistinguishedName::parse(one), DistinguishedName::parse(other), "{one} {other}");
        }
        for (one, other) in
            [("CN=a,O=b", "O=b,CN=a"), ("CN=a", "CN=A"), ("CN=a", "O=a"), ("CN=a+O=b", "CN=a,O=b")]
        {
            assert_ne!(DistinguishedName::parse(one), DistinguishedName::parse(other), "{one} {other}");
        }
    }

    #[test]
    fn what_is_no_distinguished_name() {
        for bad in [
            "", "a", "CN=", "CN=a,", "CN=a\\", "CN=a;b", "XX=a", "3.1=a", "1.40=a", "CN=#", "CN=#0",
            r"CN=\zz", "CN=a<b",
        ] {
            assert_eq!(DistinguishedName::parse(bad), None, "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn reading_never_panics(text: String, bytes: Vec<u8>) {
            let _ = DistinguishedName::parse(&text);
            let _ = DistinguishedName::read(Reader::new(&bytes));
        }
    }
}
