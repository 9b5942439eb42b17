//! Metrics: requests counted and timed per route, and what provider, hash pool and store count about themselves, in the Prometheus
//! text format (OpenMetrics). Knows no dashboard.

use crate::server::{Problem, ServerStats};
use axum::Router;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use provider::Provider;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Seconds: from a cached read to a password that waited its turn.
const BUCKETS: [f64; 11] = [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabel {
    route: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabel {
    route: &'static str,
    status: &'static str,
}

/// Counted and timed requests.
pub struct HttpMetrics {
    registry: Mutex<Registry>,
    durations: Family<RouteLabel, Histogram, fn() -> Histogram>,
    answers: Family<StatusLabel, Counter>,
}

impl Default for HttpMetrics {
    fn default() -> Self {
        let durations = Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        let answers = Family::default();
        let mut registry = Registry::with_prefix("doorward");
        registry.register(
            "http_request_duration_seconds",
            "Time from a request's head to its answer's head",
            durations.clone(),
        );
        registry.register("http_responses", "Answers by route and class of status", answers.clone());
        Self { registry: Mutex::new(registry), durations, answers }
    }
}

/// One route's handles: taken from the families once, so that a request looks nothing up.
#[derive(Clone)]
pub(crate) struct RouteTimer {
    duration: Histogram,
    answers: [Counter; 4],
}

impl HttpMetrics {
    pub(crate) fn route(&self, route: &'static str) -> RouteTimer {
        let answers = |status| self.answers.get_or_create_owned(&StatusLabel { route, status });
        RouteTimer {
            duration: self.durations.get_or_create_owned(&RouteLabel { route }),
            answers: [answers("2xx"), answers("3xx"), answers("4xx"), answers("5xx")],
        }
    }

    /// Adds what provider, hash pool, store and server count about themselves.
    pub fn watch(&self, provider: Provider, server: ServerStats) {
        let collector = Box::new(Watched { provider, server });
        self.registry.lock().unwrap_or_else(PoisonError::into_inner).register_collector(collector);
    }
}

/// Middleware around one route.
pub(crate) async fn timed(timer: RouteTimer, request: Request, next: Next) -> Response {
    let began = monotonic();
    let response = next.run(request).await;
    timer.duration.observe(began.elapsed().as_secs_f64());
    let class = usize::from(response.status().as_u16() / 100).clamp(2, 5) - 2;
    timer.answers[class].inc();
    response
}

#[expect(clippy::disallowed_methods, reason = "a request's duration is measured, not decided by")]
fn monotonic() -> Instant {
    Instant::now()
}

/// The operator's listener: `/metrics`.
pub fn metrics_router(metrics: Arc<HttpMetrics>) -> Router {
    Router::new().route("/metrics", get(async move || exposition(&metrics)))
}

fn exposition(metrics: &HttpMetrics) -> Response {
    let mut text = String::new();
    match encode(&mut text, &metrics.registry.lock().unwrap_or_else(PoisonError::into_inner)) {
        Ok(()) => {
            let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(CONTENT_TYPE, HeaderValue::from_static(content_type))], text).into_response()
        }
        Err(_) => Problem::new(StatusCode::INTERNAL_SERVER_ERROR).into_response(),
    }
}

/// What others count, read when asked for.
struct Watched {
    provider: Provider,
    server: ServerStats,
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watched")
    }
}

impl Collector for Watched {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for (name, help, value) in self.gauges().into_iter().chain(self.backup_gauges()) {
            write(&mut encoder, name, help, &ConstGauge::new(value))?;
        }
        for (name, help, value) in self.counters().into_iter().chain(self.backup_counters()) {
            write(&mut encoder, name, help, &ConstCounter::new(value))?;
        }
        Ok(())
    }
}

type Reading<T> = (&'static str, &'static str, T);

impl Watched {
    /// Nothing when nothing is shipped; no moment before there is one, so that an alert on its age does not see 1970.
    #[expect(clippy::cast_precision_loss, reason = "gauges are floating-point in the exposition format")]
    fn backup_gauges(&self) -> Vec<Reading<f64>> {
        let Some(shipping) = self.provider.store().shipping() else { return Vec::new() };
        let moments = [
            (
                "backup_last_shipped_timestamp_seconds",
                "The newest moment that can be restored",
                shipping.shipped_until,
            ),
            (
                "backup_last_drill_success_timestamp_seconds",
                "When the newest backup was last restored and found sound",
                shipping.drilled_at,
            ),
        ];
        let mut readings = vec![(
            "backup_lag_seconds",
            "For how long the oldest change has not been restorable",
            shipping.lag.as_secs_f64(),
        )];
        readings.extend(
            moments
                .into_iter()
                .filter_map(|(name, help, at)| Some((name, help, at?.millis() as f64 / 1_000.0))),
        );
        readings
    }

