//! Sealing: moving written events into signed blocks, once each, whoever seals; and forgetting the oldest blocks, so that it can be told from
//! their loss.
//!
//! Events come late: a slow request's, another node's whose clock is behind. So the chain's order is the order of sealing, not of time: a
//! late event is in a later block. The database sees to it that an event is moved once, and that a block's number is taken once.

use super::chain::{Forgotten, Head, Previous, hex_sha256, read_head, seal};
use super::written_down;
use crate::{Ctx, Provider, ProviderError};
use crypto::{MasterKeys, PrivateKey, PublicJwk, SigningKey, TokenType};
use protocol::{AuditEvent, AuditEventId, SigningAlgorithm, Timestamp};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use storage::Store;
use storage::audit::{
    AddAuditEvents, AuditBlock, AuditBlocksAfter, AuditHead, AuditHeadsAfter, ForgetAuditBlocks,
    NewAuditEvent, NewestAuditHead, SealAuditEvents, UnsealedAuditEvents,
};

/// Events of one block at most.
const BLOCK_EVENTS: u32 = 500;
/// Bytes of one block at most, unless one event alone has more.
const BLOCK_BYTES: usize = 128 * 1024;
/// Bytes of a page of blocks at most, unless one block alone has more.
const PAGE_BYTES: usize = 256 * 1024;
/// Blocks of a page, about.
const PAGE_BLOCKS: usize = 500;
/// Sealing is given up for now when others were faster so often.
const ATTEMPTS: u32 = 5;
/// Blocks forgotten at once.
const SLICE: i64 = 100;
const DAY_MILLIS: i64 = 86_400_000;

const AUDIT_KEY: &str = "audit-signing";

/// The key that signs heads: one for the life of the installation, so that they can be checked for as long as they are kept.
pub(crate) async fn audit_key(
    store: &Store,
    master_keys: &MasterKeys,
    ctx: &mut Ctx,
) -> Result<SigningKey, ProviderError> {
    let defect =
        |error: crypto::private_key::KeyError| ProviderError::Defect(format!("{AUDIT_KEY}: {error}"));
    let algorithm = SigningAlgorithm::EdDsa;
    let made = crate::installation::keys::server_secret(store, master_keys, ctx, AUDIT_KEY, |random| {
        PrivateKey::generate(algorithm, random).and_then(|key| key.to_pkcs8()).map_err(defect)
    });
    let pkcs8 = made.await?;
    Ok(SigningKey::new(PrivateKey::from_pkcs8(algorithm, &pkcs8).map_err(defect)?))
}

impl Provider {
    /// Waits until events were written here that are to be sealed.
    pub async fn audit_written(&self) {
        self.inner.audit.written.notified().await;
    }

