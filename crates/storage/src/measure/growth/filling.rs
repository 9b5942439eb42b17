//! How a database file comes to hold its rows: one thread makes them, another writes them; and how it comes into memory. Knows how far that is; which rows there are is the
//! population's business.

use crate::contract::Steps;
use crate::engine::sqlite::filling::Filling;
use crate::measure::MeasureError;
use crate::measure::growth::population::Population;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// Rows that are handed over at once.
const SLICE: u64 = 1_000;
/// Slices that are made and not written yet.
const AHEAD: usize = 8;
/// Bytes.
const READ_AT_ONCE: usize = 1 << 20;
/// How often it is told how far it has come, in slices.
const TOLD: u64 = 100;

/// Fills a new file, and tells how far it has come, in rows. The file is there when it is whole, and not before.
pub(super) async fn fill(
    path: &Path,
    population: &Population,
    tell: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<(), MeasureError> {
    let (all, (slices, made)) = (population.rows(), sync_channel(AHEAD));
    let population = population.clone();
    let make = move || {
        for slice in population.slices(SLICE) {
            let mut steps = Steps::default();
            population.steps(&slice, &mut steps);
            // Whoever writes knows why it stopped.
            if slices.send((slice.count(), steps)).is_err() {
                break;
            }
        }
    };
    let (progress, mut told) = mpsc::channel(1);
    let path = path.to_owned();
    let makes = thread("measure-rows", make)?;
    let writes = thread("measure-fill", move || write((&path, all), &made, &progress))?;
    while let Some(done) = told.recv().await {
        tell(done, all);
    }
    // Both are at their ends: who writes let go of the progress, and who makes has nobody left to send to.
    let written = writes.join().unwrap_or_else(|_| Err(defect()));
    makes.join().map_err(|_| defect())?;
    written
}

fn write(
    (path, all): (&Path, u64),
    made: &Receiver<(u64, Steps)>,
    progress: &mpsc::Sender<u64>,
) -> Result<(), MeasureError> {
    let filling = Filling::begin(path)?;
    let mut done = 0;
    for (number, (rows, steps)) in (1..).zip(made) {
        filling.write(&steps).map_err(MeasureError::Failed)?;
        done += rows;
        // When nobody listens any more, it was given up.
        if u64::is_multiple_of(number, TOLD) && progress.blocking_send(done).is_err() {
            return Err(MeasureError::Failed("given up".to_owned()));
        }
    }
    if done != all {
        return Err(defect());
    }
    filling.finish(path).map_err(MeasureError::Failed)
}

/// Reads files once, so that the system has them in memory as far as it has room: those that were kept lie on the disk alone. Nobody may have them open:
/// closing a second handle would drop SQLite's locks.
pub(super) async fn warm(paths: Vec<PathBuf>) -> Result<(), MeasureError> {
    let (done, is_done) = oneshot::channel();
    let read = move || {
        let read = |path: &PathBuf| {
            let mut file = BufReader::with_capacity(READ_AT_ONCE, File::open(path)?);
            io::copy(&mut file, &mut io::sink()).map(drop)
        };
        // When nobody waits any more, it was given up.
        let _unheard = done.send(paths.iter().try_for_each(read));
    };
    thread("measure-warm", read)?;
    let read = is_done.await.map_err(|_| defect())?;
    read.map_err(|error| MeasureError::Failed(error.to_string()))
}

fn thread<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, MeasureError> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map_err(|error| MeasureError::Failed(error.to_string()))
}

fn defect() -> MeasureError {
    MeasureError::Failed("a thread that fills ended with a defect".to_owned())
}
