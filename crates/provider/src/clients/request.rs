//! A request that a client makes at an endpoint of its own: what it asks, and what it proves itself with.

use protocol::Params;
use protocol::credentials::Authorization;

/// What a client sends.
pub struct ClientRequest {
    /// The form.
    pub params: Params,
    /// The `Authorization` header.
    pub authorization: Option<Authorization>,
}
