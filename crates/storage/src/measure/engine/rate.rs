//! Durable commands at a rate, whatever the engine does, and how long its write-ahead log became meanwhile.

use crate::engine::Options;
use crate::engine::stats::Stats;
use crate::measure::MeasureError;
use crate::measure::engine::{Plan, append, opened};
use crate::measure::loops::open;
use crate::measure::rows::Rows;
use crate::measure::waits::Latency;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Durable commands that came at a rate.
#[derive(Debug, Clone)]
pub struct AtARate {
    /// Asked for per second.
    pub rate: u32,
    /// Answered per second.
    pub per_second: f64,
    /// From when each was due.
    pub waits: Latency,
    /// Turned away.
    pub refused: u64,
    /// Bytes of the write-ahead log, at most.
    pub wal_most: u64,
    /// And those at which it is copied back.
    pub wal_soft_limit: u64,
    /// The engine's own counts.
    pub stats: Stats,
}

pub(super) async fn measure(plan: &Plan) -> Result<AtARate, MeasureError> {
    let store = opened(&plan.folder, "rate.db", |_| {}).await?;
    let wal_most = Arc::new(AtomicU64::new(0));
    let (watched, most, rows) = (store.clone(), Arc::clone(&wal_most), Rows::new()?);
    let watch = move || {
        most.fetch_max(watched.stats().wal_bytes, Ordering::Relaxed);
        false
    };
    let writing = store.clone();
    let seen =
        open(plan.rate, plan.length, watch, move |number| append(writing.clone(), rows.clone(), number))
            .await?;
    let stats = store.stats();
    store.close().await;
    Ok(AtARate {
        rate: plan.rate,
        per_second: seen.per_second(),
        waits: seen.waits.latency(),
        refused: seen.refused,
        wal_most: wal_most.load(Ordering::Relaxed),
        wal_soft_limit: Options::at("rate.db").wal_soft_limit,
        stats,
    })
}
