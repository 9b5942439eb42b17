//! What is logged while a test looks, on its own thread.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Metadata, Subscriber};

pub(crate) struct Log {
    lines: Arc<Mutex<Vec<String>>>,
    _looking: DefaultGuard,
}

impl Log {
    /// From now on, until it is dropped.
    pub(crate) fn look() -> Self {
        let lines = Arc::default();
        let looking = tracing::subscriber::set_default(Lines(Arc::clone(&lines)));
        Self { lines, _looking: looking }
    }

    /// The lines of this level, each with its fields as `name=value`.
    pub(crate) fn lines(&self, level: &str) -> Vec<String> {
        self.lines.lock().unwrap().iter().filter(|line| line.starts_with(level)).cloned().collect()
    }
}

struct Lines(Arc<Mutex<Vec<String>>>);

impl Subscriber for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}
