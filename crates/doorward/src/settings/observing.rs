//! The last settings of the table: what a server shows of itself while it runs.

use super::setting::Preset::{Unset, Value};
use super::setting::Setting;
use super::value::{address, duration, log_filter, number, one_of, put, share};
use super::{LogFormat, TraceParents};

pub(super) const OBSERVING: &[Setting] = &[
    Setting::new("metrics_listen", "ADDRESS", Unset, |s, v| put(&mut s.metrics_listen, address(v).map(Some)))
        .help(
            "Where to serve /metrics for Prometheus. Unset, there are none. It has no access \
             control: keep it to a private address.",
            "127.0.0.1:9090",
        ),
    Setting::new("stall_after", "DURATION", Value("100ms"), |s, v| put(&mut s.stall_after, duration(v)))
        .help(
            "A thread that serves connections and does not come back for so long is reported, with what it \
             does. 0s watches none.",
            "500ms",
        ),
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
