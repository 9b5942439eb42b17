//! What an operator can look at while the server runs, on the operator's listener: its threads, and, in a build with the feature `profiling`,
//! profiles of CPU and heap for `go tool pprof`. Knows no metric.

#[cfg(feature = "profiling")]
mod profile;
#[cfg(feature = "profiling")]
mod profiles;

use crate::process;
use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

/// The operator's listener: `/debug/..`.
pub(crate) fn router() -> Router {
    let router = Router::new().route("/debug/threads", get(threads));
    #[cfg(feature = "profiling")]
    let router = router.merge(profiles::router());
    #[cfg(not(feature = "profiling"))]
    let router = router.route("/debug/pprof/{*profile}", get(not_built));
    router
}

/// What each thread of the process does, as the system sees it.
async fn threads() -> Response {
    let mut text =
        format!("{:>8} {:<16} {:>5} {:>12}  {}\n", "thread", "name", "state", "cpu seconds", "waits in");
    for thread in process::threads() {
        text += &format!(
            "{:>8} {:<16} {:>5} {:>12.2}  {}\n",
            thread.id, thread.name, thread.state, thread.cpu_seconds, thread.waits_in
        );
    }
    text.into_response()
}

#[cfg(not(feature = "profiling"))]
async fn not_built() -> Response {
    let why = "This build has no profiler, which needs another allocator and takes memory. Build one that has it:\n\n  \
               cargo build --profile profiling --features profiling --package doorward\n\n\
               /debug/threads shows what the threads do.\n";
    (http::StatusCode::NOT_FOUND, why).into_response()
}
