//! The one way that a change is written which memory holds too. It runs to its end also when whoever asked has gone meanwhile, and whatever came
//! of it, what the command announces is put right here as other nodes put it right: by `follow`.

use crate::memory::follow::AGAIN;
use crate::{Ctx, Provider};
use protocol::Timestamp;
use storage::{Announcing, Change, StorageError};

impl Provider {
    /// Writes a command that announces changes, and makes them effective here before it answers.
    ///
    /// # Errors
    /// As [`storage::Store::write`]. Of an undecided write memory holds what the database says, and what may have been revoked is refused.
    pub(crate) async fn commit<C>(&self, ctx: &Ctx, command: C) -> Result<C::Outcome, StorageError>
    where
        C: Announcing<Outcome: 'static> + 'static,
    {
        let (provider, now) = (self.clone(), ctx.now);
        let to_the_end = tokio::spawn(async move {
            let written = provider.inner.store.write_announced(command).await;
            let mut changes = written.changes;
            if !written.may_have_happened {
                // To forget what is true costs a read; to believe in a revocation that never was ends tokens that are good.
                changes.retain(|change| !matches!(change, Change::Revoked(_)));
            }
            provider.put_right(changes, now).await;
            written.outcome
        });
        to_the_end.await.unwrap_or_else(|ended| Err(StorageError::Undecided(ended.to_string())))
    }

    /// Makes changes effective; what cannot be read again now is read as soon as it can be.
    async fn put_right(&self, changes: Vec<Change>, now: Timestamp) {
        let Err(error) = self.take_in(&changes, now).await else { return };
        tracing::warn!(%error, "what was changed cannot be read again yet");
        let provider = self.clone();
        tokio::spawn(async move {
            while provider.take_in(&changes, now).await.is_err() {
                tokio::time::sleep(AGAIN).await;
            }
        });
    }
}
