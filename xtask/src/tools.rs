//! What the tests need from the machine: commands run with their output shown, Debian packages installed where they are missing.
//! What cannot be had is said loudly; in CI that is a failure, never a silent skip.

use anyhow::{Context as _, Result, bail};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// The project's root.
pub(crate) fn root() -> std::path::PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Runs a command in the project's root, its output shown; an error names it.
pub(crate) fn run(program: &str, args: &[&str], env: &[(&str, &str)]) -> Result<()> {
    run_in(&root(), program, args, env)
}

/// Like [`run`], in another folder.
pub(crate) fn run_in(folder: &Path, program: &str, args: &[&str], env: &[(&str, &str)]) -> Result<()> {
    say(&format!("{program} {}", args.join(" ")));
    let mut command = Command::new(program);
    command.args(args).current_dir(folder).envs(env.iter().copied());
    let status = command.status().with_context(|| format!("{program} could not be started"))?;
    if !status.success() {
        bail!("{program} {} failed: {status}", args.join(" "));
    }
    Ok(())
}

/// Whether a command exists.
pub(crate) fn exists(program: &str) -> bool {
    let found =
        Command::new("sh").args(["-c", &format!("command -v {program}")]).stdout(Stdio::null()).status();
    found.is_ok_and(|status| status.success())
}

/// Makes sure that `program` exists, from these Debian packages. `false` when it cannot be had, which was said loudly.
pub(crate) fn ensure(program: &str, packages: &[&str]) -> Result<bool> {
    if exists(program) {
        return Ok(true);
    }
    if install(packages)? && exists(program) {
        return Ok(true);
    }
    let missing = format!("{program} is missing; as root: apt-get install {}", packages.join(" "));
    if in_ci() {
        bail!("{missing}");
    }
    say(&format!("SKIPPED: {missing}"));
    Ok(false)
}

/// Installs Debian packages, when this is root on such a system; `false` when it is not. Services are not started.
pub(crate) fn install(packages: &[&str]) -> Result<bool> {
    if !exists("apt-get") || !is_root() {
        return Ok(false);
    }
    // What Debian's packages ask before they start a service: 101 is no.
    let policy = Path::new("/usr/sbin/policy-rc.d");
    let ours = !policy.exists();
    if ours {
        std::fs::write(policy, "#!/bin/sh\nexit 101\n")?;
        std::fs::set_permissions(policy, std::fs::Permissions::from_mode(0o755))?;
    }
    let install = ["install", "--yes", "--quiet", "--no-install-recommends"];
    let installed = run("apt-get", &["update", "--quiet"], &[]).and_then(|()| {
        run("apt-get", &[&install[..], packages].concat(), &[("DEBIAN_FRONTEND", "noninteractive")])
    });
    if ours {
        std::fs::remove_file(policy)?;
    }
    installed.map(|()| true)
}

/// Whether this is CI, where a skip is a failure.
pub(crate) fn in_ci() -> bool {
    throwaway::variable("CI").is_some()
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.starts_with(b"0"))
}

/// Says what happens next.
#[expect(clippy::print_stdout, reason = "this is a task runner: its output is for the person before it")]
pub(crate) fn say(what: &str) {
    println!("\n==> {what}");
}

/// Says what went wrong.
#[expect(clippy::print_stderr, reason = "this is a task runner: its output is for the person before it")]
pub(crate) fn complain(what: &str) {
    eprintln!("\n{what}");
}
