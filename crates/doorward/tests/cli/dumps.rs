//! What a process holds in memory stays there.

use crate::process::{Installation, Server};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;

/// As another user than the test's, if it may: what the system gives to root is root's either way.
#[cfg(target_os = "linux")]
#[test]
fn no_core_is_dumped_and_no_debugger_of_the_same_user_is_let_in() {
    let installation = Installation::empty();
    let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0"]);
    if rustix::process::geteuid().is_root() {
        let nobody = 65_534;
        std::os::unix::fs::chown(installation.directory.path(), Some(nobody), Some(nobody))
            .expect("a folder");
        command.uid(nobody).gid(nobody);
    }
    let server = Server::start(command);
    let process = format!("/proc/{}", server.id());
    let limits = std::fs::read_to_string(format!("{process}/limits")).expect("limits");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a limit");
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
    // The files of what is not dumpable belong to root (proc(5)); those of others to their user.
    let owner = |of: &str| std::fs::metadata(of).expect("a process").uid();
    assert_eq!(owner(&format!("{process}/environ")), 0);
    assert_ne!(owner(&process), 0);
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
