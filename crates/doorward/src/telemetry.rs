//! Logs: to standard error, as text or JSON, written by a thread of their own so that no request waits for a terminal or a pipe.
//! Knows no metrics, and nothing of what is logged.
//!
//! When the reader of the log is slower than its writers, lines are dropped and counted, and requests go on. What must not be lost (audit
//! events) is stored in the database and never here.

use std::io::{IsTerminal as _, stderr};

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use crate::settings::{LogFormat, LogSettings};

/// Lines that may wait to be written: a few megabytes at most.
const MOST_WAITING: usize = 16_384;

/// Keeps the log's thread alive. Dropped at the very end of `main`, it writes what is still waiting.
#[must_use = "the log ends when this is dropped"]
pub(crate) struct Telemetry {
    dropped: ErrorCounter,
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
        let started = if text {
            tracing::subscriber::set_global_default(builder.with_ansi(colours).with_target(false).finish())
        } else {
            tracing::subscriber::set_global_default(builder.json().flatten_event(true).finish())
        };
        started?;
        Ok(Self { dropped, _writer: guard })
    }

    /// How many lines were dropped because the log's reader was too slow. A cheap clone of the count, for metrics.
    pub(crate) fn dropped_lines(&self) -> impl Fn() -> u64 + Clone + Send + Sync + 'static {
        let dropped = self.dropped.clone();
        move || dropped.dropped_lines() as u64
    }
}
