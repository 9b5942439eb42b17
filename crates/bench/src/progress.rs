//! What is shown while a run goes on: a calm bar, or nothing. It owns the drawing and does no counting.

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
    /// Iterations per second since the window opened.
    pub iterations_per_second: f64,
    /// Answers 429 and 503.
    pub refused: u64,
    /// Everything unexpected.
    pub errors: u64,
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
    let SoFar { iterations_per_second, refused, errors, .. } = so_far;
    if so_far.warming_up {
        format!("{seconds}  warming up, errors {errors}")
    } else if so_far.elapsed > so_far.total {
        format!("{seconds}  waiting for the last answers, refused {refused}, errors {errors}")
    } else {
        format!("{seconds}  {iterations_per_second:.1} iterations/s, refused {refused}, errors {errors}")
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
                iterations_per_second: 91.26,
                refused: 3,
                errors: 0,
            })
        };
        assert_eq!(at(1, true), "1/12 s  warming up, errors 0");
        assert_eq!(at(7, false), "7/12 s  91.3 iterations/s, refused 3, errors 0");
        assert_eq!(at(13, false), "13/12 s  waiting for the last answers, refused 3, errors 0");
    }
}
