//! What a run costs: the load tool's own share of a core, and the server's processor time and memory. It owns where the system tells that (Linux:
//! `/proc`) and when the tool has to say that it was itself the bottleneck; elsewhere nothing is known.

use crate::tally::Tally;
use std::path::PathBuf;
use std::time::Duration;

/// `USER_HZ`: what the kernel counts processor time of a process in, the same on all machines we know.
const TICKS_PER_SECOND: f64 = 100.0;
/// From here on the tool had nothing left to give.
const NEVER_IDLE: f64 = 0.95;
/// Later than this, what is measured is as much the tool's delay as the server's.
const LATE_MS: f64 = 10.0;

/// What the load itself cost, over the window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ClientCost {
    /// Its processor time, as a share of one core: it has one thread.
    pub cpu: Option<f64>,
    /// The share of the time for which it could have run and got no core.
    pub waiting: Option<f64>,
    /// 99 of 100 requests that had a time were sent no later than this after it.
    pub lag_p99_ms: Option<f64>,
    /// Turns for which every connection was in use.
    pub crowded: u64,
}

impl ClientCost {
    /// Adds what a stream of an open loop tells.
    pub(crate) fn with(mut self, tally: &Tally) -> Self {
        if tally.offered > 0 {
            let lag = tally.lag.value_at_quantile(0.99) as f64 / 1000.0;
            self.lag_p99_ms = Some(self.lag_p99_ms.map_or(lag, |other| other.max(lag)));
        }
        self.crowded += tally.crowded;
        self
    }

    /// Why the figures are the tool's as much as the server's, if so.
    #[must_use]
    pub fn bottleneck(&self) -> Option<String> {
        let cpu = self.cpu.unwrap_or_default();
        let waiting = self.waiting.unwrap_or_default();
        if self.crowded > 0 {
            return Some(format!(
                "every connection was in use for {} turns, which were sent late: give it more users",
                self.crowded
            ));
        }
        if cpu >= NEVER_IDLE {
            return Some(format!(
                "it used {:.0}% of its core: a faster client would see more requests per second, and shorter latencies",
                cpu * 100.0
            ));
        }
        if cpu + waiting >= NEVER_IDLE {
            return Some(format!(
                "it was never idle: it ran for {:.0}% of the time and waited for a core for {:.0}%, because it shares them with the server \
                 (--server-cpus and --client-cpus keep them apart)",
                cpu * 100.0,
                waiting * 100.0
            ));
        }
        let lag = self.lag_p99_ms.filter(|lag| *lag > LATE_MS)?;
        Some(format!("one request in a hundred was sent more than {lag:.1} ms late"))
    }
}

/// What this thread has used so far: processor time, and time waiting for a core.
#[derive(Clone, Copy)]
pub(crate) struct OwnTime {
    ran: f64,
    waited: f64,
}

impl OwnTime {
    pub(crate) fn now() -> Option<Self> {
        Self::parse(&std::fs::read_to_string("/proc/thread-self/schedstat").ok()?)
    }

    fn parse(schedstat: &str) -> Option<Self> {
        let mut numbers = schedstat.split_whitespace();
        let mut seconds = || numbers.next()?.parse::<f64>().ok().map(|nanos| nanos / 1e9);
        Some(Self { ran: seconds()?, waited: seconds()? })
    }

    /// The cost since `earlier`, which was so long ago.
    pub(crate) fn since(self, earlier: Self, passed: Duration) -> ClientCost {
        let share = |now: f64, then: f64| Some((now - then) / passed.as_secs_f64()).filter(|s| s.is_finite());
        ClientCost {
            cpu: share(self.ran, earlier.ran),
            waiting: share(self.waited, earlier.waited),
            ..ClientCost::default()
        }
    }
}

/// The process that is measured, where it runs on this machine.
#[derive(Clone, Debug)]
pub struct ServerProcess {
    /// Its process id.
    pub id: u32,
    /// Where it keeps its database, if that is known.
    pub folder: Option<PathBuf>,
}

/// The server at one moment of the window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServerSample {
    /// Seconds since the window opened.
    pub at: f64,
    /// Cores in use since the sample before.
    pub cores: f64,
    /// Resident memory, MiB.
    pub memory_mib: f64,
    /// The database's files, MiB; `None` where its folder is not known.
    pub files_mib: Option<f64>,
    /// The write-ahead log among them.
    pub log_mib: Option<f64>,
}

