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
}

impl Sessions {
    /// Remembers a visitor; what was known under this cookie is forgotten.
    pub(super) fn remember(&self, cookie: String, visitor: Visitor) {
        let mut all = self.lock();
        all.retain(|(known, _)| *known != cookie);
        if all.len() >= MOST {
            all.pop_front();
        }
        all.push_back((cookie, visitor));
    }

    /// What a visitor on the way back had begun. It is forgotten: an attempt is good for one answer.
    pub(super) fn take_attempt(&self, cookie: &str) -> Option<Attempt> {
        let mut all = self.lock();
        let at = all
            .iter()
            .position(|(known, visitor)| known == cookie && matches!(visitor, Visitor::SigningIn(_)))?;
        match all.remove(at) {
            Some((_, Visitor::SigningIn(attempt))) => Some(attempt),
            _ => None,
        }
    }

    /// Forgets a visitor.
    pub(super) fn forget(&self, cookie: &str) {
        self.lock().retain(|(known, _)| known != cookie);
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

    #[test]
    fn memory_is_bounded_and_an_attempt_is_good_for_one_answer() {
        let sessions = Sessions::default();
        for number in 0..MOST + 10 {
            sessions.remember(number.to_string(), Visitor::SigningIn(Attempt::default()));
        }
        sessions.remember("last".to_owned(), Visitor::SigningIn(Attempt::default()));
        sessions.remember("last".to_owned(), Visitor::SigningIn(Attempt::default()));
        assert_eq!(sessions.lock().len(), MOST);
        assert!(sessions.take_attempt("0").is_none(), "the oldest is forgotten");
        assert!(sessions.take_attempt("last").is_some());
        assert!(sessions.take_attempt("last").is_none());
        sessions.forget("100");
        assert!(sessions.take_attempt("100").is_none());
        assert!(sessions.signed_in("100").is_none());
    }
}
