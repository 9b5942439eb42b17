//! Audit: what is told of what happens, and how it gets to the disk. What changes something is written with its change, in one command. What
//! only fails or is used, a stranger could make as often as they like: it is gathered in a bounded buffer, and what does not fit is counted.
//! What events there are stands in `protocol`; what makes them a chain, in `chain.rs`.

mod chain;
mod seal;

pub use chain::{AuditBreak, AuditChain, AuditVerdict};
pub(crate) use seal::audit_key;

use crate::{Ctx, Provider, ProviderError};
use crypto::SigningKey;
use protocol::{AuditClass, AuditEvent, AuditEventId};
use serde::Serialize;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use storage::archive::moment;
use storage::audit::{AddAuditEvents, AuditHead, Audited, NewAuditEvent};
use tokio::sync::Notify;

/// So many gathered events are one command.
const BATCH: usize = 100;
/// Events do not wait longer for others.
const BATCH_WAIT: Duration = Duration::from_secs(1);
/// So many wait at most: some two megabytes.
const CAPACITY: usize = 10_000;

/// How much there was to tell since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AuditCounts {
    /// Events that were gathered and lost: the buffer was full.
    pub dropped: u64,
    /// Events that wait to be written.
    pub waiting: u64,
    /// Events this process has put into the chain.
    pub sealed: u64,
}

/// The events on their way.
pub(crate) struct AuditLog {
    key: SigningKey,
    gathered: Mutex<VecDeque<NewAuditEvent>>,
    /// The batch that is being written. It stays the same until it is known to be written: that is what makes trying again harmless.
    pending: tokio::sync::Mutex<Vec<NewAuditEvent>>,
    /// Something was gathered, or a batch is full.
    ready: Notify,
    /// There may be something to seal.
    written: Notify,
    dropped: AtomicU64,
    sealed: AtomicU64,
    /// The newest head that this process has seen or made.
    newest: Mutex<Option<AuditHead>>,
}

impl AuditLog {
    pub(crate) fn new(key: SigningKey) -> Self {
        Self {
            key,
            gathered: Mutex::default(),
            pending: tokio::sync::Mutex::default(),
            ready: Notify::new(),
            written: Notify::new(),
            dropped: AtomicU64::new(0),
            sealed: AtomicU64::new(0),
            newest: Mutex::default(),
        }
    }

    fn gather(&self, event: NewAuditEvent) {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        if gathered.len() >= CAPACITY {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        gathered.push_back(event);
        if gathered.len() == 1 || gathered.len() == BATCH {
            self.ready.notify_one();
        }
    }

    fn next_batch(&self) -> Vec<NewAuditEvent> {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        let count = gathered.len().min(BATCH);
        let batch = gathered.drain(..count).collect();
        if gathered.is_empty() {
            // What a burst took is given back.
            gathered.shrink_to(BATCH);
        }
        batch
    }

    fn is_full(&self) -> bool {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner).len() >= BATCH
    }
}

/// An event as it is written down, and sealed, and exported: these bytes.
#[derive(Serialize)]
struct Line<'a> {
    id: AuditEventId,
    time: String,
    #[serde(flatten)]
    event: &'a AuditEvent,
    request: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
}

fn written_down(ctx: &Ctx, event: &AuditEvent) -> NewAuditEvent {
    let id = ctx.event_id();
    let line = Line {
        id,
        time: moment(ctx.now),
        event,
        request: ctx.request_id.to_string(),
        address: ctx.remote.map(|address| address.to_canonical()),
    };
    // Ids, names and words have no way to fail.
    NewAuditEvent { id, line: serde_json::to_string(&line).unwrap_or_default() }
}

impl Provider {
    /// The command with the event that tells of it.
    pub(crate) fn audited<C>(&self, ctx: &Ctx, command: C, event: AuditEvent) -> Audited<C> {
        self.audited_all(ctx, command, [event])
    }

    /// The command with the events that tell of it.
    pub(crate) fn audited_all<C>(
        &self,
        ctx: &Ctx,
        command: C,
        events: impl IntoIterator<Item = AuditEvent>,
    ) -> Audited<C> {
        if !self.inner.settings.audit.keeps(AuditClass::Change) {
            return Audited { command, events: Vec::new() };
        }
        let events: Vec<_> = events.into_iter().map(|event| written_down(ctx, &event)).collect();
        if !events.is_empty() {
            self.inner.audit.written.notify_one();
        }
        Audited { command, events }
    }

    /// Whether failures are kept: what it takes to tell of one is not always at hand.
    pub(crate) fn keeps_failures(&self) -> bool {
        self.inner.settings.audit.keeps(AuditClass::Failure)
    }

    /// Gathers what failed.
    pub(crate) fn tell_failure(&self, ctx: &Ctx, event: impl FnOnce() -> AuditEvent) {
        self.tell(ctx, AuditClass::Failure, event);
    }

    /// Gathers what was used. Without `all` it costs a comparison.
    pub(crate) fn tell_use(&self, ctx: &Ctx, event: impl FnOnce() -> AuditEvent) {
        self.tell(ctx, AuditClass::Use, event);
    }

    fn tell(&self, ctx: &Ctx, class: AuditClass, event: impl FnOnce() -> AuditEvent) {
        if self.inner.settings.audit.keeps(class) {
            let event = event();
            debug_assert_eq!(event.class(), class, "{}", event.name());
            self.inner.audit.gather(written_down(ctx, &event));
        }
    }

    /// Waits until gathered events are to be written: a batch is full, or they have waited long enough. While there are none, nothing runs.
    pub async fn audit_batch(&self) {
        let audit = &self.inner.audit;
        audit.ready.notified().await;
        let full = async {
            while !audit.is_full() {
                audit.ready.notified().await;
            }
        };
        let _waited_long_enough = tokio::time::timeout(BATCH_WAIT, full).await;
    }

    /// Writes every gathered event.
    ///
    /// # Errors
    /// When storage fails; what was not written is kept and tried again with the next.
    pub async fn flush_audit(&self) -> Result<(), ProviderError> {
        let audit = &self.inner.audit;
        let mut pending = audit.pending.lock().await;
        loop {
            if pending.is_empty() {
                *pending = audit.next_batch();
            }
            if pending.is_empty() {
                return Ok(());
            }
            // Refused means that they were written by an attempt whose answer was lost.
            self.inner.store.write(AddAuditEvents(pending.clone())).await?;
            pending.clear();
            audit.written.notify_one();
        }
    }

    /// How much there was to tell.
    pub fn audit_counts(&self) -> AuditCounts {
        let audit = &self.inner.audit;
        AuditCounts {
            dropped: audit.dropped.load(Ordering::Relaxed),
            waiting: audit.gathered.lock().unwrap_or_else(PoisonError::into_inner).len() as u64,
            sealed: audit.sealed.load(Ordering::Relaxed),
        }
    }
}
