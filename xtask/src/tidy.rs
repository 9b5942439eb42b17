//! The rules of the house, checked: which room may import which, what a room never depends on, and what no file may hold.
//!
//! The table below is the one of ARCHITECTURE.md. An arrow that is not in it fails.

use crate::floors;
use crate::tools::{root, say};
use anyhow::{Context as _, Result, bail};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

struct Room {
    name: &'static str,
    /// The siblings it may import.
    may: &'static [&'static str],
    /// What it never depends on, so that the sentence in ARCHITECTURE.md stays true.
    never: &'static [&'static str],
}

const NETWORK: &[&str] = &["axum", "hyper", "http", "tower", "tokio-rustls", "reqwest"];

const ROOMS: &[Room] = &[
    Room {
        name: "protocol",
        may: &[],
        never: &["tokio", "axum", "hyper", "http", "rusqlite", "rand", "getrandom", "aws-lc-rs"],
    },
    Room {
        name: "crypto",
        may: &["protocol"],
        never: &["tokio", "axum", "hyper", "rusqlite", "rand", "getrandom"],
    },
    Room { name: "argon", may: &[], never: &["tokio", "getrandom", "rand"] },
    Room { name: "meter", may: &[], never: &["tokio", "http", "prometheus-client"] },
    Room {
        name: "passwords",
        may: &["argon", "meter"],
        never: &["axum", "hyper", "rusqlite", "rand", "getrandom"],
    },
    Room {
        name: "storage",
        may: &["protocol", "meter"],
        never: &["axum", "hyper", "http", "clap", "getrandom"],
    },
    Room {
        name: "provider",
        may: &["protocol", "crypto", "passwords", "storage", "meter"],
        never: &["axum", "hyper", "http", "tower", "rusqlite", "askama", "clap", "getrandom"],
    },
    Room {
        name: "web",
        may: &["protocol", "provider", "meter"],
        never: &["rusqlite", "aws-lc-rs", "getrandom", "clap", "storage", "crypto"],
    },
    Room { name: "worker", may: &["provider"], never: &["axum", "hyper", "rusqlite", "clap"] },
    Room { name: "bench", may: &["protocol"], never: &["axum", "rusqlite", "aws-lc-rs", "clap"] },
    Room {
        name: "doorward",
        may: &["protocol", "crypto", "passwords", "storage", "provider", "web", "worker", "bench"],
        never: &["rusqlite", "aws-lc-rs"],
    },
    Room { name: "throwaway", may: &[], never: &["axum", "hyper", "http", "tokio", "rusqlite", "clap"] },
    Room { name: "xtask", may: &["throwaway"], never: NETWORK },
];

/// Never anywhere in the dependency tree.
const BANNED: &[&str] = &["openssl", "openssl-sys", "native-tls", "ring", "sqlx"];

const LICENSES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "OpenSSL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
    "LLVM-exception",
];

const MAX_LINES: usize = 400;
const VAGUE_NAMES: &[&str] = &["utils", "util", "helpers", "helper", "common", "manager", "misc"];

/// Checks every rule and names every breach.
pub(crate) fn tidy() -> Result<()> {
    say("tidy");
    let metadata = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).exec()?;
    let mut breaches = Vec::new();
    rooms(&metadata, &mut breaches);
    dependency_tree(&mut breaches)?;
    let mut files = Vec::new();
    for folder in ["crates", "xtask"] {
        rust_files(&root().join(folder), &mut files, &mut breaches)?;
    }
    for file in &files {
        source(file, &mut breaches)?;
    }
    if breaches.is_empty() {
        return Ok(());
    }
    bail!("the house is untidy:\n  {}", breaches.join("\n  "))
}

fn rooms(metadata: &Metadata, breaches: &mut Vec<String>) {
    let members = metadata.workspace_packages();
    let siblings: Vec<&str> = members.iter().map(|package| package.name.as_str()).collect();
    for package in &members {
        let Some(room) = ROOMS.iter().find(|room| room.name == package.name.as_str()) else {
            breaches.push(format!("{}: a room without a row in xtask/src/tidy.rs", package.name));
            continue;
        };
        for dependency in normal_dependencies(package) {
            if siblings.contains(&dependency) && !room.may.contains(&dependency) {
                breaches.push(format!("{} imports {dependency}: no such arrow", room.name));
            }
            if room.never.contains(&dependency) {
                breaches.push(format!("{} depends on {dependency}: it never does", room.name));
            }
        }
    }
}

