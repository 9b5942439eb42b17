//! THE COUNTS: counters and histograms for what happens a hundred thousand times a second. Recording takes no lock, allocates nothing after a
//! thread's first time, and two threads rarely write to the same cache line. And what a traced request waited for. Knows no name of a metric
//! and no format.

mod counter;
mod histogram;
mod trace;

pub use counter::Counter;
pub use histogram::{Histogram, Reading};
pub use trace::{Span, Spanned, Trace, current_trace_id, span};

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Among so many places the threads of a process spread what they count.
const SEATS: usize = 8;

thread_local! {
    static SEAT: Cell<usize> = const { Cell::new(SEATS) };
}

static NEXT_SEAT: AtomicUsize = AtomicUsize::new(0);

/// Where this thread counts. Threads that share a seat are right, too, only slower.
fn seat() -> usize {
    SEAT.with(|seat| {
        if seat.get() == SEATS {
            seat.set(NEXT_SEAT.fetch_add(1, Ordering::Relaxed) % SEATS);
        }
        seat.get()
    })
}
