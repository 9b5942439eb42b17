//! Who access tokens are for (RFC 8707): what a client may ask for, and what one request narrows it to. Knows no grant type.

use crate::Provider;
use protocol::claims::Audience;
use protocol::{AccessTokenType, Client, ErrorCode, OAuthError, Params, ResourceIndicator};

/// What JWT access tokens are like.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted {
    /// Their header says `JWT` and no more.
    pub(crate) plain: bool,
    /// They carry the claims of their scopes.
    pub(crate) claims: bool,
}

impl Wanted {
    fn and(self, other: Self) -> Self {
        Self { plain: self.plain && other.plain, claims: self.claims && other.claims }
    }
}

impl Provider {
    /// The `aud` of this client's access tokens where nobody names a resource.
    pub(crate) fn default_audience<'a>(&'a self, client: &'a Client) -> &'a [String] {
        if client.audience.is_empty() {
            std::slice::from_ref(&self.inner.settings.issuer)
        } else {
            &client.audience
        }
    }

    /// What JWT access tokens for this audience should be like: what every resource server in it is registered for, since one token is read by
    /// all of them.
    pub(crate) fn wanted_by_audience(&self, audience: &Audience) -> Wanted {
        let servers = &self.inner.resource_servers;
        let of = |identifier: &String| {
            servers.named(identifier).map_or(Wanted::default(), |known| Wanted {
                plain: known.server.access_token_type == AccessTokenType::Jwt,
                claims: known.server.access_token_claims,
            })
        };
        match audience {
            Audience::One(only) => of(only),
            Audience::Many(all) => all.iter().map(of).reduce(Wanted::and).unwrap_or_default(),
        }
    }

    /// Whether access tokens of this client may be for this audience: what it is registered for, word by word. That a resource server knows a
    /// scope of the same name is not enough: another's `read` is another thing.
    pub(crate) fn allows_audience(&self, client: &Client, audience: &str) -> bool {
        self.default_audience(client).iter().any(|own| own == audience)
    }

    /// Who an access token of this client is still for, as the client is registered now; nothing when that is all of them. Beside what it is
    /// registered for, a client may have what it gets by exchange; this server itself is taken from nobody.
    pub(crate) fn left_of_audience(
        &self,
        client: &Client,
        said: &Audience,
        exchanged: bool,
    ) -> Option<Vec<String>> {
        let by_exchange = |audience: &String| exchanged && client.token_exchange.audience.contains(audience);
        let may = |audience: &String| {
            self.allows_audience(client, audience)
                || *audience == self.inner.settings.issuer
                || by_exchange(audience)
        };
        match said.all().iter().all(may) {
            true => None,
            false => Some(said.all().iter().filter(|audience| may(audience)).cloned().collect()),
        }
    }

    /// Whether this audience is the client itself, or a resource server that it introspects for.
    pub(crate) fn serves(&self, client: &Client, audience: &Audience) -> bool {
        let theirs = || self.inner.resource_servers.introspected_by(&client.id);
        audience.contains(client.id.as_str())
            || theirs().iter().any(|known| audience.contains(known.server.identifier.as_str()))
    }

    /// The resources that a request of this client names, each once (RFC 8707 section 2).
    pub(crate) fn requested_resources(
        &self,
        client: &Client,
        params: &Params,
    ) -> Result<Vec<ResourceIndicator>, OAuthError> {
        let mut resources = Vec::new();
        for text in params.all("resource") {
            let resource =
                ResourceIndicator::parse(text).map_err(|error| invalid_target(error.to_string()))?;
            if !self.allows_audience(client, resource.as_str()) {
                let refused = invalid_target("this client may not ask for that resource");
                return Err(refused.admitted_by("client set --audience"));
            }
            if !resources.contains(&resource) {
                resources.push(resource);
            }
        }
        Ok(resources)
    }

    /// The audience of an access token on what was granted: the resources this request names, each of which was granted; without any, all that
    /// were granted. Empty means the client's default.
    pub(crate) fn audience(
        &self,
        client: &Client,
        granted: &[ResourceIndicator],
        params: &Params,
    ) -> Result<Vec<String>, OAuthError> {
        let asked = self.requested_resources(client, params)?;
        let chosen = if asked.is_empty() { granted } else { &asked };
        for resource in chosen {
            // RFC 8707 section 2.2: a grant for certain resources serves no other. And what was granted may have been taken from the client.
            let was_granted = granted.is_empty() || granted.contains(resource);
            if !was_granted || !self.allows_audience(client, resource.as_str()) {
                return Err(invalid_target("the grant is not for that resource"));
            }
        }
        Ok(chosen.iter().map(|resource| resource.as_str().to_owned()).collect())
    }
}

/// RFC 8707 section 2: "The requested resource is invalid, missing, unknown, or malformed."
pub(crate) fn invalid_target(description: impl Into<std::borrow::Cow<'static, str>>) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidTarget, description)
}