impl ServerProcess {
    /// Its processor time so far, in seconds.
    pub(crate) fn processor_time(&self) -> Option<f64> {
        processor_time(&std::fs::read_to_string(format!("/proc/{}/stat", self.id)).ok()?)
    }

    /// Its resident memory, MiB.
    #[must_use]
    pub fn memory_mib(&self) -> Option<f64> {
        memory_mib(&std::fs::read_to_string(format!("/proc/{}/status", self.id)).ok()?, "VmRSS:")
    }

    /// The most it ever had, MiB.
    #[must_use]
    pub fn most_memory_mib(&self) -> Option<f64> {
        memory_mib(&std::fs::read_to_string(format!("/proc/{}/status", self.id)).ok()?, "VmHWM:")
    }

    /// All files below its folder, and write-ahead logs among them, in MiB.
    pub(crate) fn files_mib(&self) -> Option<(f64, f64)> {
        let mut folders = vec![self.folder.clone()?];
        let (mut all, mut logs) = (0, 0);
        while let Some(folder) = folders.pop() {
            // What is removed meanwhile does not count.
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.metadata() {
                    Ok(found) if found.is_dir() => folders.push(entry.path()),
                    Ok(found) => {
                        all += found.len();
                        let is_log = entry.file_name().to_string_lossy().ends_with("-wal");
                        logs += if is_log { found.len() } else { 0 };
                    }
                    Err(_) => {}
                }
            }
        }
        let mib = |bytes: u64| bytes as f64 / (1024.0 * 1024.0);
        Some((mib(all), mib(logs)))
    }
}

/// proc_pid_stat(5): the name in parentheses may hold anything; after it, utime and stime are the 12th and 13th field.
fn processor_time(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<f64>);
    let (user, system) = (times.next()?.ok()?, times.next()?.ok()?);
    Some((user + system) / TICKS_PER_SECOND)
}

fn memory_mib(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<f64>().ok().map(|kib| kib / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_tells_is_read() {
        let stat = "42 (door) ward) S 1 42 42 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 9 0 1 2 3";
        assert_eq!(processor_time(stat), Some(2.0));
        assert_eq!(processor_time("42 (cut"), None);
        let status = "Name:\tdoorward\nVmHWM:\t   40960 kB\nVmRSS:\t   20480 kB\n";
        assert_eq!((memory_mib(status, "VmRSS:"), memory_mib(status, "VmHWM:")), (Some(20.0), Some(40.0)));
        let time = |text| OwnTime::parse(text).unwrap();
        let cost =
            time("3000000000 1500000000 7").since(time("1000000000 500000000 1"), Duration::from_secs(4));
        assert_eq!((cost.cpu, cost.waiting), (Some(0.5), Some(0.25)));
    }

    #[test]
    fn the_tool_says_when_it_was_the_bottleneck_itself() {
        let cost = |cpu, waiting, lag, crowded| {
            ClientCost { cpu: Some(cpu), waiting: Some(waiting), lag_p99_ms: Some(lag), crowded }.bottleneck()
        };
        let cases = [
            (cost(0.5, 0.1, 1.0, 0), None),
            (cost(0.97, 0.0, 1.0, 0), Some("97% of its core")),
            (cost(0.6, 0.38, 1.0, 0), Some("--server-cpus")),
            (cost(0.5, 0.1, 12.0, 0), Some("12.0 ms late")),
            (cost(0.5, 0.1, 1.0, 3), Some("3 turns")),
        ];
        for (said, expected) in cases {
            match (said, expected) {
                (None, None) => {}
                (Some(said), Some(expected)) => assert!(said.contains(expected), "{said}"),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(ClientCost::default().bottleneck(), None, "what is not known is no bottleneck");
    }

    #[test]
    fn files_below_a_folder_are_added_up() {
        let folder = std::env::temp_dir().join(format!("bench-cost-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("deeper")).unwrap();
        std::fs::write(folder.join("a.db"), vec![0; 1 << 20]).unwrap();
        std::fs::write(folder.join("deeper/a.db-wal"), vec![0; 2 << 20]).unwrap();
        let server = ServerProcess { id: 0, folder: Some(folder.clone()) };
        assert_eq!(server.files_mib(), Some((3.0, 2.0)));
        std::fs::remove_dir_all(folder).unwrap();
        assert_eq!(ServerProcess { id: 0, folder: None }.files_mib(), None);
    }
}
