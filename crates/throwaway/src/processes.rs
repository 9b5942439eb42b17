//! Signals to a server and everything it started. PostgreSQL gives each of its processes a group of its own, so a process group is not
//! enough: children are read from /proc.

use anyhow::{Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::HashMap;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A process and all its descendants, parents first.
pub(crate) fn family(root: Pid) -> Vec<Pid> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        if let Some(parent) = parent_of(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = vec![root.as_raw_nonzero().get()];
    let mut next = 0;
    while let Some(pid) = found.get(next) {
        found.extend(children.remove(pid).unwrap_or_default());
        next += 1;
    }
    found.into_iter().filter_map(Pid::from_raw).collect()
}

/// Kills a process and all it started, and waits until they are gone: a new PostgreSQL refuses memory that an old one's process still holds.
pub(crate) fn kill_all(root: Pid) {
    // Stopped first, it starts no more while its family is looked for.
    let _ = kill_process(root, Signal::STOP);
    let family = family(root);
    signal(&family, Signal::KILL);
    let mut patience = 500;
    // The root itself is waited for by whoever started it.
    while patience > 0 && family.iter().any(|pid| *pid != root && lives(*pid)) {
        std::thread::sleep(Duration::from_millis(10));
        patience -= 1;
    }
}

/// Stops a process and all it started, and waits until each of their threads stands still: the signal alone does not.
pub(crate) fn stop_all(root: Pid) -> Result<()> {
    for _ in 0..500 {
        let family = family(root);
        signal(&family, Signal::STOP);
        if family.iter().all(|pid| stands_still(*pid)) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    bail!("a process does not stop")
}

/// Whether no thread of it runs (proc_pid_stat(5)).
fn stands_still(pid: Pid) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero()));
    threads.into_iter().flatten().flatten().all(|thread| {
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        state(&stat).is_none_or(|state| matches!(state, 'T' | 't' | 'Z' | 'X'))
    })
}

/// Whether a process does anything still: `Z` is one that nobody has waited for.
fn lives(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    state(&stat).is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// Field 3 of /proc/PID/stat; field 2, the name in parentheses, may hold anything.
fn state(stat: &str) -> Option<char> {
    stat.rsplit_once(") ")?.1.chars().next()
}

/// Sends a signal to each of them; one that is gone already is fine.
pub(crate) fn signal(processes: &[Pid], signal: Signal) {
    for pid in processes {
        let _ = kill_process(*pid, signal);
    }
}

/// Ends the server and removes its folder when the standard input of this closes.
pub(crate) fn watch(server: u32, folder: &Path) -> Result<Child> {
    let script = "cat >/dev/null; kill -QUIT $0; sleep 2; kill -KILL $0; umount -l \"$1/data\" 2>/dev/null; rm -rf \"$1\"";
    let mut watcher = Command::new("sh");
    watcher
        .args(["-c", script, &server.to_string()])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Ok(watcher.process_group(0).spawn()?)
}

/// Field 4 of /proc/PID/stat; field 2, the name in parentheses, may hold anything.
fn parent_of(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
