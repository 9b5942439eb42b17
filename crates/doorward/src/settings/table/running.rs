//! The settings of a server's bounds, its storage and backups, and what it tells. Knows how a value is read, not where it comes from.

use std::num::NonZeroU32;
use std::time::Duration;

use provider::AuditLevel;

use super::super::setting::Preset::{Derived, Unset, Value};
use super::super::setting::Setting;
use super::super::value::{
    base_interval, duration, lifetime, log_filter, number, one_of, put, share, size, size_between, switch,
};
use super::super::{LogFormat, TraceParents};

/// In the order they are shown in.
pub(super) static RUNNING: &[Setting] = &[
    Setting::new("limits.enabled", "on|off", Value("on"), |s, v| put(&mut s.limits.enabled, switch(v)))
        .help("Rate limits per address. Off is for measuring.", "off"),
    Setting::new("limits.requests_per_second", "NUMBER", Value("100"), |s, v| {
        put(&mut s.limits.requests_per_second, number(v, ONE, MANY))
    })
    .help("Requests one address may keep up; ten seconds' worth may come at once.", "500"),
    Setting::new("limits.sign_ins_per_minute", "NUMBER", Value("30"), |s, v| {
        put(&mut s.limits.sign_ins_per_minute, number(v, ONE, MANY))
    })
    .help("Attempts at signing in or up that one address may make.", "300"),
    Setting::new("limits.open_interactions", "NUMBER", Value("500"), |s, v| {
        put(&mut s.limits.open_interactions, number(v, 0, 1_000_000))
    })
    .help(
        "Sign-ins that one address may have begun without anybody acting on them, each until authorization.unattended. \
             Of IPv6 a /64 counts as one address, and a /56 and a /48 have four and sixteen times as many. 0 is no limit.",
        "5000",
    ),
    Setting::new("limits.lockout", "on|off", Value("on"), |s, v| put(&mut s.limits.lockout, switch(v)))
        .help("Whether an account refuses passwords for a while after many wrong ones.", "off"),
    Setting::new("max_connections", "NUMBER", Value("10000"), |s, v| {
        put(&mut s.max_connections, number(v, 1, 1_000_000))
    })
    .help("Connections open at once. Further ones wait; each needs a file descriptor.", "50000"),
    Setting::new("max_connections_per_address", "NUMBER", Value("256"), |s, v| {
        put(&mut s.max_connections_per_address, number(v, 0, 1_000_000).map(|n: u32| (n > 0).then_some(n)))
    })
    .help(
        "Of those, how many one address may hold. 0 is no limit. This machine and trusted \
             proxies have none.",
        "0",
    ),
    Setting::new("drain_delay", "DURATION", Value("0s"), |s, v| put(&mut s.drain_delay, duration(v))).help(
        "A server that is told to stop says so at /health/ready and goes on for so long, so that \
         load balancers that ask there turn away. A little more than they take to notice.",
        "10s",
    ),
    Setting::new("drain_grace", "DURATION", Value("1s"), |s, v| put(&mut s.drain_grace, duration(v))).help(
        "After that, connections that stay idle for so long are closed: a request that is under \
         way is answered before.",
        "5s",
    ),
    Setting::new("drain_timeout", "DURATION", Value("20s"), |s, v| put(&mut s.drain_timeout, duration(v)))
        .help("How long requests in flight may then take to end.", "5s"),
    Setting::new(
        "sqlite.lock_wait",
        "DURATION",
        Derived("30s with a socket from systemd or listen_reuse_port, 0s otherwise", |s| {
            let wait = if s.listen_reuse_port { crate::app::HAND_OVER } else { Duration::ZERO };
            format!("{}s", wait.as_secs())
        }),
        |s, v| put(&mut s.sqlite.lock_wait, duration(v).map(Some)),
    )
    .help(
        "How long a server that starts waits for another process to let the database go. \
         Connections wait in the kernel meanwhile, if the socket is handed over.",
        "10s",
    ),
    Setting::new("sqlite.writer_cache", "SIZE", Value("32MiB"), |s, v| {
        put(&mut s.sqlite.writer_cache, size(v))
    })
    .help("Page cache of the writing connection.", "128MiB"),
    Setting::new("sqlite.reader_cache", "SIZE", Value("16MiB"), |s, v| {
        put(&mut s.sqlite.reader_cache, size(v))
    })
    .help("Page cache of each reading connection; there is one for each thread.", "64MiB"),
    Setting::new("sqlite.mmap", "SIZE", Value("0"), |s, v| put(&mut s.sqlite.mmap, size(v))).help(
        "How much of the database file is mapped into memory. Faster on large files, but a disk \
             error then ends the process.",
        "1GiB",
    ),
    Setting::new("sqlite.wal_soft_limit", "SIZE", Value("48MiB"), |s, v| {
        put(&mut s.sqlite.wal_soft_limit, size_between(v, 1 << 20, i64::MAX as u64))
    })
    .help("How large the write-ahead log grows before it is copied back.", "128MiB"),
    Setting::new("sqlite.wal_hard_limit", "SIZE", Value("512MiB"), |s, v| {
        put(&mut s.sqlite.wal_hard_limit, size_between(v, 1 << 20, i64::MAX as u64))
    })
    .help("How large the write-ahead log may grow before writes are refused until it has shrunk.", "2GiB"),
    Setting::new("backup.to", "TARGET", Unset, |s, v| put(&mut s.backup.to, v.parse().map(Some))).help(
        "Where every change is shipped to while the server runs: a folder on another disk, or a bucket \
             of an object store, s3://BUCKET/PREFIX?region=REGION, with &endpoint=URL when it is not \
             Amazon's. Its credentials are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment.",
        "s3://backups/doorward?region=eu-central-1",
    ),
    Setting::new("backup.every", "DURATION", Value("1s"), |s, v| put(&mut s.backup.every, lifetime(v))).help(
        "How long changes gather before they are shipped: what a lost disk may cost. An object store \
             counts each shipment.",
        "10s",
    ),
    Setting::new("backup.base_every", "DURATION", Value("1d"), |s, v| {
        put(&mut s.backup.base_every, base_interval(v))
    })
    .help("How often a whole copy is shipped, on which later changes stand.", "12h"),
    Setting::new("backup.keep", "DURATION", Value("7d"), |s, v| put(&mut s.backup.keep, lifetime(v)))
        .help("Every moment of so long ago can be restored; what is older is removed.", "30d"),
    Setting::new("backup.drill_every", "DURATION", Value("1d"), |s, v| {
        put(&mut s.backup.drill_every, base_interval(v))
    })
    .help("How often the newest backup is restored into a scratch file and checked.", "12h"),
    Setting::new("audit.events", "off|changes|failures|all", Value("failures"), |s, v| {
        put(&mut s.audit.events, one_of(v, AUDIT_LEVELS))
    })
    .help(
        "Which audit events are kept: those of changes; also those of failures, such as wrong \
             passwords; or every use as well, such as each token issued.",
        "all",
    ),
    Setting::new("audit.keep", "DURATION", Value("365d"), |s, v| put(&mut s.audit.keep, duration(v)))
        .help("For how long audit events are kept, by whole days. 0s is for ever.", "90d"),
    Setting::new("log", "FILTER", Value("info"), |s, v| put(&mut s.log.filter, log_filter(v))).help(
        "What is logged: error, warn, info, debug or trace, also for one part only.",
        "info,provider=debug",
    ),
    Setting::new("log_format", "text|json|auto", Value("auto"), |s, v| {
        put(
            &mut s.log.format,
            one_of(v, &[("text", LogFormat::Text), ("json", LogFormat::Json), ("auto", LogFormat::Auto)]),
        )
    })
    .help("How it is logged: auto is text on a terminal and JSON elsewhere.", "json"),
    Setting::new("log_repeats", "NUMBER", Value("50"), |s, v| {
        put(&mut s.log.repeats, number(v, 0, 1_000_000))
    })
    .help(
        "Lines that one place in the program may write in a second; what is more is counted, and the \
             count is logged. 0 is no limit.",
        "0",
    ),
    Setting::new("traces.to", "URL", Unset, |s, v| put(&mut s.traces.to, v.parse().map(Some))).help(
        "Where traces of requests are sent: a receiver that speaks OTLP over HTTP, as every OpenTelemetry \
             collector does. Without a path, /v1/traces is meant.",
        "http://127.0.0.1:4318",
    ),
    Setting::new("traces.share", "NUMBER", Value("0.01"), |s, v| put(&mut s.traces.share, share(v)))
        .help("Which part of the requests is traced, from 0 to 1, unless a traceparent says so.", "0.1"),
    Setting::new("traces.parents", "proxies|anyone", Value("proxies"), |s, v| {
        put(
            &mut s.traces.parents,
            one_of(v, &[("proxies", TraceParents::Proxies), ("anyone", TraceParents::Anyone)]),
        )
    })
    .help(
        "Whose traceparent header (W3C Trace Context) is believed: that of trusted_proxies, or anybody's, \
             who can then have every request traced.",
        "anyone",
    ),
];

const AUDIT_LEVELS: &[(&str, AuditLevel)] = &[
    ("off", AuditLevel::Off),
    ("changes", AuditLevel::Changes),
    ("failures", AuditLevel::Failures),
    ("all", AuditLevel::All),
];
const ONE: NonZeroU32 = NonZeroU32::MIN;
const MANY: NonZeroU32 = NonZeroU32::new(1_000_000).expect("a million is not zero");
