//! What this process holds in memory (keys, passwords, tokens) is written to no core file and shown to no other process of its user. Knows
//! nothing of what it holds.

use rustix::io;
use rustix::process::{Resource, Rlimit, setrlimit};

/// From here on, and for whatever this process starts. A build with the feature `profiling` is there to be looked into, and stays open to that.
///
/// # Errors
/// When the system refuses.
pub(crate) fn prevent() -> io::Result<()> {
    if cfg!(feature = "profiling") {
        return Ok(());
    }
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    // A limit of 0 does not keep the kernel from handing an image to a program (core(5), "Piping core dumps to a program"); this does, and
    // it keeps out debuggers of the same user (prctl(2)).
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

#[cfg(all(test, target_os = "linux", not(feature = "profiling")))]
mod tests {
    use super::*;
    use rustix::process::{DumpableBehavior, dumpable_behavior, getrlimit};

    #[test]
    fn this_process_is_not_dumpable_and_its_children_write_no_core() {
        prevent().expect("it may");
        assert_eq!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
        let limit = getrlimit(Resource::Core);
        assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
        // What the program reads of itself is still there.
        assert!(!crate::process::threads().is_empty());
        assert!(std::fs::read_dir("/proc/self/fd").is_ok_and(|files| files.count() > 0));
        assert!(std::env::current_exe().is_ok());
    }
}
