//! Profiles of this process while it runs: where it spends its CPU time, and who allocated what its heap holds. Each is made by a thread of
//! its own, one at a time.

use super::profile::{Sample, encode};
use axum::Router;
use axum::extract::Query;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::StatusCode;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use jemalloc_pprof::PROF_CTL;
use pprof::{ProfilerGuardBuilder, Report};
use serde::Deserialize;
use std::io::Write as _;
use std::time::Duration;
use tokio::sync::oneshot;

/// Samples a second of CPU time. Not a round number, so that what happens a hundred times a second is not always or never seen.
const FREQUENCY: i32 = 99;
/// Stacks that end there cannot be walked from within a signal.
const NOT_WALKED: [&str; 4] = ["libc", "libgcc", "pthread", "vdso"];
const LONGEST: u64 = 300;
/// What `go tool pprof` expects when it says nothing.
const USUAL: u64 = 30;

pub(super) fn router() -> Router {
    Router::new().route("/debug/pprof/profile", get(cpu)).route("/debug/pprof/heap", get(heap))
}

#[derive(Deserialize)]
struct For {
    seconds: Option<u64>,
}

/// `/debug/pprof/profile?seconds=N`.
async fn cpu(Query(For { seconds }): Query<For>) -> Response {
    let seconds = seconds.unwrap_or(USUAL).clamp(1, LONGEST);
    on_a_thread("cpu.pb.gz", move || {
        let blocked = ProfilerGuardBuilder::default().frequency(FREQUENCY).blocklist(&NOT_WALKED).build();
        let guard = blocked.map_err(|error| Refused(StatusCode::CONFLICT, format!("{error}\n")))?;
        std::thread::sleep(Duration::from_secs(seconds));
        let report = guard.report().build().map_err(Refused::defect)?;
        drop(guard);
        gzipped(&encode(&samples(&report), FREQUENCY, report.timing.duration)).map_err(Refused::defect)
    })
    .await
}

/// `/debug/pprof/heap`: what is allocated now, by a sample of one in half a megabyte.
async fn heap() -> Response {
    on_a_thread("heap.pb.gz", || {
        let Some(control) = PROF_CTL.as_ref() else {
            let why = "The allocator keeps no profile: it was built or started without prof:true (see .cargo/config.toml, MALLOC_CONF).\n";
            return Err(Refused(StatusCode::NOT_IMPLEMENTED, why.to_owned()));
        };
        control.blocking_lock().dump_pprof().map_err(Refused::defect)
    })
    .await
}

struct Refused(StatusCode, String);

impl Refused {
    fn defect(error: impl std::fmt::Display) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}\n"))
    }
}

/// Making a profile takes seconds, and the threads of the runtime have no such time.
async fn on_a_thread(
    name: &'static str,
    make: impl FnOnce() -> Result<Vec<u8>, Refused> + Send + 'static,
) -> Response {
    let (answer, answered) = oneshot::channel();
    let started = std::thread::Builder::new().name("profiler".to_owned()).spawn(move || {
        // Whoever asked may have gone.
        answer.send(make()).ok();
    });
    let made = match started {
        Ok(_detached) => answered.await.map_err(Refused::defect).and_then(|made| made),
        Err(error) => Err(Refused::defect(error)),
    };
    match made {
        Ok(profile) => {
            let disposition = format!("attachment; filename=\"{name}\"");
            (
                [(CONTENT_TYPE, "application/octet-stream".to_owned()), (CONTENT_DISPOSITION, disposition)],
                profile,
            )
                .into_response()
        }
        Err(Refused(status, why)) => (status, why).into_response(),
    }
}

fn samples(report: &Report) -> Vec<Sample<'_>> {
    let samples = report.data.iter().map(|(frames, count)| Sample {
        thread: frames.thread_name_or_id(),
        frames: &frames.frames,
        count: u64::try_from(*count).unwrap_or(0),
    });
    samples.filter(|sample| sample.count > 0).collect()
}

fn gzipped(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}
