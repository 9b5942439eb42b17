//! Logs: to standard error, as text or JSON, written by a thread of their own so that no request waits for a terminal or a pipe.
//! Knows no metrics, and nothing of what is logged.
//!
//! When the reader of the log is slower than its writers, lines are dropped and counted, and requests go on. What must not be lost (audit
//! events) is stored in the database and never here.

mod sampling;
mod traces;

pub(crate) use traces::{Receiving, Traces};

use crate::environment;
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
        let (writer, guard) = NonBlockingBuilder::default()
            .lossy(true)
            .buffered_lines_limit(MOST_WAITING)
            .thread_name("log")
            .finish(stderr());
        let dropped = writer.error_counter();
        // https://no-color.org: any value but the empty one.
        let colours = terminal && environment::variable("NO_COLOR").is_none_or(|value| value.is_empty());
        let filter = EnvFilter::builder().parse(without_the_noise(&settings.filter))?;
        let builder = tracing_subscriber::fmt().with_writer(writer).with_env_filter(filter);
        let suppressed = Suppressed::default();
        let sampling = Sampling::new(settings.repeats, seconds, suppressed.clone());
        let started = if !settings.is_json() {
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

/// What speaks of bytes and frames at the levels below info, many times for each request.
const NOISE: [&str; 6] = ["h2", "hyper", "hyper_util", "rustls", "tokio_postgres", "mysql_async"];

/// A filter for everything, such as `debug`, is about this program: of its connections' frames it is told when they are asked for by name
/// (`debug,h2=debug`). What comes later in a filter counts.
fn without_the_noise(filter: &str) -> String {
    let talkative =
        |part: &str| ["debug", "trace"].iter().any(|level| part.trim().eq_ignore_ascii_case(level));
    if !filter.split(',').any(talkative) {
        return filter.to_owned();
    }
    NOISE.iter().map(|target| format!("{target}=info,")).collect::<String>() + filter
}

impl LogSettings {
    /// Whether a program reads the log.
    pub(crate) fn is_json(&self) -> bool {
        match self.format {
            LogFormat::Text => false,
            LogFormat::Json => true,
            LogFormat::Auto => !stderr().is_terminal(),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_is_about_this_program_and_frames_are_told_when_asked_for_by_name() {
        for same in ["info", "off", "web=debug", "warn,provider=trace"] {
            assert_eq!(without_the_noise(same), same);
        }
        let quiet = EnvFilter::builder().parse(without_the_noise("debug")).unwrap();
        assert!(quiet.to_string().contains("h2=info"), "{quiet}");
        let asked = EnvFilter::builder().parse(without_the_noise("Debug,h2=trace")).unwrap().to_string();
        assert!(asked.contains("h2=trace") && !asked.contains("h2=info"), "{asked}");
        assert!(asked.contains("hyper=info"), "{asked}");
    }
}
