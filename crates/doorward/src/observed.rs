//! What a server lets others see of itself: its log, its metrics, its traces, its threads. Wires them together; each is described in its own
//! file.

use crate::process;
use crate::settings::Settings;
use crate::telemetry::{MissingLines, Telemetry, Traces};
use web::metrics::{HttpMetrics, ReadSystem, SystemReading};
use web::server::Stalls;

/// Everything that looks on while the server runs.
pub(crate) struct Observed {
    telemetry: Telemetry,
    stalls: Stalls,
    traces: Option<Traces>,
}

impl Observed {
    /// Starts the log, and the traces if there are any.
    ///
    /// # Errors
    /// When the log was started already, or traces cannot be sent from here.
    pub(crate) fn start(settings: &Settings) -> anyhow::Result<Self> {
        let telemetry = Telemetry::start(&settings.log)?;
        Ok(Self {
            telemetry,
            stalls: Stalls::over(settings.stall_after),
            traces: Traces::start(&settings.traces)?,
        })
    }

    /// The threads that are watched.
    pub(crate) fn stalls(&self) -> &Stalls {
        &self.stalls
    }

    /// The metrics of a server that is seen like this.
    pub(crate) fn metrics(&self, settings: &Settings) -> HttpMetrics {
        let traces = self.traces.as_ref();
        let tracer = traces.map(|traces| traces.tracer(&settings.traces, &settings.trusted_proxies));
        HttpMetrics::observed_by(self.stalls.clone(), tracer)
    }

    /// Reads, for the metrics, what no other part of the server knows.
    pub(crate) fn system(&self) -> ReadSystem {
        let missing = self.telemetry.missing();
        let traces = self.traces.as_ref().map(Traces::counts).unwrap_or_default();
        Box::new(move || {
            let MissingLines { dropped, suppressed } = missing();
            SystemReading {
                process: process::read(),
                log_lines_dropped: dropped,
                log_lines_suppressed: suppressed,
                traces_sent: traces.sent(),
                traces_lost: traces.lost(),
            }
        })
    }

    /// The server has ended: sends the last traces, and says what the log does not.
    pub(crate) fn finish(self) {
        drop(self.traces);
        let MissingLines { dropped, suppressed } = self.telemetry.missing()();
        if dropped + suppressed > 0 {
            let why = "it was read too slowly, or one place wrote too many";
            tracing::warn!(dropped, suppressed, why, "lines are missing in this log");
        }
    }
}
