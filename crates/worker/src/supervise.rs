//! Keeps jobs running: each is a task of its own, and is begun again when it ends or panics, so that none takes another with it. Knows no job.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A job that ended is begun again after this, and after twice as long each time that follows.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// But never after longer.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// What ran for so long counts as healthy: its next end is the first again.
const HEALTHY_AFTER: Duration = Duration::from_secs(600);

/// What runs until it is dropped.
pub(crate) type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A job: its name, and how it is begun.
pub(crate) struct Job {
    pub(crate) name: &'static str,
    pub(crate) begin: Box<dyn Fn() -> Running + Send + Sync>,
}

/// Runs every job until `shutdown`, and then drops them all.
pub(crate) async fn supervise(jobs: Vec<Job>, shutdown: CancellationToken) {
    let supervisors = TaskTracker::new();
    for job in jobs {
        let shutdown = shutdown.clone();
        supervisors.spawn(async move {
            tokio::select! {
                () = keep(job) => {}
                () = shutdown.cancelled() => {}
            }
        });
    }
    supervisors.close();
    supervisors.wait().await;
}

async fn keep(job: Job) {
    let mut wait = FIRST_WAIT;
    loop {
        let began = Instant::now();
        // Dropped with this future: a job does not outlive whoever supervises it.
        let running = tokio_util::task::AbortOnDropHandle::new(tokio::spawn((job.begin)()));
        let why = match running.await {
            Ok(()) => "it ended".to_owned(),
            Err(ended) => ended.to_string(),
        };
        if began.elapsed() >= HEALTHY_AFTER {
            wait = FIRST_WAIT;
        }
        tracing::error!(
            job = job.name,
            why,
            again_in_seconds = wait.as_secs(),
            "a job ended, and is begun again"
        );
        sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    fn job(name: &'static str, begin: impl Fn() -> Running + Send + Sync + 'static) -> Job {
        Job { name, begin: Box::new(begin) }
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_that_panics_or_ends_is_begun_again_later_and_later_and_leaves_the_others_running() {
        let [panicked, ended, ticked] = [(); 3].map(|()| Arc::new(AtomicU32::new(0)));
        let (counts_panics, counts_ends, counts_ticks) =
            (Arc::clone(&panicked), Arc::clone(&ended), Arc::clone(&ticked));
        let jobs = vec![
            job("panics", move || {
                counts_panics.fetch_add(1, SeqCst);
                Box::pin(async { panic!("a defect") })
            }),
            job("ends", move || {
                counts_ends.fetch_add(1, SeqCst);
                Box::pin(async {})
            }),
            job("ticks", move || {
                let ticks = Arc::clone(&counts_ticks);
                Box::pin(async move {
                    loop {
                        sleep(Duration::from_secs(1)).await;
                        ticks.fetch_add(1, SeqCst);
                    }
                })
            }),
        ];
        let shutdown = CancellationToken::new();
        let supervising = tokio::spawn(supervise(jobs, shutdown.clone()));
        sleep(Duration::from_millis(120_500)).await;
        // After 1, 3, 7, 15, 31 and 63 seconds.
        assert_eq!((panicked.load(SeqCst), ended.load(SeqCst)), (7, 7));
        assert_eq!(ticked.load(SeqCst), 120);
        shutdown.cancel();
        supervising.await.unwrap();
        sleep(Duration::from_secs(300)).await;
        assert_eq!((panicked.load(SeqCst), ticked.load(SeqCst)), (7, 120), "they end with the server");
    }
}
