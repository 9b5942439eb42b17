//! Logs: to standard error, as text or JSON, written by a thread of their own so that no request waits for a terminal or a pipe.
//! Knows no metrics, and nothing of what is logged.
//!
//! When the reader of the log is slower than its writers, lines are dropped and counted, and requests go on. What must not be lost (audit
//! events) is stored in the database and never here.

mod sampling;
mod traces;

pub(crate) use traces::{Receiving, Traces};

use std::io::{IsTerminal as _, stderr};

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::clock;
use crate::settings::{LogFormat, LogSettings};
use sampling::{Sampling, Suppressed};

/// Lines that may wait to be written: a few megabytes at most.
const MOST_WAITING: usize = 16_384;

/// Keeps the log's thread alive. Dropped at the very end of `main`, it writes what is still waiting.
#[must_use = "the log ends when this is dropped"]
pub(crate) struct Telemetry {
    dropped: ErrorCounter,
    suppressed: Suppressed,
    _writer: WorkerGuard,
}

impl Telemetry {
    /// Starts logging for the whole process. Once.
    ///
    /// # Errors
    /// When logging was started already.
    pub(crate) fn start(settings: &LogSettings) -> anyhow::Result<Self> {
        let terminal = stderr().is_terminal();
        let text = match settings.format {
            LogFormat::Text => true,
            LogFormat::Json => false,
            LogFormat::Auto => terminal,
        };
        let (writer, guard) = NonBlockingBuilder::default()
            .lossy(true)
            .buffered_lines_limit(MOST_WAITING)
            .thread_name("log")
            .finish(stderr());
        let dropped = writer.error_counter();
        // https://no-color.org: any value but the empty one.
        let colours = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let filter = EnvFilter::builder().parse(&settings.filter)?;
        let builder = tracing_subscriber::fmt().with_writer(writer).with_env_filter(filter);
        let suppressed = Suppressed::default();
        let sampling = Sampling::new(settings.repeats, seconds, suppressed.clone());
        let started = if text {
            let text = builder.with_ansi(colours).with_target(false).finish();
            tracing::subscriber::set_global_default(text.with(sampling))
        } else {
            let json = builder.json().flatten_event(true).finish();
            tracing::subscriber::set_global_default(json.with(sampling))
        };
        started?;
        Ok(Self { dropped, suppressed, _writer: guard })
    }

    /// Reads, for metrics, how many lines are missing in the log.
    pub(crate) fn missing(&self) -> impl Fn() -> MissingLines + Clone + Send + Sync + 'static {
        let (dropped, suppressed) = (self.dropped.clone(), self.suppressed.clone());
        move || MissingLines { dropped: dropped.dropped_lines() as u64, suppressed: suppressed.get() }
    }
}

/// Lines that are not in the log.
#[derive(Clone, Copy)]
pub(crate) struct MissingLines {
    /// Because its reader was too slow.
    pub(crate) dropped: u64,
    /// Because one place wrote too many.
    pub(crate) suppressed: u64,
}

fn seconds() -> u64 {
    clock::now().millis().unsigned_abs() / 1_000
}
