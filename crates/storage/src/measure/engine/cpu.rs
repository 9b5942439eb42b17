//! The processor's time of threads, by the kernel's count. Nothing where the system does not tell (anything but Linux).

use std::time::Duration;

/// What this thread has used.
pub(super) fn of_this_thread() -> Option<Duration> {
    ran("/proc/thread-self/schedstat".as_ref())
}

/// What the threads of this name have used.
pub(super) fn of_threads(name: &str) -> Option<Duration> {
    let tasks = std::fs::read_dir("/proc/self/task").ok()?.flatten().map(|task| task.path());
    let named =
        tasks.filter(|task| std::fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim() == name));
    named.map(|task| ran(&task.join("schedstat"))).sum()
}

/// The first number of `schedstat`: nanoseconds on a processor.
fn ran(schedstat: &std::path::Path) -> Option<Duration> {
    let text = std::fs::read_to_string(schedstat).ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn work_takes_the_time_of_the_thread_that_does_it() {
        let worker = std::thread::Builder::new().name("measured-worker".to_owned());
        let worked = worker.spawn(|| {
            let before = of_this_thread().expect("told");
            while of_this_thread().expect("told") < before + Duration::from_millis(5) {}
            of_threads("measured-worker").expect("told")
        });
        assert!(worked.unwrap().join().unwrap() >= Duration::from_millis(5));
        assert_eq!(of_threads("no-such-thread"), Some(Duration::ZERO));
    }
}
