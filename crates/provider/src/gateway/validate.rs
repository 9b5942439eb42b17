//! What a gateway asks before it lets a request through: does a rule of the resource server admit it, and who makes it? Of a token or key that
//! is known, nothing is read and no signature is checked.

use crate::gateway::resource_servers::KnownResourceServer;
use crate::tokens::credential::{Caller, Credential};
use crate::{Ctx, Provider, ProviderError};
use protocol::claims::ServiceClaims;
use protocol::{
    AccessRules, AuditEvent, CheckedAt, ErrorCode, Needs, NotAdmitted, OAuthError, RequestPath, Scope,
};
use std::sync::Arc;

/// A request as it came to a gateway.
pub struct GatewayRequest<'a> {
    /// Its method.
    pub method: &'a str,
    /// The host it was sent to.
    pub host: Option<&'a str>,
    /// Its target: path and query as they were sent.
    pub target: &'a str,
    /// The resource server's identifier, where the gateway's configuration says it; else it is found by the host.
    pub resource: Option<&'a str>,
}

/// A request that may pass.
pub struct Admitted {
    /// Who makes it; nobody is asked where a rule says public.
    pub caller: Option<Caller>,
    /// What the caller may do at this resource server.
    pub scope: Scope,
    /// The service it comes by, and how its user stands with that now: a token may be older than a subscription.
    pub service: Option<ServiceClaims>,
}

/// Why a request may not pass.
pub enum Denied {
    /// No credential would help: no rule admits it, or it could be read in two ways.
    Forbidden(&'static str),
    /// A credential would help (RFC 6750 section 3).
    Challenge {
        /// What is protected: the resource server's identifier.
        realm: String,
        /// What was wrong with the credential; nothing when there was none (RFC 6750 section 3.1).
        error: Option<OAuthError>,
        /// What the credential must allow.
        scope: Scope,
    },
    /// This server could not say.
    Provider(ProviderError),
}

impl<E: Into<ProviderError>> From<E> for Denied {
    fn from(error: E) -> Self {
        Self::Provider(error.into())
    }
}

impl Provider {
    /// Whether a gateway may let this request through.
    ///
    /// # Errors
    /// When it may not.
    pub async fn validate(
        &self,
        ctx: &Ctx,
        request: &GatewayRequest<'_>,
        presented: Result<Option<&Credential>, OAuthError>,
    ) -> Result<Admitted, Denied> {
        let answer = self.admitted(ctx, request, presented).await;
        if matches!(&answer, Err(Denied::Challenge { error: Some(_), .. })) {
            self.tell_use(ctx, || AuditEvent::CredentialRefused { at: CheckedAt::Gateway, client: None });
        }
        answer
    }

    async fn admitted(
        &self,
        ctx: &Ctx,
        request: &GatewayRequest<'_>,
        presented: Result<Option<&Credential>, OAuthError>,
    ) -> Result<Admitted, Denied> {
        self.inner.store.current()?;
        let resource = self.resource_server_of(request)?;
        let needed = match needs(&resource.rules, request)? {
            Needs::Public => return Ok(Admitted { caller: None, scope: Scope::default(), service: None }),
            Needs::Token(scope) => scope,
        };
        let challenge = |error| Denied::Challenge {
            realm: resource.server.identifier.as_str().to_owned(),
            error,
            scope: needed.clone(),
        };
        let refused = |code, description: &'static str| challenge(Some(OAuthError::new(code, description)));
        let credential = match presented {
            Ok(Some(credential)) => credential,
            Ok(None) => return Err(challenge(None)),
            Err(error) => return Err(challenge(Some(error))),
        };
        let bad = || refused(ErrorCode::InvalidToken, "it is wrong, expired or revoked");
        let caller = self.look_at_credential(ctx, credential).await?.ok_or_else(bad)?;
        // RFC 9068 section 4: a token for somebody else is refused.
        if !caller.is_for(resource.server.identifier.as_str()) {
            return Err(refused(ErrorCode::InvalidToken, "it is not for this resource server"));
        }
        let scope = caller.scope().intersection(&resource.scopes);
        if !scope.covers(needed) {
            return Err(refused(ErrorCode::InsufficientScope, "it does not allow this request"));
        }
        let service = self.service_told(ctx, &caller).await?;
        // What is accepted once is spent by a request that passes, and by no other.
        if !self.accept_credential(ctx, &caller).await? {
            return Err(bad());
        }
        Ok(Admitted { caller: Some(caller), scope, service })
    }

    /// From memory, if it was asked before.
    async fn service_told(&self, ctx: &Ctx, caller: &Caller) -> Result<Option<ServiceClaims>, ProviderError> {
        match caller {
            Caller::AccessToken(token) => self.current_service_claims(ctx.now, token).await,
            Caller::ApiKey(key) => self.service_claims(ctx.now, key.account(), None).await,
        }
    }

    fn resource_server_of(&self, request: &GatewayRequest<'_>) -> Result<Arc<KnownResourceServer>, Denied> {
        let known = &self.inner.resource_servers;
        let found = match request.resource {
            Some(identifier) => known.named(identifier),
            None => request.host.and_then(|host| known.at(host)),
        };
        found.ok_or_else(|| {
            tracing::warn!(
                named = request.resource.is_some(),
                "a gateway asked for a resource server that is not registered"
            );
            Denied::Forbidden("no resource server is registered under this name or host, or several are")
        })
    }
}

fn needs<'a>(rules: &'a AccessRules, request: &GatewayRequest<'_>) -> Result<&'a Needs, Denied> {
    let path = RequestPath::parse(request.target)
        .map_err(|_| Denied::Forbidden("the path of this request could be read in two ways"))?;
    rules.find(request.method, request.host, &path).map_err(|why| {
        Denied::Forbidden(match why {
            NotAdmitted::Method => "the method of this request is not one in upper case",
            NotAdmitted::Host => "the host of this request cannot be read",
            NotAdmitted::NoHost => {
                "the host of this request is expected, because rules of the resource server name one"
            }
            NotAdmitted::NoRule => "no rule of the resource server lets this request through",
        })
    })
}
