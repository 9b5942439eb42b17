//! What makes blocks a chain: each head is a JWS over the hash of its events and of the head before it. Pure: blocks go in, and the first
//! break comes out. Knows no database.

use crypto::{JwsError, PublicJwk, SigningKey, TokenType, sha256, verify_with_jwk};
use protocol::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use storage::audit::{AuditBlock, AuditHead};

/// What a head says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) iss: String,
    pub(crate) number: i64,
    /// How many events.
    pub(crate) count: u64,
    /// Epoch milliseconds.
    pub(crate) sealed_at: Timestamp,
    /// Of the block's lines, each with its end, in hexadecimal.
    pub(crate) events_sha256: String,
    /// Of the head before it, as it was signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) previous_sha256: Option<String>,
}

/// What a record of retention says: the blocks up to one may be gone.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Forgotten {
    pub(crate) iss: String,
    /// The last of them.
    pub(crate) through: i64,
    /// Its head.
    pub(crate) head_sha256: String,
}

/// The newest head, as the next block refers to it.
pub(crate) struct Previous {
    pub(crate) number: i64,
    pub(crate) sha256: String,
}

impl From<&AuditHead> for Previous {
    fn from(head: &AuditHead) -> Self {
        Self { number: head.number, sha256: hex_sha256(&head.head) }
    }
}

/// A block of these lines, after that head.
pub(crate) fn seal(
    key: &SigningKey,
    issuer: &str,
    previous: Option<Previous>,
    lines: &[&str],
    at: Timestamp,
) -> Result<AuditBlock, serde_json::Error> {
    let events: String = lines.iter().flat_map(|line| [*line, "\n"]).collect();
    let head = Head {
        iss: issuer.to_owned(),
        number: previous.as_ref().map_or(1, |previous| previous.number + 1),
        count: lines.len() as u64,
        sealed_at: at,
        events_sha256: hex_sha256(&events),
        previous_sha256: previous.map(|previous| previous.sha256),
    };
    let signed = key.sign(TokenType::AuditHead, &serde_json::to_vec(&head)?);
    Ok(AuditBlock { number: head.number, events, head: signed })
}

/// What this head says, if it is signed with this key.
pub(crate) fn read_head(key: &PublicJwk, head: &str) -> Result<Head, AuditBreak> {
    let forged = |why: String| AuditBreak::HeadForged { why };
    let verified = verify_with_jwk(key, head, TokenType::AuditHead);
    let payload = verified.map_err(|error: JwsError| forged(error.to_string()))?.payload;
    serde_json::from_slice(&payload).map_err(|error| forged(error.to_string()))
}

/// The first thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "what each means, it says itself")]
pub enum AuditBreak {
    #[error("a head is not signed with this installation's audit key: {why}")]
    HeadForged { why: String },
    #[error("block {number}: its head is not signed with this installation's audit key: {why}")]
    BlockForged { number: i64, why: String },
    #[error("block {number}: its head is the one of block {says}")]
    HeadOfAnother { number: i64, says: i64 },
    #[error("block {expected} is missing: block {found} comes after block {}", expected - 1)]
    Missing { expected: i64, found: i64 },
    #[error(
        "the blocks before block {first} are missing, and no signed record says that they were to be forgotten"
    )]
    BeginningMissing { first: i64 },
    #[error("block {number}: it was not sealed after the block that is before it now")]
    NotLinked { number: i64 },
    #[error(
        "block {number}: its events are not those that were sealed: one was altered, added, removed or moved"
    )]
    EventsChanged { number: i64 },
    #[error(
        "block {number} is not the one whose head was kept: the chain was made anew from there, or earlier"
    )]
    OtherThanKept { number: i64 },
    #[error(
        "the chain ends with block {newest}, and the head that was kept is of block {number}: its end is missing"
    )]
    EndMissing { number: i64, newest: i64 },
}

/// What was found sound.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditVerdict {
    /// The oldest block that is there.
    pub first: i64,
    /// The newest.
    pub last: i64,
    /// Events in all of them.
    pub events: u64,
    /// When the newest was sealed.
    pub sealed_at: Option<Timestamp>,
    /// Heads that were kept and are in the chain.
    pub kept_found: usize,
    /// Heads that were kept and whose blocks were forgotten since.
    pub kept_forgotten: usize,
}

