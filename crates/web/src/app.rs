//! What the surface is built from, and what every handler is given.

use crate::below::path_of;
use crate::cookies::Cookies;
use crate::metrics::HttpMetrics;
use crate::server::rate_limit::RateLimits;
use provider::{Ctx, Provider};
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Makes a request's circumstances. Its address is known here; clock and randomness are the binary's.
pub type NewCtx = fn(Option<IpAddr>) -> Ctx;

/// What every handler is given: a cheap clone, which each request takes several times.
#[derive(Clone)]
pub struct Web(Arc<Surface>);

/// What the surface is built from.
pub struct Surface {
    /// The decisions.
    pub provider: Provider,
    /// Clock and randomness.
    pub new_ctx: NewCtx,
    /// How often one address may ask.
    pub rate_limits: RateLimits,
    /// Counted and timed requests.
    pub metrics: Arc<HttpMetrics>,
    /// Cancelled when the server begins to stop: load balancers should turn away, while everything is answered as before.
    pub leaving: CancellationToken,
}

impl From<Surface> for Web {
    fn from(surface: Surface) -> Self {
        Self(Arc::new(surface))
    }
}

impl Deref for Web {
    type Target = Surface;

    fn deref(&self) -> &Surface {
        &self.0
    }
}

impl Surface {
    /// Whether browsers reach the issuer by https: only then can cookies be `__Host-` ones.
    pub(crate) fn is_https(&self) -> bool {
        self.provider.settings().issuer.starts_with("https://")
    }

    pub(crate) fn cookies(&self) -> Cookies<'_> {
        Cookies { https: self.is_https(), path: path_of(&self.provider.settings().issuer) }
    }
}
