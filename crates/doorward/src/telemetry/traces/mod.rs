//! OpenTelemetry traces, by option: requests that were traced are gathered and sent to a receiver that speaks OTLP over HTTP. A thread of its
//! own does that; a receiver that is slow or gone costs traces, which are counted, and no request waits. Nothing of it exists without
//! `traces.to`.

mod otlp;

use crate::clock;
use crate::https::agent;
use crate::settings::{TraceParents, TraceSettings};
use anyhow::Context as _;
use otlp::Clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use ureq::Agent;
use url::Url;
use web::metrics::{Believe, TracedRequest, Tracer};
use web::server::TrustedProxies;

/// Requests that may wait to be sent: half a megabyte at most.
const MOST_WAITING: usize = 2_048;
const LARGEST_BATCH: usize = 512;
/// How long requests gather.
const GATHER_FOR: Duration = Duration::from_secs(2);
/// How long the receiver may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What became of the traces. A cheap clone of the counts.
#[derive(Clone, Default)]
pub(crate) struct TraceCounts(Arc<[AtomicU64; 2]>);

impl TraceCounts {
    pub(crate) fn sent(&self) -> u64 {
        self.0[0].load(Ordering::Relaxed)
    }

    pub(crate) fn lost(&self) -> u64 {
        self.0[1].load(Ordering::Relaxed)
    }

    fn count(&self, sent: bool, requests: usize) {
        self.0[usize::from(!sent)].fetch_add(requests as u64, Ordering::Relaxed);
    }
}

/// A request to send, or the end.
type Waiting = Option<TracedRequest>;

/// Sends what is traced, until it is dropped; what waits then is still sent.
#[must_use = "it ends when it is dropped"]
pub(crate) struct Traces {
    queue: SyncSender<Waiting>,
    thread: Option<JoinHandle<()>>,
    counts: TraceCounts,
}

impl Traces {
    /// Starts the thread; nothing when nothing is traced.
    ///
    /// # Errors
    /// When this machine trusts no authority though the receiver is reached by https, or gives no thread.
    pub(crate) fn start(settings: &TraceSettings) -> anyhow::Result<Option<Self>> {
        let Some(receiver) = &settings.to else { return Ok(None) };
        let counts = TraceCounts::default();
        let (queue, waiting) = sync_channel(MOST_WAITING);
        let exporter = Exporter {
            agent: agent(receiver.0.scheme() == "https", PATIENCE).context("traces.to")?,
            url: receiver.0.clone(),
            counts: counts.clone(),
            fails: false,
        };
        let thread =
            std::thread::Builder::new().name("traces".to_owned()).spawn(move || exporter.run(&waiting))?;
        Ok(Some(Self { queue, thread: Some(thread), counts }))
    }

    /// Decides what is traced, and hands it over.
    pub(crate) fn tracer(&self, settings: &TraceSettings, proxies: &TrustedProxies) -> Tracer {
        let (queue, counts) = (self.queue.clone(), self.counts.clone());
        let believe = match settings.parents {
            TraceParents::Anyone => Believe::Anyone,
            TraceParents::Proxies => Believe::Proxies(proxies.clone()),
        };
        let sink = move |request| {
            if queue.try_send(Some(request)).is_err() {
                counts.count(false, 1);
            }
        };
        Tracer::new(settings.share, believe, clock::entropy, sink)
    }

    pub(crate) fn counts(&self) -> TraceCounts {
        self.counts.clone()
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        // The thread may have ended by a defect.
        self.queue.send(None).ok();
        if let Some(thread) = self.thread.take() {
            // What it could not send is counted.
            thread.join().ok();
        }
    }
}

/// Where a receiver listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Receiving(Url);

impl std::str::FromStr for Receiving {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || "an http or https URL, as http://127.0.0.1:4318".to_owned();
        let mut url: Url = text.parse().map_err(|_| expected())?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(expected());
        }
        if url.path() == "/" {
            // https://opentelemetry.io/docs/specs/otlp/#otlphttp-request
            url.set_path("/v1/traces");
        }
        Ok(Self(url))
    }
}

struct Exporter {
    agent: Agent,
    url: Url,
    counts: TraceCounts,
    /// Said once, not for every batch.
    fails: bool,
}

impl Exporter {
    /// Works until it is told that nothing more comes.
    fn run(mut self, waiting: &Receiver<Waiting>) {
        while let Ok(Some(first)) = waiting.recv() {
            let mut batch = vec![first];
            let until = clock::monotonic() + GATHER_FOR;
            let mut ends = false;
            while batch.len() < LARGEST_BATCH {
                let left = until.saturating_duration_since(clock::monotonic());
                match waiting.recv_timeout(left) {
                    Ok(Some(request)) => batch.push(request),
                    Err(RecvTimeoutError::Timeout) => break,
                    Ok(None) | Err(RecvTimeoutError::Disconnected) => {
                        ends = true;
                        break;
                    }
                }
            }
            self.send(&batch);
            if ends {
                return;
            }
        }
    }

    fn send(&mut self, batch: &[TracedRequest]) {
        let body = otlp::export(batch, &Clock::now());
        let sent = self.agent.post(self.url.as_str()).content_type("application/x-protobuf").send(&body[..]);
        let trouble = match sent {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(answer.status().to_string()),
            Err(error) => Some(error.to_string()),
        };
        self.counts.count(trouble.is_none(), batch.len());
        match trouble {
            Some(why) if !std::mem::replace(&mut self.fails, true) => {
                tracing::warn!(why, "the receiver of traces does not take them: they are lost until it does");
            }
            Some(_) => {}
            None if std::mem::take(&mut self.fails) => tracing::info!("traces are taken again"),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_without_a_path_is_asked_where_the_protocol_says() {
        for (text, url) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("https://otlp.example.org/", "https://otlp.example.org/v1/traces"),
            ("https://example.org/api/otlp/v1/traces", "https://example.org/api/otlp/v1/traces"),
        ] {
            assert_eq!(text.parse::<Receiving>().expect(text).0.as_str(), url);
        }
        for bad in ["", "127.0.0.1:4318", "grpc://127.0.0.1:4317", "unix:/run/otlp"] {
            assert!(bad.parse::<Receiving>().is_err(), "{bad}");
        }
    }
}
