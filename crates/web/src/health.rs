//! Health: is the process alive, can it answer. For load balancers and service managers.

use crate::app::Web;
use crate::server::Problem;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

/// The process runs.
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// Requests can be answered.
pub(crate) async fn ready(State(web): State<Web>) -> Response {
    let leaving = web.leaving.is_cancelled().then(|| "this server is stopping".to_owned());
    match leaving.map_or_else(|| web.provider.ready(), Err) {
        Ok(()) => "ok\n".into_response(),
        Err(why) => Problem::new(StatusCode::SERVICE_UNAVAILABLE).detail(why).into_response(),
    }
}
