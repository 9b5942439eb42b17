//! User codes (RFC 8628 section 6.1): short, of letters that are told apart easily and form no words, and read back however a person types
//! them. Knows no lifetime, no storage and no randomness: what it is made of is an argument.

use std::fmt;

/// The alphabet of RFC 8628 section 6.1: no vowels, no digits.
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LENGTH: usize = 8;
/// Longer input is not looked at.
const LONGEST_INPUT: usize = 64;

/// A user code: 8 letters, 34.5 bits. Shown as `WDJB-MJHT`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct UserCode([u8; LENGTH]);

/// Text that can be no user code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("user_code: eight letters are expected")]
pub struct InvalidUserCode;

impl UserCode {
    /// How many there are.
    pub const COUNT: u64 = (ALPHABET.len() as u64).pow(LENGTH as u32);

    /// The code that these random bits stand for. A code's chance differs from another's by less than one in 2^29.
    pub fn from_random(random: u64) -> Self {
        let mut rest = random % Self::COUNT;
        let base = ALPHABET.len() as u64;
        Self(std::array::from_fn(|_| {
            let letter = ALPHABET[(rest % base) as usize];
            rest /= base;
            letter
        }))
    }

    /// Reads what a person typed: upper or lower case, with dashes, dots and spaces wherever they like.
    ///
    /// # Errors
    /// When what remains is not eight letters of the alphabet.
    pub fn parse(text: &str) -> Result<Self, InvalidUserCode> {
        if text.len() > LONGEST_INPUT {
            return Err(InvalidUserCode);
        }
        let mut code = [0; LENGTH];
        let mut length = 0;
        for typed in text.chars().filter(|typed| !is_between(*typed)) {
            let letter = u8::try_from(typed.to_ascii_uppercase()).map_err(|_| InvalidUserCode)?;
            if length == LENGTH || !ALPHABET.contains(&letter) {
                return Err(InvalidUserCode);
            }
            code[length] = letter;
            length += 1;
        }
        if length == LENGTH { Ok(Self(code)) } else { Err(InvalidUserCode) }
    }

    /// The letters alone: what it is looked up by.
    pub fn letters(&self) -> &[u8; LENGTH] {
        &self.0
    }
}

/// What people, telephones and word processors put between letters.
fn is_between(typed: char) -> bool {
    typed.is_whitespace() || matches!(typed, '-' | '_' | '.' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, letter) in self.0.iter().enumerate() {
            if index == LENGTH / 2 {
                f.write_str("-")?;
            }
            write!(f, "{}", char::from(*letter))?;
        }
        Ok(())
    }
}

impl fmt::Debug for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserCode(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rfc8628_6_1_case_and_punctuation_do_not_matter() {
        let code = UserCode::parse("WDJB-MJHT").unwrap();
        for typed in
            ["wdjbmjht", " WDJB MJHT ", "w-d-j-b-m-j-h-t", "Wdjb\u{2013}Mjht", "wdjb.mjht\n", "WDJB_MJHT"]
        {
            assert_eq!(UserCode::parse(typed), Ok(code), "{typed:?}");
        }
    }

    #[test]
    fn rfc8628_6_1_what_is_no_code_is_told() {
        let long = " ".repeat(60) + "WDJBMJHT";
        for typed in ["", "WDJB-MJH", "WDJB-MJHTT", "WDJB-MJHA", "WDJB-MJH1", "ẞDJBMJHT", "ＷDJBMJHT", &long]
        {
            assert_eq!(UserCode::parse(typed), Err(InvalidUserCode), "{typed:?}");
        }
    }

    #[test]
    fn debug_shows_no_code() {
        assert_eq!(format!("{:?}", UserCode::from_random(7)), "UserCode(..)");
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(random in any::<u64>()) {
            let code = UserCode::from_random(random);
            prop_assert_eq!(code.to_string().len(), 9);
            prop_assert_eq!(UserCode::parse(&code.to_string()), Ok(code));
            prop_assert_eq!(UserCode::parse(&code.to_string().to_lowercase()), Ok(code));
        }

        #[test]
        fn different_bits_are_different_codes(a in 0..UserCode::COUNT, b in 0..UserCode::COUNT) {
            prop_assert_eq!(a == b, UserCode::from_random(a) == UserCode::from_random(b));
        }

        #[test]
        fn parsing_never_panics(text in ".*") {
            let _ = UserCode::parse(&text);
        }
    }
}
