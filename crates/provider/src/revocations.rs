//! Revocations in memory: what ends access tokens that still verify. Filled at start, and by the command that revokes once it is
//! durable, so that a check costs no read.

use crate::ProviderError;
use protocol::Timestamp;
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
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(revocation.id, revocation);
    }

    /// Whether something issued at `issued_at` from any of `ids` is over.
    pub(crate) fn end(&self, ids: &[[u8; 16]], issued_at: Timestamp) -> bool {
        let revocations = self.0.read().unwrap_or_else(PoisonError::into_inner);
        !revocations.is_empty()
            && ids
                .iter()
                .any(|id| revocations.get(id).is_some_and(|revocation| revocation.revoked_at >= issued_at))
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
    fn only_what_was_issued_until_then_is_over_and_pruning_forgets() {
        let at = Timestamp::from_millis;
        let revocations = Revocations::default();
        revocations.add(Revocation { id: [1; 16], revoked_at: at(100), expires_at: at(200) });
        assert!(revocations.end(&[[0; 16], [1; 16]], at(100)));
        assert!(!revocations.end(&[[1; 16]], at(101)));
        assert!(!revocations.end(&[[2; 16]], at(1)));
        revocations.prune(at(200));
        assert!(!revocations.end(&[[1; 16]], at(1)));
    }
}
