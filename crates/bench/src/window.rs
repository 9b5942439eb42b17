//! The window of a run, in which what ends is counted. Knows no load.

use std::time::Instant;

/// When things count.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    pub(crate) opens: Instant,
    pub(crate) closes: Instant,
}

impl Window {
    pub(crate) fn holds(&self, moment: Instant) -> bool {
        self.opens <= moment && moment < self.closes
    }
}
