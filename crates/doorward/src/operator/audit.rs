//! What an operator can ask of the audit chain: blocks as they are stored. Whether they are sound is checked where they are asked for, not by
//! the server that may have been broken into.

use super::{Answer, Outcome, Refusal};
use provider::{Ctx, Provider};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use storage::audit::AuditBlock;

/// What can be asked.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AuditOperation {
    /// Everything written until now goes into the chain.
    Seal,
    /// Some blocks; none at the end.
    Blocks { after: i64 },
    /// The newest head.
    Head,
    /// The key that signs heads.
    Key,
}

/// A block as it travels.
#[derive(Serialize, Deserialize)]
pub(crate) struct AuditBlockView {
    pub(crate) number: i64,
    pub(crate) events: String,
    pub(crate) head: String,
}

impl From<AuditBlock> for AuditBlockView {
    fn from(AuditBlock { number, events, head }: AuditBlock) -> Self {
        Self { number, events, head }
    }
}

impl From<AuditBlockView> for AuditBlock {
    fn from(AuditBlockView { number, events, head }: AuditBlockView) -> Self {
        Self { number, events, head }
    }
}

impl AuditOperation {
    /// What stands in the log.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Seal => "seal_audit",
            Self::Blocks { .. } => "list_audit_blocks",
            Self::Head => "newest_audit_head",
            Self::Key => "audit_key",
        }
    }

    pub(super) async fn perform(self, provider: &Provider, ctx: &Ctx) -> Answer {
        Ok(match self {
            Self::Seal => {
                provider.flush_audit().await?;
                provider.seal_audit(ctx, ctx.now + Duration::from_millis(1)).await?;
                Outcome::Done
            }
            Self::Blocks { after } => {
                let blocks = provider.audit_blocks(after).await?;
                Outcome::AuditBlocks(blocks.into_iter().map(Into::into).collect())
            }
            Self::Head => Outcome::AuditHead(provider.newest_audit_head().await?),
            Self::Key => Outcome::AuditKey(
                serde_json::to_value(provider.audit_key()).map_err(|error| Refusal(error.to_string()))?,
            ),
        })
    }
}
