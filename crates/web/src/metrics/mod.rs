//! Metrics: requests counted and timed per route, and what provider, hash pool, store and process count about themselves, for Prometheus.
//! What there is stands in `list`, once: the exposition and `docs/reference/metrics.md` are made from it. Knows no dashboard.

mod exposition;
mod list;
mod metric;
#[cfg(test)]
mod reference;
mod routes;
mod timed;
mod tracer;
mod values;

use crate::server::rate_limit::RateLimits;
use crate::server::{Problem, ServerStats, Stalls, count};
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use protocol::ErrorCode;
use provider::Provider;
use routes::Routes;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

pub(crate) use timed::{Timed, Told};
pub use tracer::{Believe, TracedRequest, Tracer};

/// What happens in this process, counted.
#[derive(Default)]
pub struct HttpMetrics {
    routes: Routes,
    tallies: Arc<Tallies>,
    sources: OnceLock<Sources>,
}

/// Errors that were answered.
#[derive(Default)]
pub(crate) struct Tallies {
    /// In the order of [`ErrorCode::ALL`].
    errors: [AtomicU64; ErrorCode::ALL.len()],
    /// The same, sent to clients by sending the browser back.
    sent_back: [AtomicU64; ErrorCode::ALL.len()],
    refusals: [AtomicU64; Refusal::ALL.len()],
    pub(crate) stalls: Stalls,
    pub(crate) tracer: Option<Tracer>,
}

impl Tallies {
    pub(crate) fn count(&self, told: Told) {
        if let Some(place) = ErrorCode::ALL.iter().position(|code| *code == told.code) {
            count(if told.sent_back { &self.sent_back[place] } else { &self.errors[place] });
        }
        if let Some(place) = Refusal::ALL.iter().position(|(refusal, _)| Some(*refusal) == told.refusal) {
            count(&self.refusals[place]);
        }
    }
}

/// Who counts for themselves, and is asked when Prometheus asks.
pub struct Sources {
    /// The provider, and what it stands on.
    pub provider: Provider,
    /// The connection side.
    pub server: ServerStats,
    /// The limits per address.
    pub rate_limits: RateLimits,
    /// What only the binary knows.
    pub system: ReadSystem,
}

/// Asks the binary what it counts.
pub type ReadSystem = Box<dyn Fn() -> SystemReading + Send + Sync>;

/// What the binary counts, or asks the system about this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemReading {
    /// The process; nothing where the system does not tell.
    pub process: Option<ProcessReading>,
    /// Log lines dropped because the log was read too slowly.
    pub log_lines_dropped: u64,
    /// Traced requests handed to their receiver.
    pub traces_sent: u64,
    /// Traced requests lost: the receiver did not take them in time.
    pub traces_lost: u64,
    /// Log lines left out because one place in the program wrote too many.
    pub log_lines_suppressed: u64,
}

/// A process as the system sees it.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessReading {
    /// Seconds of CPU, of all threads, in user and in system mode.
    pub cpu_seconds: f64,
    /// Bytes in memory, files that are mapped and the program itself included.
    pub resident_bytes: u64,
    /// Of those, what belongs to no file: heap and stacks.
    pub anonymous_bytes: u64,
    /// Bytes of address space.
    pub virtual_bytes: u64,
    /// File descriptors open now.
    pub open_fds: u64,
    /// As many may be open.
    pub max_fds: u64,
    /// Threads.
    pub threads: u64,
    /// When it started, in seconds since 1970.
    pub started_at: f64,
}

/// Why a decision refused a request that it could not even look at. What pool, store and server refuse, they count themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// This client asks too often.
    Client,
    /// Too many failed attempts.
    Attempts,
}

impl Refusal {
    pub(crate) const ALL: &'static [(Self, &'static str)] =
        &[(Self::Client, "client_rate"), (Self::Attempts, "failed_attempts")];
}

impl HttpMetrics {
    /// Those of a server whose threads are watched, and whose requests may be traced.
    pub fn observed_by(stalls: Stalls, tracer: Option<Tracer>) -> Self {
        Self { tallies: Arc::new(Tallies { stalls, tracer, ..Tallies::default() }), ..Self::default() }
    }

    /// Adds those who count for themselves; the first word counts.
    pub fn watch(&self, sources: Sources) {
        // A second server in one process would have metrics of its own.
        let _ = self.sources.set(sources);
    }

    /// The layer that times one route. Its name is part of the metrics.
    pub(crate) fn route(&self, route: &'static str) -> Timed {
        Timed(self.routes.add(route, Arc::clone(&self.tallies)))
    }

    /// Everything, in the OpenMetrics text format.
    pub(crate) fn exposition(&self) -> Option<String> {
        let sources = self.sources.get()?;
        let readings = list::Readings {
            metrics: self,
            provider: sources.provider.readings(),
            server: &sources.server,
            rate_limits: &sources.rate_limits,
            system: (sources.system)(),
        };
        Some(exposition::write(list::METRICS, &readings))
    }
}

/// The operator's listener: `/metrics`.
pub fn metrics_router(metrics: Arc<HttpMetrics>) -> Router {
    Router::new().route("/metrics", get(async move || answer(&metrics)))
}

fn answer(metrics: &HttpMetrics) -> Response {
    let Some(text) = metrics.exposition() else {
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE).into_response();
    };
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, HeaderValue::from_static(content_type))], text).into_response()
}
