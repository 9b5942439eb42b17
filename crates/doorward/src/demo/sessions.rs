//! What the demo's relying party remembers of its visitors: in memory, a few hundred at most, the oldest forgotten first. Knows neither
//! cookies nor tokens' meaning.

use super::oidc_client::{Attempt, SignedIn};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many visitors are remembered.
const MOST: usize = 256;

/// Visitors, by the value of their cookie.
#[derive(Default)]
pub(super) struct Sessions(Mutex<VecDeque<(String, Visitor)>>);

/// What one visitor is about.
pub(super) enum Visitor {
    /// On the way to the provider.
    SigningIn(Attempt),
    /// Back with tokens.
    SignedIn(Box<SignedIn>),
    /// Gone again, by what they are called.
    SignedOut(String),
}

impl Sessions {
    /// Remembers a visitor who is signed in, or out again; what was known under this cookie is forgotten. One who is on the way may be so several times.
    pub(super) fn remember(&self, cookie: String, visitor: Visitor) {
        let mut all = self.lock();
        if !matches!(visitor, Visitor::SigningIn(_)) {
            all.retain(|(known, _)| *known != cookie);
        }
        if all.len() >= MOST {
            all.pop_front();
        }
        all.push_back((cookie, visitor));
    }

    /// What a visitor on the way back had begun in this browser, in whichever tab. It is forgotten: an attempt is good for one answer.
    pub(super) fn take_attempt(&self, browser: &str, state: &str) -> Option<Attempt> {
        let mut all = self.lock();
        let is_it =
            |visitor: &Visitor| matches!(visitor, Visitor::SigningIn(attempt) if attempt.state() == state);
        let at = all.iter().position(|(known, visitor)| known == browser && is_it(visitor))?;
        match all.remove(at) {
            Some((_, Visitor::SigningIn(attempt))) => Some(attempt),
            _ => None,
        }
    }

    /// Who signed out.
    pub(super) fn signed_out(&self, cookie: &str) -> Option<String> {
        self.lock().iter().find_map(|(known, visitor)| match visitor {
            Visitor::SignedOut(name) if known == cookie => Some(name.clone()),
            _ => None,
        })
    }

    /// The tokens of a visitor who is signed in.
    pub(super) fn signed_in(&self, cookie: &str) -> Option<SignedIn> {
        self.lock().iter().find_map(|(known, visitor)| match visitor {
            Visitor::SignedIn(signed_in) if known == cookie => Some(SignedIn::clone(signed_in)),
            _ => None,
        })
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(String, Visitor)>> {
        // Nothing that holds the lock can leave a visitor half-written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(state: &str) -> Visitor {
        Visitor::SigningIn(Attempt::of(state))
    }

    #[test]
    fn memory_is_bounded_and_an_attempt_is_good_for_one_answer() {
        let sessions = Sessions::default();
        for number in 0..MOST + 10 {
            sessions.remember(number.to_string(), attempt("state"));
        }
        sessions.remember("last".to_owned(), attempt("state"));
        assert_eq!(sessions.lock().len(), MOST);
        assert!(sessions.take_attempt("0", "state").is_none(), "the oldest is forgotten");
        assert!(sessions.take_attempt("last", "state").is_some());
        assert!(sessions.take_attempt("last", "state").is_none());
        sessions.remember("100".to_owned(), Visitor::SignedOut("Alice".to_owned()));
        assert!(sessions.take_attempt("100", "state").is_none());
        assert!(sessions.signed_in("100").is_none());
        assert_eq!(sessions.signed_out("100").as_deref(), Some("Alice"));
    }

    #[test]
    fn two_tabs_of_a_browser_sign_in_beside_each_other_and_no_other_browser_ends_one() {
        let sessions = Sessions::default();
        sessions.remember("browser".to_owned(), attempt("one"));
        sessions.remember("browser".to_owned(), attempt("other"));
        assert!(sessions.take_attempt("another browser", "one").is_none());
        for tab in ["other", "one"] {
            assert!(sessions.take_attempt("browser", tab).is_some(), "{tab}");
        }
    }
}
