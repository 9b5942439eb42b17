//! What was changed, by other nodes or here, made effective in this process: the one place where memory is put right. Knows what is kept in
//! memory, not how nodes hear of each other.

use crate::{Provider, ProviderError};
use protocol::Timestamp;
use std::time::Duration;
use storage::Change;

/// After a failure the database is asked again this soon.
pub(crate) const AGAIN: Duration = Duration::from_millis(100);

impl Provider {
    /// Follows the other nodes for as long as it is polled; waits for ever where there can be none.
    ///
    /// While this cannot be done, what depends on memory is refused: see [`storage::Store::current`].
    pub async fn follow(self, now: impl Fn() -> Timestamp) {
        let Some(mut feed) = self.inner.store.feed() else { return std::future::pending().await };
        let mut told = false;
        loop {
            let heard = async {
                let news = feed.next().await?;
                if news.everything {
                    self.take_everything_in(now()).await?;
                }
                self.take_in(&news.changes, now()).await?;
                feed.applied(news);
                Ok::<_, ProviderError>(())
            };
            match heard.await {
                Ok(()) if told => {
                    tracing::info!("the other nodes' changes are read again");
                    told = false;
                }
                Ok(()) => {}
                Err(error) => {
                    if !told {
                        tracing::warn!(%error, "the other nodes' changes cannot be read");
                        told = true;
                    }
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    /// Something may have been missed.
    async fn take_everything_in(&self, now: Timestamp) -> Result<(), ProviderError> {
        self.forget_organizations();
        self.inner.api_keys.forget_all();
        self.inner.revocations.load(&self.inner.store, now).await?;
        self.load_resource_servers().await?;
        self.load_keys(now).await
    }

    /// These changed. Doing it again does no harm.
    pub(crate) async fn take_in(&self, changes: &[Change], now: Timestamp) -> Result<(), ProviderError> {
        let (mut keys_turned, mut resource_servers) = (false, false);
        for change in changes {
            match change {
                Change::Client(id) => {
                    self.inner.clients.forget(id);
                    // Its API keys may be gone with it.
                    self.inner.api_keys.forget_all();
                }
                Change::Revoked(revocation) => self.inner.revocations.add(*revocation),
                Change::SigningKeys => keys_turned = true,
                Change::ApiKey(id) => self.inner.api_keys.forget(*id),
                Change::ResourceServers => resource_servers = true,
                Change::Subscription(user, service) => self.inner.subscriptions.forget(&(*user, *service)),
                Change::Organization(_) => self.forget_organizations(),
                Change::LockOutLifted(user) => self.inner.failures.lift(*user),
            }
        }
        if resource_servers {
            self.load_resource_servers().await?;
        }
        if keys_turned {
            self.load_keys(now).await?;
        }
        Ok(())
    }
}
