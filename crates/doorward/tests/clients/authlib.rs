//! Authlib, the client that Python programs use, in a virtual environment of its own below the target folder. Where there is no Python or no network
//! it is skipped, loudly; in CI that is a failure.

use crate::doorward::{Doorward, PROGRAM, command};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What `machine.py` was written for.
const PACKAGES: [&str; 3] = ["authlib==1.9.*", "joserfc==1.*", "requests==2.*"];

#[test]
fn authlib_says_who_it_is_in_every_way_it_can_and_gets_introspects_exchanges_and_revokes_tokens() {
    let Some(python) = python() else { return };
    for server in Doorward::on_every_engine() {
        let mut script = command(&python);
        script.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/machine.py"));
        for name in ["ISSUER", "CLIENT_ID", "CLIENT_SECRET"] {
            script.env(name, server.env(name));
        }
        let output = script.env("DOORWARD", PROGRAM).env("DATA", server.data()).output().unwrap();
        assert!(output.status.success() && said(&output).contains("done"), "{}", said(&output));
    }
}

/// A Python that has the packages.
fn python() -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (ready, making) = (target.join("authlib"), target.join(format!("authlib-{}", std::process::id())));
    if !ready.join("complete").exists() {
        if let Err(why) = make(&making) {
            fs::remove_dir_all(&making).ok();
            assert!(throwaway::variable("CI").is_none(), "Authlib is missing: {why}");
            eprintln!("SKIPPED: Authlib is missing: {why}");
            return None;
        }
        // Whoever else made one at the same time: one of the two stays.
        fs::rename(&making, &ready).or_else(|_| fs::remove_dir_all(&making)).unwrap();
    }
    Some(ready.join("bin/python"))
}

fn make(folder: &Path) -> Result<(), String> {
    run(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--timeout", "20"];
    run(Command::new(folder.join("bin/python")).args(pip).args(PACKAGES))?;
    fs::write(folder.join("complete"), "").map_err(|error| error.to_string())
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(said(&output)) }
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}
