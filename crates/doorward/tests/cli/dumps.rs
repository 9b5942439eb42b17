//! What a process holds in memory stays there.

use crate::process::{Installation, Server, doorward};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;

/// As another user than the test's, if it may: what the system gives to root is root's either way.
#[cfg(target_os = "linux")]
#[test]
fn no_core_is_dumped_and_no_debugger_of_the_same_user_is_let_in() {
    let installation = Installation::new();
    let mut command = doorward();
    command.current_dir(installation.directory.path()).args(["serve", "--listen", "127.0.0.1:0"]);
    let nobody = 65_534;
    let as_root = rustix::process::geteuid().is_root();
    if as_root {
        std::os::unix::fs::chown(installation.directory.path(), Some(nobody), Some(nobody)).expect("a folder");
        command.uid(nobody).gid(nobody);
    }
    let server = Server::start(command);
    let process = format!("/proc/{}", server.id());
    let limits = std::fs::read_to_string(format!("{process}/limits")).expect("limits");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a limit");
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
    // What is not dumpable belongs to root (proc(5)).
    let owner = std::fs::metadata(&process).expect("a process").uid();
    assert_eq!(owner, 0);
    let status = std::fs::read_to_string(format!("{process}/status")).expect("a status");
    let runs_as = status.lines().find_map(|line| line.strip_prefix("Uid:")).expect("a user");
    let runs_as: u32 = runs_as.split_whitespace().next().and_then(|id| id.parse().ok()).expect("a number");
    assert_eq!(runs_as, if as_root { nobody } else { rustix::process::geteuid().as_raw() });
    server.stop();
}

/// systemd's own limit holds before the program has begun.
#[test]
fn the_units_forbid_core_dumps_too() {
    for unit in [
        include_str!("../../../../deploy/doorward.service"),
        include_str!("../../../../deploy/doorward-worker.service"),
    ] {
        assert!(unit.lines().any(|line| line == "LimitCORE=0"), "{unit}");
    }
}
