//! Mutual TLS (RFC 8705): clients that prove who they are by their certificate, and tokens that are good only with it.

use crate::clients::authentication::because;
use crate::clients::trusted_keys::KeySource;
use crate::tokens::access_token::VerifiedAccessToken;
use crate::{Ctx, Provider, ProviderError};
use crypto::{JwsError, certificate_thumbprint, sha256, subject_matches};
use protocol::claims::Confirmation;
use protocol::{Client, ClientAuthentication, ErrorCode, GrantId, SecretHash};
use storage::certificate_binding::{BindGrant, BindingOfGrant};
use storage::grant::Grant;

impl Provider {
    /// Whether the certificate of this connection is this client's (RFC 8705 sections 2.1 and 2.2).
    pub(crate) async fn check_certificate(&self, ctx: &Ctx, client: &Client) -> Result<(), ProviderError> {
        let told = |why: &dyn std::fmt::Display| {
            tracing::debug!(client_id = %client.id, request_id = %ctx.request_id, %why, "a certificate is refused");
            because("the certificate is not the client's: --log debug says why")
        };
        let none = || match &ctx.unread_certificate {
            Some(why) => told(&format_args!("one was passed on that is not read: {why}")),
            None => told(&"there is none"),
        };
        let certificate = ctx.certificate.as_ref().ok_or_else(none)?;
        if client.authentication == ClientAuthentication::TlsClientAuth {
            let subject = client.tls_subject.as_ref().ok_or_else(|| told(&"the client names no subject"))?;
            if !subject_matches(certificate.leaf(), subject) {
                return Err(told(&"it names somebody else"));
            }
            let authorities = &self.inner.settings.mutual_tls.authorities;
            let vouched = authorities.vouch_for(certificate, ctx.now);
            return if vouched { Ok(()) } else { Err(told(&"no trusted authority vouches for it now")) };
        }
        let source = KeySource::of(client.jwks.as_ref(), client.jwks_uri.as_ref());
        let source = source.ok_or_else(|| told(&"the client registered none"))?;
        let thumbprint = certificate_thumbprint(certificate.leaf());
        let holder = format!("client {}", client.id);
        let registered = self.inner.trusted_keys.check(ctx.now, &holder, source, |keys| {
            if keys.certificates.contains(&thumbprint) { Ok(()) } else { Err(JwsError::UnknownKey) }
        });
        registered.await.map_err(|error| told(&error))
    }

    /// Binds the refresh tokens of this grant to the certificate they are issued with, if the client is public and asks for it (RFC 8705
    /// section 4); those of a confidential client are bound by its authentication.
    pub(crate) async fn bind_refresh_tokens(
        &self,
        ctx: &Ctx,
        client: &Client,
        grant: &Grant,
    ) -> Result<(), ProviderError> {
        let Some(certificate) = ctx.certificate.as_ref().filter(|_| binds_refresh_tokens(client)) else {
            return Ok(());
        };
        let binding = BindGrant {
            grant_id: grant.granted.id,
            certificate_hash: SecretHash::from_bytes(sha256(certificate.leaf())),
            expires_at: grant.granted.expires_at,
        };
        // Bound already: by whoever presents the same code twice, of whom only one gets tokens.
        self.inner.store.write(binding).await?;
        Ok(())
    }

    /// Whether this grant's refresh tokens may be used with the certificate of this connection.
    pub(crate) async fn check_refresh_binding(
        &self,
        ctx: &Ctx,
        client: &Client,
        grant: GrantId,
    ) -> Result<(), ProviderError> {
        if !binds_refresh_tokens(client) {
            return Ok(());
        }
        let Some(bound_to) = self.inner.store.read(BindingOfGrant(grant)).await? else { return Ok(()) };
        let presented = ctx.certificate.as_ref().map(|certificate| sha256(certificate.leaf()));
        if presented.as_ref() == Some(bound_to.as_bytes()) {
            return Ok(());
        }
        let description = "the refresh token is bound to another certificate";
        Err(ProviderError::oauth(ErrorCode::InvalidGrant, description))
    }
}

impl VerifiedAccessToken {
    /// Whether it may be presented on this connection: a token that is bound to a certificate, only with it (RFC 8705 section 3). Other
    /// resource servers are told by introspection what to compare.
    pub(crate) fn may_be_presented(&self, ctx: &Ctx) -> bool {
        match &self.claims.cnf {
            Some(confirmation) => certificate_confirmation(ctx).as_ref() == Some(confirmation),
            None => true,
        }
    }
}

/// What an access token issued now to this client is bound to (RFC 8705 section 3.1).
pub(crate) fn confirmation(ctx: &Ctx, client: &Client) -> Result<Option<Confirmation>, ProviderError> {
    if !client.tls_client_certificate_bound_access_tokens {
        return Ok(None);
    }
    let missing = || {
        let description =
            "this client's tokens are bound to its certificate: present it in the TLS handshake";
        ProviderError::oauth(ErrorCode::InvalidRequest, description)
    };
    certificate_confirmation(ctx).map(Some).ok_or_else(missing)
}

fn certificate_confirmation(ctx: &Ctx) -> Option<Confirmation> {
    let certificate = ctx.certificate.as_ref()?;
    Some(Confirmation { certificate: certificate_thumbprint(certificate.leaf()) })
}

fn binds_refresh_tokens(client: &Client) -> bool {
    client.tls_client_certificate_bound_access_tokens && !client.authentication.is_confidential()
}
