//! Every metric, once: its name, what it means, and where its value is read.
//!
//! Names are those of Prometheus' own conventions: base units, `_total` for what only grows, the process's own without our prefix. Labels
//! are bounded: a route's template, never a path; nothing a client makes up.

use super::metric::{Metric, Only, counter, gauge, histogram};
use super::values::{count, moment, process, refusals, seconds};
use super::{HttpMetrics, SystemReading};
use crate::server::ServerStats;
use crate::server::rate_limit::RateLimits;
use protocol::ErrorCode;
use std::sync::atomic::Ordering::Relaxed;

/// What the values are read from.
pub(super) struct Readings<'a> {
    pub(super) metrics: &'a HttpMetrics,
    pub(super) provider: provider::Readings,
    pub(super) server: &'a ServerStats,
    pub(super) rate_limits: &'a RateLimits,
    pub(super) system: SystemReading,
}

/// In the order of the reference page.
pub(super) static METRICS: &[Metric] = &[
    gauge("doorward_build_info", "The running version; always 1", |_, out| {
        out.put_with(&[env!("CARGO_PKG_VERSION")], 1);
    })
    .of(&["version"]),
    // Requests and connections.
    histogram(
        "doorward_http_request_duration_seconds",
        "Time from a request's head to its answer's head",
        |r, out| {
            for read in r.metrics.routes.read() {
                out.put_all_with(&[read.route, &read.method, &read.status], &read.times);
            }
        },
    )
    .of(&["route", "method", "status"]),
    counter(
        "doorward_http_requests_total",
        "Requests received, also those that were refused before they reached a route",
        |r, out| out.put(r.server.requests()),
    ),
    counter("doorward_http_errors_total", "Errors answered, by their OAuth error code", |r, out| {
        for (code, count) in ErrorCode::ALL.iter().zip(&r.metrics.tallies.errors) {
            out.put_with(&[code.as_str()], count.load(Relaxed));
        }
    })
    .of(&["error"]),
    counter(
        "doorward_authorization_errors_total",
        "Errors that clients were told by sending the browser back, by their OAuth error code",
        |r, out| {
            for (code, count) in ErrorCode::ALL.iter().zip(&r.metrics.tallies.sent_back) {
                out.put_with(&[code.as_str()], count.load(Relaxed));
            }
        },
    )
    .of(&["error"]),
    counter("doorward_http_panics_total", "Requests whose handler had a defect", |r, out| {
        out.put(r.server.panics());
    }),
    counter("doorward_refusals_total", "Requests refused because it was too much, by cause", refusals)
        .of(&["cause"]),
    gauge("doorward_connections_open", "Connections open now", |r, out| out.put(r.server.open())),
    counter("doorward_connections_accepted_total", "Connections accepted", |r, out| {
        out.put(r.server.accepted());
    }),
    counter(
        "doorward_connections_timed_out_total",
        "Connections cut because the client was too slow",
        |r, out| out.put(r.server.timed_out()),
    ),
    counter(
        "doorward_tls_handshakes_failed_total",
        "TLS handshakes that failed or took too long",
        |r, out| {
            out.put(r.server.failed_handshakes());
        },
    ),
    // Password hashing.
    gauge("doorward_hash_pool_threads", "Password hashing threads", |r, out| {
        out.put(r.provider.hash_pool.threads);
    }),
    gauge("doorward_hash_pool_running", "Passwords being hashed", |r, out| {
        out.put(r.provider.hash_pool.running);
    }),
    gauge("doorward_hash_pool_queued", "Passwords waiting to be hashed", |r, out| {
        out.put(r.provider.hash_pool.queued);
    }),
    gauge(
        "doorward_hash_pool_expected_wait_seconds",
        "How long a password arriving now would wait",
        |r, out| {
            out.put(r.provider.hash_pool.estimated_wait.as_secs_f64());
        },
    ),
    histogram("doorward_hash_pool_wait_seconds", "How long passwords waited for a thread", |r, out| {
        out.put_all(&r.provider.hash_pool.waits);
    }),
    histogram("doorward_hash_pool_hash_seconds", "How long one password occupied a thread", |r, out| {
        out.put_all(&r.provider.hash_pool.hash_times);
    }),
    counter("doorward_hash_pool_hashes_total", "Password hashes computed", |r, out| {
        out.put(r.provider.hash_pool.hashes);
    }),
    counter(
        "doorward_hash_pool_abandoned_total",
        "Passwords whose caller had gone before their turn",
        |r, out| out.put(r.provider.hash_pool.abandoned),
    ),
    counter(
        "doorward_hash_pool_upgraded_total",
        "Stored hashes replaced by one with today's parameters",
        |r, out| out.put(r.provider.hash_pool.upgraded),
    ),
    gauge("doorward_password_worker_usable", "Whether this worker is asked at all: 0 or 1", |r, out| {
        for worker in &r.provider.remotes {
            out.put_with(&[&worker.name], u8::from(worker.usable));
        }
    })
    .of(&["worker"])
    .only(Only::Workers),
    gauge(
        "doorward_password_worker_outstanding",
        "Passwords this worker is checking for us now",
        |r, out| {
            for worker in &r.provider.remotes {
                out.put_with(&[&worker.name], worker.outstanding);
            }
        },
    )
    .of(&["worker"])
    .only(Only::Workers),
    counter("doorward_password_worker_requests_total", "Passwords this worker was asked about", |r, out| {
        for worker in &r.provider.remotes {
            for (result, count) in
                [("answered", worker.answered), ("busy", worker.busy), ("failed", worker.failed)]
            {
                out.put_with(&[&worker.name, result], count);
            }
        }
    })
    .of(&["worker", "result"])
    .only(Only::Workers),
    // Writes.
    gauge("doorward_store_queued_writes", "Writes waiting for their turn", |r, out| {
        out.put(r.provider.store.queue_depth);
    }),
    gauge("doorward_store_oldest_wait_seconds", "How long the oldest of them has waited", |r, out| {
        out.put(r.provider.store.oldest_wait.as_secs_f64());
    }),
    histogram("doorward_store_write_wait_seconds", "How long writes waited for their turn", |r, out| {
        out.put_all(&r.provider.store.waits);
    }),
    histogram(
        "doorward_store_transaction_seconds",
        "How long transactions took, their commit included",
        |r, out| out.put_all(&r.provider.store.transactions),
    ),
    histogram(
        "doorward_store_commit_seconds",
        "How long commits took: writing the log and the disk's sync",
        |r, out| out.put_all(&r.provider.store.commits),
    )
    .only(Only::Sqlite),
    histogram("doorward_store_batch_commands", "Commands that shared one transaction", |r, out| {
        out.put_all(&r.provider.store.batch_sizes);
    }),
    counter("doorward_store_commands_total", "Commands by what became of them", |r, out| {
        let store = &r.provider.store;
        out.put_with(&["applied"], store.commands.saturating_sub(store.refused_commands));
        out.put_with(&["refused"], store.refused_commands);
        out.put_with(&["failed"], store.failed);
    })
    .of(&["outcome"]),
    gauge("doorward_store_wal_bytes", "Bytes of write-ahead log not yet copied back", |r, out| {
        out.put(r.provider.store.wal_bytes);
    })
    .only(Only::Sqlite),
    counter(
        "doorward_store_checkpoints_total",
        "Times the write-ahead log was copied back completely",
        |r, out| out.put(r.provider.store.checkpoints),
    )
    .only(Only::Sqlite),
    histogram(
        "doorward_store_checkpoint_seconds",
        "How long rounds of copying it back took, beside the writer",
        |r, out| out.put_all(&r.provider.store.checkpoint_times),
    )
    .only(Only::Sqlite),
    // Reads.
    counter("doorward_store_reads_total", "Reads: point is by key, scan looks at many rows", |r, out| {
        out.put_with(&["point"], r.provider.store.point_reads);
        out.put_with(&["scan"], r.provider.store.scans);
    })
    .of(&["access"]),
    histogram(
        "doorward_store_point_read_seconds",
        "How long reads by key took; one of 64 is measured",
        |r, out| out.put_all(&r.provider.store.read_times),
    )
    .only(Only::Sqlite),
    histogram("doorward_store_scan_seconds", "How long scans took, their wait included", |r, out| {
        out.put_all(&r.provider.store.scan_times);
    })
    .only(Only::Sqlite),
    // A database on a server.
    gauge("doorward_store_read_connections", "Connections that read, in use or ready", |r, out| {
        out.put(r.provider.store.read_connections);
    })
    .only(Only::DatabaseServer),
    gauge("doorward_store_reads_waiting", "Reads that wait for one of them", |r, out| {
        out.put(r.provider.store.reads_waiting);
    })
    .only(Only::DatabaseServer),
    counter("doorward_store_connects_total", "Connections opened", |r, out| {
        out.put(r.provider.store.connects);
    })
    .only(Only::DatabaseServer),
    counter("doorward_store_retries_total", "Transactions tried again", |r, out| {
        out.put(r.provider.store.retried);
    })
    .only(Only::DatabaseServer),
    counter("doorward_store_resolved_total", "Commits whose answer was lost and found out", |r, out| {
        out.put(r.provider.store.resolved);
    })
    .only(Only::DatabaseServer),
    counter(
        "doorward_store_undecided_total",
        "Commits of which it could not be found out in time",
        |r, out| out.put(r.provider.store.undecided),
    )
    .only(Only::DatabaseServer),
    // Memory.
    counter("doorward_cache_lookups_total", "Look-ups in what is held in memory, hit or miss", |r, out| {
        for cache in &r.provider.caches {
            out.put_with(&[cache.name, "hit"], cache.hits);
            out.put_with(&[cache.name, "miss"], cache.misses);
        }
    })
    .of(&["cache", "result"]),
    gauge("doorward_cache_entries", "What is held in memory now", |r, out| {
        for cache in &r.provider.caches {
            out.put_with(&[cache.name], cache.entries);
        }
    })
    .of(&["cache"]),
    gauge("doorward_revocations", "Revocations that an access token could still meet", |r, out| {
        out.put(r.provider.revocations);
    }),
    // The audit log.
    counter(
        "doorward_audit_events_sealed_total",
        "Audit events put into the chain by this process",
        |r, out| {
            out.put(r.provider.audit.sealed);
        },
    ),
    counter("doorward_audit_events_dropped_total", "Audit events lost because too many waited", |r, out| {
        out.put(r.provider.audit.dropped);
    }),
    gauge("doorward_audit_events_waiting", "Audit events that wait to be written", |r, out| {
        out.put(r.provider.audit.waiting);
    }),
    // Jobs.
    gauge(
        "doorward_job_last_success_timestamp_seconds",
        "When this job last did what there was to do, or found that another node does it; at first, when it began",
        |r, out| {
            for (job, at) in &r.provider.jobs {
                out.put_with(&[job], seconds(*at));
            }
        },
    )
    .of(&["job"]),
    // Backups.
    gauge(
        "doorward_backup_lag_seconds",
        "For how long the oldest change has not been restorable",
        |r, out| {
            if let Some(shipping) = &r.provider.shipping {
                out.put(shipping.lag.as_secs_f64());
            }
        },
    )
    .only(Only::Backup),
    gauge(
        "doorward_backup_last_shipped_timestamp_seconds",
        "The newest moment that can be restored",
        |r, out| moment(r.provider.shipping.and_then(|shipping| shipping.shipped_until), out),
    )
    .only(Only::Backup),
    gauge(
        "doorward_backup_last_drill_success_timestamp_seconds",
        "When the newest backup was last restored and found sound",
        |r, out| moment(r.provider.shipping.and_then(|shipping| shipping.drilled_at), out),
    )
    .only(Only::Backup),
    counter("doorward_backup_failures_total", "Attempts to ship that failed", |r, out| {
        count(r.provider.shipping.map(|shipping| shipping.failures), out);
    })
    .only(Only::Backup),
    counter("doorward_backup_gaps_total", "Times the log of backups broke off and began anew", |r, out| {
        count(r.provider.shipping.map(|shipping| shipping.gaps), out);
    })
    .only(Only::Backup),
    counter("doorward_backup_drill_failures_total", "Drills that failed", |r, out| {
        count(r.provider.shipping.map(|shipping| shipping.drill_failures), out);
    })
    .only(Only::Backup),
    // Threads that serve connections.
    histogram("doorward_stall_seconds", "How long a thread that serves connections was blocked", |r, out| {
        out.put_all(&r.metrics.tallies.stalls.times());
    }),
    gauge("doorward_stalled_threads", "Threads that are blocked now", |r, out| {
        out.put(r.metrics.tallies.stalls.lasting());
    }),
    // The log.
    counter(
        "doorward_log_lines_dropped_total",
        "Log lines dropped because the log was read too slowly",
        |r, out| out.put(r.system.log_lines_dropped),
    ),
    counter(
        "doorward_log_lines_suppressed_total",
        "Log lines left out because one place in the program wrote too many",
        |r, out| out.put(r.system.log_lines_suppressed),
    ),
    counter("doorward_traces_total", "Traced requests by what became of their trace", |r, out| {
        out.put_with(&["sent"], r.system.traces_sent);
        out.put_with(&["lost"], r.system.traces_lost);
    })
    .of(&["outcome"]),
    // The process.
    counter("process_cpu_seconds_total", "CPU time of all threads", |r, out| {
        process(r, out, |process, out| out.put(process.cpu_seconds));
    })
    .only(Only::Linux),
    gauge(
        "process_resident_memory_bytes",
        "Memory, the program's own pages and mapped files included",
        |r, out| process(r, out, |process, out| out.put(process.resident_bytes)),
    )
    .only(Only::Linux),
    gauge("doorward_anonymous_memory_bytes", "Of that, heap and stacks: what can leak", |r, out| {
        process(r, out, |process, out| out.put(process.anonymous_bytes));
    })
    .only(Only::Linux),
    gauge("process_virtual_memory_bytes", "Address space", |r, out| {
        process(r, out, |process, out| out.put(process.virtual_bytes));
    })
    .only(Only::Linux),
    gauge("process_open_fds", "File descriptors open now", |r, out| {
        process(r, out, |process, out| out.put(process.open_fds));
    })
    .only(Only::Linux),
    gauge("process_max_fds", "File descriptors that may be open", |r, out| {
        process(r, out, |process, out| out.put(process.max_fds));
    })
    .only(Only::Linux),
    gauge("process_threads", "Threads", |r, out| {
        process(r, out, |process, out| out.put(process.threads));
    })
    .only(Only::Linux),
    gauge("process_start_time_seconds", "When the process started, since 1970", |r, out| {
        process(r, out, |process, out| out.put(process.started_at));
    })
    .only(Only::Linux),
];
