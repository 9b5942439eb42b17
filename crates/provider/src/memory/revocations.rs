//! Revocations in memory: what ends access tokens that still verify. Filled at start, and by what was committed here and
//! on other nodes, so that a check costs no read.

use crate::ProviderError;
use protocol::{Timestamp, UserId};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use storage::Store;
use storage::revocation::{LiveRevocations, Revocation};

/// Every revocation that an access token could still meet.
#[derive(Default)]
pub(crate) struct Revocations(RwLock<HashMap<[u8; 16], Revocation>>);

impl Revocations {
    pub(crate) async fn load(&self, store: &Store, now: Timestamp) -> Result<(), ProviderError> {
        for revocation in store.read(LiveRevocations(now)).await? {
            self.add(revocation);
        }
        Ok(())
    }

    pub(crate) fn add(&self, revocation: Revocation) {
        let mut revocations = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let known = revocations.entry(revocation.id).or_insert(revocation);
        // An earlier one may be heard of later: nothing it ended may come back.
        known.revoked_at = known.revoked_at.max(revocation.revoked_at);
        known.expires_at = known.expires_at.max(revocation.expires_at);
    }

    /// Whether a token is over that stands on each of `once` and was issued to `user` at `issued_at`. A grant, a session or an access
    /// token never comes back; a user does, with a new password or admitted again, and what they are issued afterwards is good.
    pub(crate) fn end(&self, once: &[[u8; 16]], user: Option<UserId>, issued_at: Timestamp) -> bool {
        let revocations = self.0.read().unwrap_or_else(PoisonError::into_inner);
        !revocations.is_empty()
            && (once.iter().any(|id| revocations.contains_key(id))
                || user
                    .and_then(|user| revocations.get(user.as_bytes()))
                    .is_some_and(|revocation| revocation.revoked_at >= issued_at))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Forgets what no living token can meet.
    pub(crate) fn prune(&self, now: Timestamp) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|_, revocation| revocation.expires_at > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_revocation_that_is_heard_of_later_brings_nothing_back() {
        let at = Timestamp::from_millis;
        let revocations = Revocations::default();
        for revoked_at in [100, 50] {
            let expires_at = at(revoked_at + 100);
            revocations.add(Revocation { id: [1; 16], revoked_at: at(revoked_at), expires_at });
        }
        revocations.prune(at(150));
        assert!(revocations.end(&[], Some(UserId::from_bytes([1; 16])), at(100)));
    }

    #[test]
    fn a_grant_is_over_for_good_a_user_until_then_and_pruning_forgets() {
        let at = Timestamp::from_millis;
        let revocations = Revocations::default();
        revocations.add(Revocation { id: [1; 16], revoked_at: at(100), expires_at: at(200) });
        let (revoked, other) = ([1; 16], [0; 16]);
        let user = |id| Some(UserId::from_bytes(id));
        assert!(revocations.end(&[other, revoked], user(other), at(100)));
        // Issued by a request that was a moment ahead of the one that revoked.
        assert!(revocations.end(&[revoked], None, at(101)));
        assert!(revocations.end(&[other], user(revoked), at(100)));
        assert!(!revocations.end(&[other], user(revoked), at(101)));
        assert!(!revocations.end(&[other], user(other), at(1)));
        revocations.prune(at(200));
        assert!(!revocations.end(&[revoked], user(revoked), at(1)));
    }
}
