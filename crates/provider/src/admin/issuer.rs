//! The issuer that this installation is known by. It stands in every token and in every client's settings, so it changes on purpose only.

use super::AdminError;
use crate::{Ctx, Provider};
use protocol::AuditEvent;
use storage::installation::{BindIssuer, ChangeIssuer, StoredIssuer};

impl Provider {
    /// The issuer that was set when this installation first served, if it was.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn stored_issuer(&self) -> Result<Option<String>, AdminError> {
        Ok(self.inner.store.read(StoredIssuer).await?)
    }

    /// Remembers the issuer of the settings, unless one is remembered: answers that one if it is another.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn bind_issuer(&self, ctx: &Ctx) -> Result<Option<String>, AdminError> {
        let issuer = &self.inner.settings.issuer;
        let bind = BindIssuer { issuer: issuer.clone(), at: ctx.now };
        let stored = match self.stored_issuer().await? {
            None if self.inner.store.write(bind).await? => return Ok(None),
            // Another node was faster.
            None => self.stored_issuer().await?,
            stored => stored,
        };
        Ok(stored.filter(|stored| stored != issuer))
    }

    /// From now on servers start with this issuer only; those that run go on with theirs until they end.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn change_issuer(&self, ctx: &Ctx, issuer: String) -> Result<(), AdminError> {
        let event = AuditEvent::IssuerChanged { issuer: issuer.clone() };
        let change = self.audited(ctx, ChangeIssuer { issuer, at: ctx.now }, event);
        Ok(self.inner.store.write(change).await?)
    }
}
