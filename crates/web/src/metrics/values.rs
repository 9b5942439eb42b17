//! How values are put that are no plain number: by cause, a moment, what may be missing.

use super::exposition::Samples;
use super::list::Readings;
use super::{ProcessReading, Refusal};
use std::sync::atomic::Ordering::Relaxed;

pub(super) fn refusals(r: &Readings<'_>, out: &mut Samples<'_>) {
    let (store, pool) = (&r.provider.store, &r.provider.hash_pool);
    for (cause, count) in [
        ("address_connections", r.server.refused()),
        ("address_rate", r.rate_limits.refused()),
        ("hash_pool", pool.refused),
        ("arrivals", pool.turned_away),
        ("store_queue", store.refused_queue),
        ("store_deadline", store.refused_deadline),
        ("store_log", store.refused_log),
    ] {
        out.put_with(&[cause], count);
    }
    for ((_, cause), count) in Refusal::ALL.iter().zip(&r.metrics.tallies.refusals) {
        out.put_with(&[cause], count.load(Relaxed));
    }
}

/// No moment before there is one, so that an alert on its age does not see 1970.
pub(super) fn moment(at: Option<protocol::Timestamp>, out: &mut Samples<'_>) {
    if let Some(at) = at {
        out.put(seconds(at));
    }
}

/// As Prometheus counts time.
pub(super) fn seconds(at: protocol::Timestamp) -> String {
    format!("{}.{:03}", at.millis() / 1_000, at.millis() % 1_000)
}

pub(super) fn count(count: Option<u64>, out: &mut Samples<'_>) {
    if let Some(count) = count {
        out.put(count);
    }
}

pub(super) fn process(r: &Readings<'_>, out: &mut Samples<'_>, put: fn(&ProcessReading, &mut Samples<'_>)) {
    if let Some(process) = &r.system.process {
        put(process, out);
    }
}
