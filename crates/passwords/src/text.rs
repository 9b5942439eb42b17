//! The texts that one typed password stands for: keyboards and systems write the same letters in several ways. Computes no hash.

use unicode_normalization::{UnicodeNormalization as _, is_nfc, is_nfkc};
use zeroize::Zeroizing;

/// A password as it is hashed from now on (RFC 8265 section 4.2, OpaqueString): every space is U+0020, and what can be written in several
/// ways is written in one (NFC). Nothing is refused here: what a keyboard can type may be a password.
pub(crate) fn prepared(typed: &str) -> Zeroizing<String> {
    if typed.is_ascii() {
        return Zeroizing::new(typed.to_owned());
    }
    Zeroizing::new(typed.chars().map(|c| if is_other_space(c) { ' ' } else { c }).nfc().collect())
}

/// The spaces of Unicode (category Zs) but U+0020 itself.
fn is_other_space(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

/// One text to try.
pub(crate) struct Spelling {
    pub(crate) text: Zeroizing<String>,
    /// Whether everything that was typed is in it: only then may the text typed replace a hash that it matches.
    pub(crate) whole: bool,
}

impl Spelling {
    fn new(text: impl Into<String>, whole: bool) -> Self {
        Self { text: Zeroizing::new(text.into()), whole }
    }
}

/// What to try of what was typed, each text once: as it was typed, as it is hashed from now on, and in compatibility form (NFKC), which some
/// systems hash. Most often that is one.
pub(crate) fn spellings(typed: &str) -> Vec<Spelling> {
    let mut all = vec![Spelling::new(typed, true)];
    if typed.is_ascii() {
        return all;
    }
    let prepared = prepared(typed);
    if !is_nfc(typed) || *prepared != *typed {
        add(&mut all, Spelling { text: prepared, whole: true });
    }
    if !is_nfkc(typed) {
        // What it unites (a ligature and its letters) may be typed apart the next time.
        add(&mut all, Spelling::new(typed.nfkc().collect::<String>(), false));
    }
    all
}

/// The same for WordPress, which hashes without the spaces around, and, because of how it reads forms, with a backslash before each quote.
pub(crate) fn wordpress_spellings(typed: &str) -> Vec<Spelling> {
    let mut all = Vec::new();
    for spelling in spellings(typed) {
        let trimmed = spelling.text.trim_matches([' ', '\t', '\n', '\r', '\0', '\u{b}']).to_owned();
        let escaped = Zeroizing::new(trimmed.replace('\'', "\\'").replace('"', "\\\""));
        let whole = spelling.whole && trimmed.len() == spelling.text.len();
        add(&mut all, spelling);
        add(&mut all, Spelling::new(trimmed, whole));
        add(&mut all, Spelling { text: escaped, whole });
    }
    all
}

fn add(all: &mut Vec<Spelling>, spelling: Spelling) {
    if all.iter().all(|known| known.text != spelling.text) {
        all.push(spelling);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(spellings: &[Spelling]) -> Vec<(&str, bool)> {
        spellings.iter().map(|spelling| (spelling.text.as_str(), spelling.whole)).collect()
    }

    #[test]
    fn rfc8265_4_2_spaces_are_one_and_letters_are_composed() {
        assert_eq!(*prepared("pa\u{308}ss\u{3000}word\u{a0}!"), "p\u{e4}ss word !");
        // Neither case, width nor what looks like nothing is changed: two passwords stay two.
        for kept in ["Stra\u{df}e", "\u{ff41}\u{ff42}", "\u{fb01}sh", "a\u{200d}b", " a  b ", "\t\u{7f}"] {
            assert_eq!(*prepared(kept), kept);
        }
    }

    #[test]
    fn what_differs_is_tried_and_nothing_twice() {
        assert_eq!(texts(&spellings("password")), [("password", true)]);
        assert_eq!(texts(&spellings("p\u{e4}ss")), [("p\u{e4}ss", true)]);
        assert_eq!(texts(&spellings("pa\u{308}ss")), [("pa\u{308}ss", true), ("p\u{e4}ss", true)]);
        assert_eq!(texts(&spellings("\u{fb01}sh")), [("\u{fb01}sh", true), ("fish", false)]);
        assert_eq!(
            texts(&spellings("a\u{308}\u{fb01}")),
            [("a\u{308}\u{fb01}", true), ("\u{e4}\u{fb01}", true), ("\u{e4}fi", false)]
        );
    }

    #[test]
    fn wordpress_is_given_what_its_forms_would_have_given_it() {
        assert_eq!(texts(&wordpress_spellings("plain")), [("plain", true)]);
        assert_eq!(texts(&wordpress_spellings("it's")), [("it's", true), ("it\\'s", true)]);
        assert_eq!(
            texts(&wordpress_spellings(" \"x\" ")),
            [(" \"x\" ", true), ("\"x\"", false), ("\\\"x\\\"", false)]
        );
    }
}