/// Tests may stand where they like; what ships may not.
fn normal_dependencies(package: &Package) -> impl Iterator<Item = &str> {
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind != DependencyKind::Development)
        .map(|dependency| dependency.name.as_str())
}

/// What is really built, tests included: `cargo metadata` would also list optional parts that nobody turns on.
fn dependency_tree(breaches: &mut Vec<String>) -> Result<()> {
    let tree = ["tree", "--workspace", "--locked", "--prefix", "none", "--no-dedupe", "--format", "{p}|{l}"];
    let output = Command::new("cargo")
        .args(tree)
        .args(["--features", "doorward/profiling"])
        .current_dir(root())
        .output()?;
    let lines: BTreeSet<String> = String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect();
    if lines.is_empty() {
        bail!("cargo tree failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    for line in lines {
        let (package, license) = line.split_once('|').unwrap_or((&line, ""));
        let name = package.split(' ').next().unwrap_or_default();
        if BANNED.contains(&name) {
            breaches.push(format!("{name} is in the dependency tree: deny.toml says why it must not be"));
        }
        if !is_fine(license) && !name.is_empty() {
            breaches.push(format!("{package}: licence {license} is not in the list"));
        }
    }
    Ok(())
}

/// One of the choices holds only licences of the list.
fn is_fine(license: &str) -> bool {
    let choices = license.replace('/', " OR ").replace(['(', ')'], "");
    choices.split(" OR ").any(|choice| {
        let mut words = choice.split_whitespace().filter(|word| !matches!(*word, "AND" | "WITH")).peekable();
        words.peek().is_some() && words.all(|word| LICENSES.contains(&word))
    })
}

/// Collects the sources below a folder, and what is wrong with how they lie there. Snapshots lie where their tool puts them.
fn rust_files(folder: &Path, files: &mut Vec<PathBuf>, breaches: &mut Vec<String>) -> Result<()> {
    let mut entries = 0;
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        entries += 1;
        if path.is_dir() {
            rust_files(&path, files, breaches)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    if !folder.ends_with("snapshots") {
        breaches.extend(floors::crowd(&from_root(folder), entries));
    }
    Ok(())
}

fn from_root(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn source(file: &Path, breaches: &mut Vec<String>) -> Result<()> {
    let text = std::fs::read_to_string(file)?;
    let path = from_root(file);
    let shipped = !path.contains("/tests") && !path.contains("/examples/") && !path.contains("xtask");
    let product = product(&text);
    let mut breach = |what: String| breaches.push(format!("{path}: {what}"));

    if !text.starts_with("//!") {
        breach("begins without a //! header that says what it owns".to_owned());
    }
    if file.file_stem().is_some_and(|stem| VAGUE_NAMES.iter().any(|vague| stem == *vague)) {
        breach("a vague name: say what it owns".to_owned());
    }
    if !shipped {
        return Ok(());
    }
    if product.len() > MAX_LINES {
        breach(format!(
            "{} lines before its tests: cut it at its joint ({MAX_LINES} at most)",
            product.len()
        ));
    }
    for what in floors::imports(&path, product.iter().copied()) {
        breach(what);
    }
    for (number, line) in product {
        let code = line.split("//").next().unwrap_or_default();
        let mut at = |what: &str| breach(format!("{number}: {what}"));
        if code.contains("#[allow(") || code.contains("#![allow(") {
            at("#[allow]: use #[expect(.., reason = \"..\")]");
        }
        if ["TODO", "FIXME", "HACK"].iter().any(|mark| line.contains(mark)) {
            at("a mark for later: do it, or file it");
        }
        if !SPEAK_SQL.iter().any(|folder| path.starts_with(folder)) && is_sql(code) {
            at("SQL outside storage");
        }
        for (driver, folder) in DRIVERS {
            let own = path.starts_with(folder) || SPEAK_OF_ENGINES.contains(&path.as_str());
            if code.contains(driver) && !own {
                at("an engine named outside its folder");
            }
        }
    }
    Ok(())
}

/// The lines that ship, numbered from one: without the items that are there for tests only, wherever they stand. Relies on the format that is
/// checked before: an item ends where a line that is indented as its attribute is closes it.
fn product(text: &str) -> Vec<(usize, &str)> {
    let mut product = Vec::new();
    let mut lines = (1..).zip(text.lines());
    while let Some((number, line)) = lines.next() {
        if line.trim_start() != "#[cfg(test)]" {
            product.push((number, line));
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let ends = |line: &str| {
            let own = line.len() - line.trim_start().len() == indent && !line.trim_start().starts_with('#');
            own && line.ends_with(['}', ';', ','])
        };
        // Taken up to the end of the item.
        lines.by_ref().map(|(_, line)| line).find(|line| ends(line));
    }
    product
}

/// The engines' drivers, and the one folder each belongs to.
const DRIVERS: &[(&str, &str)] = &[
    ("rusqlite", "crates/storage/src/engine/sqlite"),
    ("tokio_postgres", "crates/storage/src/engine/postgres"),
    ("mysql_async", "crates/storage/src/engine/mysql"),
];

/// The files in which the engines meet.
const SPEAK_OF_ENGINES: &[&str] = &[
    // A row as its driver gives it.
    "crates/storage/src/contract/row/mod.rs",
    "crates/storage/src/contract/row/sqlite.rs",
    "crates/storage/src/contract/row/postgres.rs",
    "crates/storage/src/contract/row/mysql.rs",
    "crates/storage/src/contract/together.rs",
    "crates/storage/src/schema/migrate.rs",
    // Whose lines of the log are left out.
    "crates/doorward/src/telemetry/mod.rs",
];

/// The state, and what starts servers for its tests.
const SPEAK_SQL: &[&str] = &["crates/storage/", "crates/throwaway/"];

fn is_sql(code: &str) -> bool {
    ["\"SELECT ", "\"INSERT INTO ", "\"UPDATE ", "\"DELETE FROM ", "\"CREATE TABLE "]
        .iter()
        .any(|sql| code.contains(sql))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ships_is_read_past_whatever_is_there_for_tests() {
        let text = "\
use a;
#[cfg(test)]
use b::{
    c,
};
#[cfg(test)]
mod tests;
struct D {
    #[cfg(test)]
    e: u8,
    f: u8,
}
impl D {
    #[cfg(test)]
    #[expect(x)]
    pub(crate) fn g(&self) -> u8 {
        self.e;
    }

    fn h() {}
}
#[cfg(test)]
mod i {
    fn j() {}
}
fn k() {}";
        let lines: Vec<&str> = product(text).into_iter().map(|(_, line)| line).collect();
        let shipped =
            ["use a;", "struct D {", "    f: u8,", "}", "impl D {", "", "    fn h() {}", "}", "fn k() {}"];
        assert_eq!(lines, shipped);
        assert_eq!(product(text).last().unwrap().0, text.lines().count());
    }

    /// What is named here is every way that the standard library and the crates we use have to it.
    #[test]
    fn clippy_forbids_every_name_for_the_clock_randomness_and_the_environment() {
        let rules = std::fs::read_to_string(root().join("clippy.toml")).unwrap();
        for name in [
            "std::time::SystemTime::now",
            "std::time::SystemTime::elapsed",
            "std::time::Instant::now",
            "getrandom::fill",
            "getrandom::fill_uninit",
            "getrandom::u32",
            "getrandom::u64",
            "rustix::rand::getrandom",
            "aws_lc_rs::rand::fill",
            "aws_lc_rs::rand::generate",
            "std::env::var",
            "std::env::var_os",
            "std::env::vars",
            "std::env::vars_os",
            "std::env::set_var",
            "std::env::remove_var",
        ] {
            assert!(rules.contains(&format!("path = \"{name}\"")), "{name}");
        }
    }
}
