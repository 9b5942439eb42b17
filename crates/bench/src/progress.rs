//! What is shown while a run goes on: a calm bar, or nothing. It owns the drawing and does no counting.

use crate::cost::ServerSample;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// Where a run stands.
#[derive(Clone, Copy, Debug)]
pub struct SoFar {
    /// Time since the load began, warm-up included.
    pub elapsed: Duration,
    /// How long warm-up and window take together.
    pub total: Duration,
    /// Whether users are still being started; nothing is counted yet but errors.
    pub warming_up: bool,
    /// What is counted, per second since the window opened.
    pub per_second: f64,
    /// What is counted.
    pub unit: &'static str,
    /// The latency that one in a hundred of the last interval exceeded.
    pub p99_ms: Option<f64>,
    /// Answers 429 and 503.
    pub refused: u64,
    /// Everything unexpected.
    pub errors: u64,
    /// The server at the end of the last interval, where it is known.
    pub server: Option<ServerSample>,
}

/// Is told a few times a second where a run stands.
pub trait Progress: Send + Sync {
    /// Shows `so_far`.
    fn show(&self, so_far: &SoFar);
    /// The run is over; leaves the screen as it was.
    fn finish(&self);
}

/// Shows nothing.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Progress for Silent {
    fn show(&self, _: &SoFar) {}
    fn finish(&self) {}
}

/// One line on standard error, and nothing where standard error is no terminal.
#[derive(Debug)]
pub struct Bar(ProgressBar);

impl Bar {
    /// A bar that appears with the first [`Progress::show`].
    #[must_use]
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {msg}") {
            bar.set_style(style.progress_chars("━╸ "));
        }
        Self(bar)
    }
}

impl Default for Bar {
    fn default() -> Self {
        Self::new()
    }
}

impl Progress for Bar {
    fn show(&self, so_far: &SoFar) {
        self.0.set_length(millis(so_far.total));
        self.0.set_message(line(so_far));
        self.0.set_position(millis(so_far.elapsed.min(so_far.total)));
    }

    fn finish(&self) {
        self.0.finish_and_clear();
    }
}

fn line(so_far: &SoFar) -> String {
    let seconds = format!("{:.0}/{:.0} s", so_far.elapsed.as_secs_f64(), so_far.total.as_secs_f64());
    let SoFar { per_second, unit, refused, errors, .. } = so_far;
    if so_far.warming_up {
        format!("{seconds}  warming up, errors {errors}")
    } else if so_far.elapsed > so_far.total {
        format!("{seconds}  waiting for the last answers, refused {refused}, errors {errors}")
    } else {
        let p99 = so_far.p99_ms.map(|p99| format!(", p99 {p99:.1} ms")).unwrap_or_default();
        let server = so_far
            .server
            .map(|server| format!(", server {:.1} cores {:.0} MiB", server.cores, server.memory_mib));
        let server = server.unwrap_or_default();
        format!("{seconds}  {per_second:.1} {unit}/s{p99}, refused {refused}, errors {errors}{server}")
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_which_part_of_the_run_this_is() {
        let at = |elapsed: u64, warming_up| {
            line(&SoFar {
                elapsed: Duration::from_secs(elapsed),
                total: Duration::from_secs(12),
                warming_up,
                per_second: 91.26,
                unit: "iterations",
                p99_ms: (elapsed > 6).then_some(12.04),
                refused: 3,
                errors: 0,
                server: (elapsed > 6).then_some(ServerSample {
                    at: 6.0,
                    cores: 1.26,
                    memory_mib: 38.4,
                    files_mib: None,
                    log_mib: None,
                }),
            })
        };
        assert_eq!(at(1, true), "1/12 s  warming up, errors 0");
        assert_eq!(at(5, false), "5/12 s  91.3 iterations/s, refused 3, errors 0");
        assert_eq!(
            at(7, false),
            "7/12 s  91.3 iterations/s, p99 12.0 ms, refused 3, errors 0, server 1.3 cores 38 MiB"
        );
        assert_eq!(at(13, false), "13/12 s  waiting for the last answers, refused 3, errors 0");
    }
}