    fn backup_counters(&self) -> Vec<Reading<u64>> {
        let Some(shipping) = self.provider.store().shipping() else { return Vec::new() };
        vec![
            ("backup_failures", "Attempts to ship that failed", shipping.failures),
            ("backup_gaps", "Times the log of backups broke off and began anew", shipping.gaps),
            ("backup_drill_failures", "Drills that failed", shipping.drill_failures),
        ]
    }

    #[expect(clippy::cast_precision_loss, reason = "gauges are floating-point in the exposition format")]
    fn gauges(&self) -> Vec<Reading<f64>> {
        let pool = self.provider.hash_pool().stats();
        let store = self.provider.store().stats();
        vec![
            ("connections_open", "Connections open now", self.server.open() as f64),
            ("hash_pool_threads", "Password hashing threads", pool.threads as f64),
            ("hash_pool_queued", "Passwords waiting to be hashed", pool.queued as f64),
            ("hash_pool_running", "Passwords being hashed", pool.running as f64),
            (
                "hash_pool_hash_seconds",
                "Time of one password hash, moving average",
                pool.mean_hash.as_secs_f64(),
            ),
            (
                "hash_pool_wait_seconds",
                "Time a password arriving now would wait",
                pool.estimated_wait.as_secs_f64(),
            ),
            ("store_queued_writes", "Writes waiting for their turn", store.queue_depth as f64),
            (
                "store_oldest_wait_seconds",
                "Time the oldest of them has waited",
                store.oldest_wait.as_secs_f64(),
            ),
            ("store_mean_batch", "Commands per commit, on average since the start", store.mean_batch()),
            ("store_largest_batch", "Commands in the largest commit", store.largest_batch as f64),
            ("store_last_commit_seconds", "Time of the last commit", store.last_commit.as_secs_f64()),
            (
                "store_slowest_commit_seconds",
                "Time of the slowest commit",
                store.slowest_commit.as_secs_f64(),
            ),
            ("store_wal_bytes", "Bytes of write-ahead log not yet copied back", store.wal_bytes as f64),
            (
                "store_read_connections",
                "Connections to a database server that read, in use or ready",
                store.read_connections as f64,
            ),
            ("store_reads_waiting", "Reads that wait for one of them", store.reads_waiting as f64),
        ]
    }

    fn counters(&self) -> Vec<Reading<u64>> {
        let pool = self.provider.hash_pool().stats();
        let store = self.provider.store().stats();
        let (known, verified) = self.provider.token_cache_counts();
        let audit = self.provider.audit_counts();
        vec![
            ("connections_accepted", "Connections accepted", self.server.accepted()),
            (
                "connections_refused",
                "Connections refused: their address held too many",
                self.server.refused(),
            ),
            (
                "connections_timed_out",
                "Connections cut because the client was too slow",
                self.server.timed_out(),
            ),
            ("hash_pool_completed", "Passwords hashed or verified", pool.completed),
            ("hash_pool_refused", "Passwords refused because too many waited", pool.refused),
            ("hash_pool_abandoned", "Passwords whose caller had gone before their turn", pool.abandoned),
            ("store_commits", "Commits", store.batches),
            ("store_commands", "Commands applied or refused by a commit", store.commands),
            ("store_overloaded", "Writes refused because too many waited", store.overloaded),
            ("store_failed", "Writes that failed", store.failed),
            ("store_checkpoints", "Times the write-ahead log was copied back completely", store.checkpoints),
            ("store_point_reads", "Reads by key", store.point_reads),
            ("store_scans", "Reads that scan", store.scans),
            ("store_retried", "Transactions tried again on a database server", store.retried),
            ("store_connects", "Connections opened to a database server", store.connects),
            ("store_resolved", "Commits whose answer was lost and found out", store.resolved),
            ("store_undecided", "Commits of which it could not be found out in time", store.undecided),
            ("access_tokens_known", "Presented access tokens that were verified before", known),
            ("access_tokens_verified", "Presented access tokens that had to be verified", verified),
            (
                "audit_events_dropped",
                "Audit events lost because too many waited to be written",
                audit.dropped,
            ),
            ("audit_events_sealed", "Audit events put into the chain by this process", audit.sealed),
        ]
    }
}

fn write(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    metric: &impl EncodeMetric,
) -> Result<(), std::fmt::Error> {
    metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
}
