//! Trusted issuers of assertions, as an operator changes them.

use super::AdminError;
use crate::clients::trusted_keys::KnownKeys;
use crate::{Ctx, Provider};
use protocol::{AssertionIssuer, AuditEvent};
use storage::assertion_issuer::{AddAssertionIssuer, ListAssertionIssuers, RemoveAssertionIssuer};

impl Provider {
    /// Trusts an issuer's assertions as grants.
    ///
    /// # Errors
    /// When the registration makes no sense, or the issuer is registered.
    pub async fn add_assertion_issuer(&self, ctx: &Ctx, issuer: AssertionIssuer) -> Result<(), AdminError> {
        let invalid = |why: &str| Err(AdminError::Invalid(why.to_owned()));
        let name = &issuer.issuer;
        if name.is_empty() || name.len() > 255 || name.chars().any(char::is_control) {
            return invalid("issuer: 1 to 255 bytes without control characters are expected");
        }
        if *name == self.inner.settings.issuer {
            return invalid("issuer: this installation's own tokens are no assertions to itself");
        }
        if issuer.jwks.is_some() == issuer.jwks_uri.is_some() {
            return invalid("either a JWK Set or its address is needed");
        }
        if let Some(jwks) = &issuer.jwks {
            let known = KnownKeys::parse(jwks.to_string().as_bytes())
                .map_err(|error| AdminError::Invalid(error.to_string()))?;
            if let Some(skipped) = known.signing.skipped().first() {
                return Err(AdminError::Invalid(format!("jwks: {skipped}")));
            }
        }
        if issuer.clients.is_empty() {
            return invalid("client: at least one that may present the issuer's assertions is needed");
        }
        let taken = AdminError::Taken(format!("issuer {name}"));
        let event = AuditEvent::AssertionIssuerAdded { issuer: name.clone() };
        let add = self.audited(ctx, AddAssertionIssuer { issuer, at: ctx.now }, event);
        let added = self.inner.store.write(add).await?;
        if added { Ok(()) } else { Err(taken) }
    }

    /// Every trusted issuer.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn list_assertion_issuers(&self) -> Result<Vec<AssertionIssuer>, AdminError> {
        Ok(self.inner.store.read(ListAssertionIssuers).await?)
    }

    /// Trusts an issuer no more; what was issued on its word runs out by itself.
    ///
    /// # Errors
    /// When it is not registered.
    pub async fn remove_assertion_issuer(&self, ctx: &Ctx, issuer: String) -> Result<(), AdminError> {
        let unknown = AdminError::Unknown(format!("issuer {issuer}"));
        let event = AuditEvent::AssertionIssuerRemoved { issuer: issuer.clone() };
        let remove = self.audited(ctx, RemoveAssertionIssuer { issuer }, event);
        let removed = self.inner.store.write(remove).await?;
        if removed { Ok(()) } else { Err(unknown) }
    }
}
