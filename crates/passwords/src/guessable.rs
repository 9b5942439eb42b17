//! Passwords that are guessed first: common ones, with what people put around and into them, and the account's own words. How strong a
//! password is otherwise is not estimated here.

use std::sync::LazyLock;
use unicode_normalization::UnicodeNormalization as _;

/// One a line, sorted; the first lines say where they are from.
const COMMON: &str = include_str!("guessable/common.txt");

static WORDS: LazyLock<Vec<&str>> =
    LazyLock::new(|| COMMON.lines().filter(|line| !line.starts_with("# ")).collect());

/// Words of the account shorter than this are in too many passwords.
const LEAST_OWN: usize = 3;
/// So many letters beside what is known make a password another one.
const ENOUGH_LETTERS: usize = 4;
/// A password with fewer different characters is one key, or a few in turn.
const LEAST_DIFFERENT: usize = 4;

/// Why a password is guessed soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Guessable {
    /// It is one of the most common ones, or hardly more.
    #[error("it is one of the passwords that are guessed first")]
    Common,
    /// It is made of the account's own name or address.
    #[error("it is made of the account's own words")]
    OwnWords,
    /// It is a few characters over and over, or a row of the keyboard or the alphabet.
    #[error("it is a pattern")]
    Pattern,
}

/// Why this password is guessed soon, if it is. `own` are the account's words: its username, its address, what its owner is called.
pub fn guessable<'a>(password: &str, own: impl IntoIterator<Item = &'a str>) -> Option<Guessable> {
    let lower: String = password.nfkc().flat_map(char::to_lowercase).collect();
    let plain = without_disguise(&lower);
    let mut words: Vec<String> = own.into_iter().flat_map(words_of).collect();
    // The longest first: what is left of it would hide it.
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    for text in [&lower, &plain] {
        let rest = words.iter().fold(text.clone(), |rest, word| rest.replace(word, ""));
        if rest != *text && (letters(&rest) < ENOUGH_LETTERS || is_common(&rest)) {
            return Some(Guessable::OwnWords);
        }
    }
    if is_pattern(&lower) {
        return Some(Guessable::Pattern);
    }
    [&lower, &plain].into_iter().any(|text| is_common(text)).then_some(Guessable::Common)
}

/// Whether it is a common password, or one over and over, with what people put around it.
fn is_common(text: &str) -> bool {
    let known = |text: &str| WORDS.binary_search(&text).is_ok();
    let core = core(text);
    let lengths = (1..=core.len() / 2).filter(|length| core.len().is_multiple_of(*length));
    let mut units = lengths.filter_map(|length| core.get(..length));
    known(text)
        || known(core)
        || units.any(|unit| known(unit) && core == unit.repeat(core.len() / unit.len()))
}

/// A name, an address, and the words in it.
fn words_of(text: &str) -> Vec<String> {
    let lower: String = text.nfkc().flat_map(char::to_lowercase).collect();
    let mut words: Vec<String> =
        lower.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).chain([lower.clone()]).collect();
    words.retain(|word| word.chars().count() >= LEAST_OWN);
    words
}

fn letters(text: &str) -> usize {
    text.chars().filter(|c| c.is_alphabetic()).count()
}

/// Without digits and signs before and after.
fn core(text: &str) -> &str {
    text.trim_matches(|c: char| !c.is_alphabetic())
}

/// With letters where signs stand for them.
fn without_disguise(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '0' => 'o',
            '1' | '!' => 'i',
            '3' => 'e',
            '4' | '@' => 'a',
            '5' | '$' => 's',
            '7' => 't',
            c => c,
        })
        .collect()
}

fn is_pattern(text: &str) -> bool {
    let all: Vec<char> = text.chars().collect();
    let mut different = all.clone();
    different.sort_unstable();
    different.dedup();
    if different.len() < LEAST_DIFFERENT {
        return true;
    }
    let over_and_over = (1..=all.len() / 2)
        .any(|period| period <= 4 && all.iter().zip(all.iter().skip(period)).all(|(one, next)| one == next));
    let steps = |by: i64| {
        all.windows(2).all(|pair| i64::from(u32::from(pair[1])) - i64::from(u32::from(pair[0])) == by)
    };
    over_and_over || steps(1) || steps(-1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: [&str; 3] = ["alice", "alice.liddell@kaninchenbau.example", "Alice Liddell"];

    #[test]
    fn the_list_is_sorted_says_where_it_is_from_and_has_nothing_too_short() {
        assert!(WORDS.is_sorted() && WORDS.len() > 10_000);
        assert!(COMMON.starts_with("# ") && COMMON.contains("BSD-3-Clause"));
        assert!(WORDS.iter().all(|word| word.len() >= 5));
    }

    #[test]
    fn common_passwords_and_hardly_more_are_guessed_first() {
        for password in [
            "password",
            "password1234",
            "PassWord1!",
            "p@ssw0rd",
            "!!dragon2024!!",
            "dragondragon",
            "PasswordPassword1",
            "qwertyuiop",
            "iloveyou12",
            "letmein99",
        ] {
            assert_eq!(guessable(password, ALICE), Some(Guessable::Common), "{password}");
        }
        for password in [
            "aaaaaaaa",
            "abcabcabcabc",
            "12121212",
            "abcdefgh",
            "87654321",
            "\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}",
        ] {
            assert_eq!(guessable(password, []), Some(Guessable::Pattern), "{password}");
        }
    }

    #[test]
    fn the_account_s_own_words_are_no_password() {
        for password in [
            "alice2024",
            "Alice!!!1",
            "liddell1",
            "kaninchenbau7",
            "alice.liddell@kaninchenbau.example",
            "4lice123",
            "x-alice-x",
            "alicealice",
            "alice.liddell",
            "LIDDELL-alice-2024",
            "ALICE.kaninchenbau.example",
            "alicepassword1",
            "Dragon!alice",
        ] {
            assert_eq!(guessable(password, ALICE), Some(Guessable::OwnWords), "{password}");
        }
        assert_eq!(guessable("kaninchenbau7", []), None);
    }

    #[test]
    fn what_is_not_known_may_be_a_password() {
        for password in [
            "correct horse battery",
            "correct-horse-battery",
            "another-horse-battery",
            "through the looking glass, alice",
            "harmless words 42",
            "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
            "Tr0ub4dor&3",
            "\u{5bc6}\u{7801}\u{4e0d}\u{8981}\u{592a}\u{77ed}\u{7684}\u{597d}",
        ] {
            assert_eq!(guessable(password, ALICE), None, "{password}");
        }
    }
}