    /// Seals every event that was written before `before`; how many they were.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn seal_audit(&self, ctx: &Ctx, before: Timestamp) -> Result<u64, ProviderError> {
        let before = AuditEventId::new(before, [0; 10]);
        let (mut sealed, mut attempts) = (0, 0);
        while attempts < ATTEMPTS {
            let query = UnsealedAuditEvents { before, limit: BLOCK_EVENTS };
            let mut events = self.inner.store.read(query).await?;
            let were_all = events.len() < BLOCK_EVENTS as usize;
            let rest = events.split_off(fitting(&events));
            if events.is_empty() {
                break;
            }
            if self.seal_block(ctx, &events).await? {
                sealed += events.len() as u64;
                if were_all && rest.is_empty() {
                    break;
                }
            } else {
                attempts += 1;
            }
        }
        self.inner.audit.sealed.fetch_add(sealed, Ordering::Relaxed);
        Ok(sealed)
    }

    async fn seal_block(&self, ctx: &Ctx, events: &[NewAuditEvent]) -> Result<bool, ProviderError> {
        let (Some(first), Some(last)) = (events.first(), events.last()) else { return Ok(true) };
        let audit = &self.inner.audit;
        let stored = self.inner.store.read(NewestAuditHead).await?;
        let known = audit.newest.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let newest = match (known, stored) {
            (Some(known), stored) if stored.as_ref().is_none_or(|stored| stored.number < known.number) => {
                // Going on after what is missing leaves a gap that anybody sees.
                tracing::error!(block = known.number, "the end of the audit chain is missing");
                Some(known)
            }
            (_, stored) => stored,
        };
        let lines: Vec<&str> = events.iter().map(|event| event.line.as_str()).collect();
        let previous = newest.as_ref().map(Previous::from);
        let block = seal(&audit.key, &self.inner.settings.issuer, previous, &lines, ctx.now)?;
        let head = AuditHead { number: block.number, head: block.head.clone() };
        let command = SealAuditEvents { block, first: first.id, last: last.id, count: events.len() as u64 };
        let sealed = self.inner.store.write(command).await?;
        if sealed {
            let mut newest = audit.newest.lock().unwrap_or_else(PoisonError::into_inner);
            if newest.as_ref().is_none_or(|newest| newest.number < head.number) {
                *newest = Some(head);
            }
        }
        Ok(sealed)
    }

    /// Forgets blocks that were sealed longer ago than is kept, by whole days, and writes a signed record of it. The newest block stays.
    ///
    /// # Errors
    /// When storage fails, or a head is not ours: then nothing is forgotten.
    pub async fn forget_audit(&self, ctx: &Ctx) -> Result<(), ProviderError> {
        let Some(kept_for) = self.inner.settings.audit_kept_for else { return Ok(()) };
        let until = ctx.now - kept_for;
        let until = Timestamp::from_millis(until.millis().div_euclid(DAY_MILLIS) * DAY_MILLIS);
        let Some(last) = self.last_sealed_before(until).await? else { return Ok(()) };
        let record = Forgotten {
            iss: self.inner.settings.issuer.clone(),
            through: last.number,
            head_sha256: hex_sha256(&last.head),
        };
        let record = self.inner.audit.key.sign(TokenType::AuditRecord, &serde_json::to_vec(&record)?);
        let event = AuditEvent::AuditBlocksForgotten { through: last.number, until, record };
        // The record first: what is gone afterwards, it allows.
        self.inner.store.write(AddAuditEvents(vec![written_down(ctx, &event)])).await?;
        self.inner.audit.written.notify_one();
        let first = self.inner.store.read(AuditHeadsAfter { after: 0, limit: 1 }).await?;
        let mut through = first.first().map_or(last.number, |first| first.number - 1);
        while through < last.number {
            through = (through + SLICE).min(last.number);
            self.inner.store.write(ForgetAuditBlocks { through }).await?;
        }
        Ok(())
    }

    /// The last block that was sealed before then, by what is signed; never the newest of all.
    async fn last_sealed_before(&self, until: Timestamp) -> Result<Option<AuditHead>, ProviderError> {
        let (mut found, mut candidate) = (None, None);
        loop {
            let after = candidate.as_ref().map_or(0, |head: &AuditHead| head.number);
            let heads = self.inner.store.read(AuditHeadsAfter { after, limit: 50 }).await?;
            if heads.is_empty() {
                return Ok(found);
            }
            for head in heads {
                let said = read_head(self.inner.audit.key.public_jwk(), &head.head);
                let said: Head = said.map_err(|error| {
                    ProviderError::Defect(format!(
                        "audit block {}: {error}: nothing is forgotten",
                        head.number
                    ))
                })?;
                // One that has a successor.
                found = candidate.take().or(found);
                if said.sealed_at >= until {
                    return Ok(found);
                }
                candidate = Some(head);
            }
        }
    }

    /// The key that signs heads.
    pub fn audit_key(&self) -> &PublicJwk {
        self.inner.audit.key.public_jwk()
    }

    /// The newest head.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn newest_audit_head(&self) -> Result<Option<String>, ProviderError> {
        Ok(self.inner.store.read(NewestAuditHead).await?.map(|head| head.head))
    }

    /// Some blocks after a number, in order; none at the end.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn audit_blocks(&self, after: i64) -> Result<Vec<AuditBlock>, ProviderError> {
        let mut page: Vec<AuditBlock> = Vec::new();
        // Blocks of a quiet night hold an event each, those of a busy day a thousand times as much.
        let (mut bytes, mut limit) = (0, 2);
        loop {
            let after = page.last().map_or(after, |block| block.number);
            let blocks = self.inner.store.read(AuditBlocksAfter { after, limit }).await?;
            let was_last = blocks.len() < limit as usize;
            for block in blocks {
                bytes += block.events.len() + block.head.len();
                if bytes > PAGE_BYTES && !page.is_empty() {
                    return Ok(page);
                }
                page.push(block);
            }
            if was_last || page.len() >= PAGE_BLOCKS {
                return Ok(page);
            }
            let mean = (bytes / page.len().max(1)).max(1);
            limit = u32::try_from(PAGE_BYTES.saturating_sub(bytes) / mean).unwrap_or(u32::MAX).clamp(1, 500);
        }
    }
}

/// How many of the first events fit in a block.
fn fitting(events: &[NewAuditEvent]) -> usize {
    let mut bytes = 0;
    let fitting = events.iter().take_while(|event| {
        bytes += event.line.len() + 1;
        bytes <= BLOCK_BYTES
    });
    fitting.count().max(1).min(events.len())
}
