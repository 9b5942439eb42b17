//! What scripts of other origins may do at Keycloak's paths beside what they may everywhere: its clients send their requests with credentials,
//! and browsers show them the answer only if that is allowed.

use http::HeaderValue;
use http::request::Parts;
use protocol::ClientCertificate;
use tower_http::cors::{AllowCredentials, CorsLayer};

/// No cookie counts behind this. The one thing a browser could add by itself that does count is a certificate: to a connection with one, the
/// answer is shown to nobody.
pub(crate) fn with_credentials(any_origin: CorsLayer) -> CorsLayer {
    let without_certificate =
        |_: &HeaderValue, request: &Parts| request.extensions.get::<ClientCertificate>().is_none();
    any_origin.allow_credentials(AllowCredentials::predicate(without_certificate))
}
