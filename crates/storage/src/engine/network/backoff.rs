//! How long to wait before the next try: longer each time, and never in step with others.

use crate::engine::network::identity::CommitIds;
use std::time::Duration;

/// The waits of one endeavour.
pub(super) struct Backoff {
    next: Duration,
    most: Duration,
}

impl Backoff {
    /// Between tries to reach a server that does not answer.
    pub(super) fn of_connecting() -> Self {
        Self { next: Duration::from_millis(25), most: Duration::from_millis(800) }
    }

    /// Between tries of a transaction that others got in the way of.
    pub(super) fn of_conflicts() -> Self {
        Self { next: Duration::from_millis(4), most: Duration::from_millis(200) }
    }

    /// Waits.
    pub(super) async fn wait(&mut self, ids: &CommitIds) {
        let micros = u64::try_from(self.next.as_micros()).unwrap_or(u64::MAX);
        let wait = Duration::from_micros(micros / 2 + ids.scattered(micros));
        self.next = (self.next * 2).min(self.most);
        tokio::time::sleep(wait).await;
    }
}