/// A chain on its way through the check, from its oldest block to its newest.
pub struct AuditChain {
    key: PublicJwk,
    verdict: AuditVerdict,
    previous: Option<Previous>,
    /// What the first block says of the head before it.
    beginning: Option<String>,
    records: Vec<Forgotten>,
    kept: BTreeMap<i64, String>,
}

impl AuditChain {
    /// Of the installation with this audit key.
    pub fn of(key: PublicJwk) -> Self {
        let (verdict, previous) = (AuditVerdict::default(), None);
        Self { key, verdict, previous, beginning: None, records: Vec::new(), kept: BTreeMap::new() }
    }

    /// A head that was kept elsewhere: it must be in the chain, unless its block was forgotten.
    ///
    /// # Errors
    /// When it is none of this installation's, or another was kept of the same block.
    pub fn must_hold(&mut self, head: &str) -> Result<(), AuditBreak> {
        let number = read_head(&self.key, head)?.number;
        match self.kept.insert(number, head.to_owned()) {
            Some(before) if before != head => Err(AuditBreak::OtherThanKept { number }),
            _ => Ok(()),
        }
    }

    /// The next block.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn next(&mut self, block: &AuditBlock) -> Result<(), AuditBreak> {
        let number = block.number;
        if let Some(previous) = &self.previous
            && number != previous.number + 1
        {
            return Err(AuditBreak::Missing { expected: previous.number + 1, found: number });
        }
        let head = read_head(&self.key, &block.head).map_err(|error| match error {
            AuditBreak::HeadForged { why } => AuditBreak::BlockForged { number, why },
            other => other,
        })?;
        if head.number != number {
            return Err(AuditBreak::HeadOfAnother { number, says: head.number });
        }
        if head.events_sha256 != hex_sha256(&block.events) {
            return Err(AuditBreak::EventsChanged { number });
        }
        match &self.previous {
            None => {
                self.verdict.first = number;
                self.beginning = head.previous_sha256;
            }
            Some(previous) if head.previous_sha256.as_ref() != Some(&previous.sha256) => {
                return Err(AuditBreak::NotLinked { number });
            }
            Some(_) => {}
        }
        match self.kept.get(&number) {
            Some(kept) if *kept != block.head => return Err(AuditBreak::OtherThanKept { number }),
            Some(_) => self.verdict.kept_found += 1,
            None => {}
        }
        self.take_records(&block.events);
        self.verdict.last = number;
        self.verdict.events += head.count;
        self.verdict.sealed_at = Some(head.sealed_at);
        self.previous = Some(Previous { number, sha256: hex_sha256(&block.head) });
        Ok(())
    }

    /// There are no more blocks.
    ///
    /// # Errors
    /// When the beginning or the end is missing.
    pub fn end(mut self) -> Result<AuditVerdict, AuditBreak> {
        let (first, newest) = (self.verdict.first, self.verdict.last);
        if first > 1 && !self.records.iter().any(|record| self.allows(record)) {
            return Err(AuditBreak::BeginningMissing { first });
        }
        if let Some((&number, _)) = self.kept.last_key_value()
            && number > newest
        {
            return Err(AuditBreak::EndMissing { number, newest });
        }
        self.verdict.kept_forgotten = self.kept.range(..first).count();
        Ok(self.verdict)
    }

    /// Whether a record says that everything before the first block was to be forgotten. What it names besides may still be there: forgetting
    /// takes a while.
    fn allows(&self, record: &Forgotten) -> bool {
        let before = self.verdict.first - 1;
        record.through > before
            || record.through == before && self.beginning.as_ref() == Some(&record.head_sha256)
    }

    fn take_records(&mut self, events: &str) {
        #[derive(Deserialize)]
        struct Carrier {
            record: String,
        }
        // Nearly no line is one.
        let carriers = events.lines().filter(|line| line.contains(r#""event":"AuditBlocksForgotten""#));
        for line in carriers {
            let carrier = serde_json::from_str::<Carrier>(line).ok();
            let record = carrier.and_then(|carrier| {
                let verified = verify_with_jwk(&self.key, &carrier.record, TokenType::AuditRecord).ok()?;
                serde_json::from_slice(&verified.payload).ok()
            });
            self.records.extend(record);
        }
    }
}

/// SHA-256 in hexadecimal, as `sha256sum` prints it.
pub(crate) fn hex_sha256(text: &str) -> String {
    sha256(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
