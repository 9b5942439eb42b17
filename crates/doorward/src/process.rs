//! This process as the system sees it (proc(5)), read when somebody asks. Knows no metric.

use rustix::param::clock_ticks_per_second;
use rustix::process::{Resource, getrlimit};
use std::fs::{read_dir, read_to_string};
use std::path::Path;
use web::metrics::ProcessReading;

/// Nothing where there is no `/proc`.
pub(crate) fn read() -> Option<ProcessReading> {
    let status = read_to_string("/proc/self/status").ok()?;
    let stat = read_to_string("/proc/self/stat").ok()?;
    let boot = read_to_string("/proc/stat").ok()?;
    // One of them is the handle that reads them.
    let open_fds = (read_dir("/proc/self/fd").ok()?.count() as u64).saturating_sub(1);
    let max_fds = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    parse(&status, &stat, &boot).map(|reading| ProcessReading { open_fds, max_fds, ..reading })
}

/// A thread of this process.
pub(crate) struct Thread {
    pub(crate) id: String,
    pub(crate) name: String,
    /// R runs, S sleeps, D waits for a disk.
    pub(crate) state: String,
    pub(crate) cpu_seconds: f64,
    /// The function of the kernel it sleeps in, where the system tells.
    pub(crate) waits_in: String,
}

/// Every thread; nothing where there is no `/proc`.
pub(crate) fn threads() -> Vec<Thread> {
    let tasks = read_dir("/proc/self/task").into_iter().flatten().flatten();
    // One may end while it is looked at.
    tasks.filter_map(|task| thread(&task.path())).collect()
}

fn thread(task: &Path) -> Option<Thread> {
    let read = |file: &str| read_to_string(task.join(file)).ok();
    let stat = read("stat")?;
    let stat = Stat::parse(&stat)?;
    Some(Thread {
        id: task.file_name()?.to_string_lossy().into_owned(),
        name: read("comm")?.trim_end().to_owned(),
        state: stat.field(3)?.to_owned(),
        cpu_seconds: stat.seconds(14)? + stat.seconds(15)?,
        waits_in: read("wchan").unwrap_or_default(),
    })
}

/// `/proc/../stat` (proc_pid_stat(5)).
struct Stat<'a>(Vec<&'a str>);

impl<'a> Stat<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        // The name of the program, in brackets, may hold spaces and brackets.
        Some(Self(text.rsplit_once(')')?.1.split_whitespace().collect()))
    }

    /// Counted from 1, as the manual does; those before the third are not held.
    fn field(&self, number: usize) -> Option<&'a str> {
        self.0.get(number.checked_sub(3)?).copied()
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds are for people to read")]
    fn seconds(&self, number: usize) -> Option<f64> {
        Some(self.field(number)?.parse::<u64>().ok()? as f64 / clock_ticks_per_second() as f64)
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds are floating-point in the exposition format")]
fn parse(status: &str, stat: &str, boot: &str) -> Option<ProcessReading> {
    let line = |text: &str, key: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(key))?;
        line.split_whitespace().next()?.parse().ok()
    };
    let kib = |key: &str| line(status, key).map(|kib| kib * 1_024);
    let stat = Stat::parse(stat)?;
    Some(ProcessReading {
        cpu_seconds: stat.seconds(14)? + stat.seconds(15)?,
        resident_bytes: kib("VmRSS:")?,
        anonymous_bytes: kib("RssAnon:")?,
        virtual_bytes: kib("VmSize:")?,
        threads: line(status, "Threads:")?,
        started_at: line(boot, "btime ")? as f64 + stat.seconds(22)?,
        ..ProcessReading::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_is_read_whatever_the_program_is_called() {
        let status = "Name:\tx\nVmSize:\t  2048 kB\nVmRSS:\t 20 kB\nRssAnon:\t 8 kB\nThreads:\t9\n";
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 5 0 0 0 150 50 0 0 20 0 9 0 3000 1 2 3";
        let ticks = clock_ticks_per_second() as f64;
        let reading = parse(status, stat, "cpu 1 2\nbtime 1000000\n").expect("complete");
        assert_eq!((reading.resident_bytes, reading.anonymous_bytes, reading.threads), (20_480, 8_192, 9));
        assert!((reading.cpu_seconds - 200.0 / ticks).abs() < 1e-9);
        assert!((reading.started_at - (1e6 + 3_000.0 / ticks)).abs() < 1e-3);
        assert!(parse("", stat, "").is_none());
    }

    #[test]
    fn this_process_is_found() {
        let reading = read().expect("Linux");
        assert!(reading.resident_bytes > reading.anonymous_bytes && reading.anonymous_bytes > 0);
        assert!(reading.open_fds > 2 && reading.max_fds >= reading.open_fds && reading.threads > 0);
        assert!(reading.started_at > 1.6e9);
        let threads = threads();
        assert!(threads.iter().any(|thread| thread.state == "R"), "this one runs");
        assert!(threads.iter().all(|thread| !thread.name.is_empty() && !thread.id.is_empty()));
    }
}
