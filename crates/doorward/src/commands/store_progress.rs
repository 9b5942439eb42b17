//! How a copy shows where it stands: a bar where standard error is a terminal, and lines elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal as _, Write as _};
use storage::copy::{Phase, Standing};

/// Rows between two lines about the same table.
const ROWS_PER_LINE: u64 = 250_000;

/// What is shown.
pub(super) struct Shown {
    bar: Option<ProgressBar>,
    /// The last line's table, and at how many rows it was written.
    last: Option<(Phase, &'static str, u64)>,
}

impl Shown {
    pub(super) fn new() -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} rows, {per_sec}  {msg}") {
                bar.set_style(style.progress_chars("━╸ "));
            }
            bar
        });
        Self { bar, last: None }
    }

    pub(super) fn show(&mut self, standing: Standing) {
        let Standing { phase, table, rows, of } = standing;
        let new = self.last.is_none_or(|(was, at, _)| (was, at) != (phase, table));
        if let Some(bar) = &self.bar {
            if new {
                bar.reset();
                self.last = Some((phase, table, rows));
            }
            bar.set_length(of);
            bar.set_message(format!("{} {table}", verb(phase)));
            bar.set_position(rows);
        } else if new || self.last.is_some_and(|(.., at)| rows >= at + ROWS_PER_LINE) {
            self.last = Some((phase, table, rows));
            // That nobody reads it is no reason to stop.
            let _unread = writeln!(io::stderr(), "{} {table}: {rows} of {of} rows", verb(phase));
        }
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn verb(phase: Phase) -> &'static str {
    match phase {
        Phase::Copying => "copying",
        Phase::Comparing => "comparing",
    }
}
