//! Which functions run when the server starts and when it serves, recorded so that the linker can lay them side by side: an idle
//! server then has a few megabytes of program in memory and not a page of every corner of it. The lists are hints: a function
//! that is not in them, or no longer exists, costs nothing but its place. Knows valgrind's output, and nothing of the linker.

use crate::tools::{ensure, root, run, say};
use anyhow::{Context as _, Result, bail};
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// How long the recorded server stays idle once it started: what its timers do belongs to the start.
const IDLE: Duration = Duration::from_secs(90);

/// How long a recorded server may take: it runs some fifty times slower.
const PATIENCE: Duration = Duration::from_secs(300);

/// How often it is looked whether something has happened.
const STEP: Duration = Duration::from_millis(200);

/// Records both lists anew.
pub(crate) fn layout() -> Result<()> {
    if !ensure("valgrind", &["valgrind"])? {
        bail!("valgrind records which functions run");
    }
    // With its symbols, and in a folder of its own: everything compiled with other settings is compiled anew.
    let target = root().join("target/layout");
    let elsewhere = [("CARGO_TARGET_DIR", target.to_str().unwrap_or_default())];
    let with_symbols = "profile.release.package.doorward.strip=false";
    let build = ["build", "--release", "--locked", "--package", "doorward", "--config", with_symbols];
    run("cargo", &build, &elsewhere)?;
    let program = target.join("release/doorward");
    let folder = target.join("recorded");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;

    let starting = record_start(&program, &folder)?;
    let serving: BTreeSet<String> =
        record_service(&program, &folder)?.difference(&starting).cloned().collect();
    write("starting", &starting)?;
    write("serving", &serving)
}

/// From nothing to an idle server, and its end.
fn record_start(program: &Path, folder: &Path) -> Result<BTreeSet<String>> {
    let record = folder.join("start.callgrind");
    let data = folder.join("start");
    let port = free_port()?;
    let listen = format!("127.0.0.1:{port}");
    let mut server = recorded(program, &record, &["serve", "--listen", &listen, "--data"], &data)?;
    wait_for(port)?;
    sleep(IDLE);
    finish(&mut server)?;
    executed(&record, program)
}

/// People who sign in, and what their clients ask afterwards.
fn record_service(program: &Path, folder: &Path) -> Result<BTreeSet<String>> {
    let record = folder.join("service.callgrind");
    let (env_file, data) = (folder.join("demo.env"), folder.join("service"));
    let port = free_port()?;
    let env_path = env_file.to_str().unwrap_or_default();
    let args = ["demo", "--port", &port.to_string(), "--env-file", env_path, "--data"];
    let mut server = recorded(program, &record, &args, &data)?;
    wait_for(port)?;
    // It is written once the demo can be signed in to.
    while !env_file.exists() {
        sleep(STEP);
    }
    let target = format!("http://localhost:{port}");
    let load = [
        "bench",
        "sign-in",
        "--users",
        "4",
        "--duration",
        "60",
        "--bystander-rate",
        "0",
        "--target",
        &target,
        "--env-file",
    ];
    let status = Command::new(program).args(load).arg(&env_file).status()?;
    finish(&mut server)?;
    if !status.success() {
        bail!("nobody could sign in at the recorded server");
    }
    executed(&record, program)
}

fn recorded(program: &Path, record: &Path, args: &[&str], data: &Path) -> Result<Child> {
    say(&format!("{} {} {}, recorded", program.display(), args.join(" "), data.display()));
    Command::new("valgrind")
        .args(["--tool=callgrind", "--demangle=no"])
        .arg(format!("--callgrind-out-file={}", record.display()))
        .arg(program)
        .args(args)
        .arg(data)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("valgrind could not be started")
}

/// Until it answers.
fn wait_for(port: u16) -> Result<()> {
    let mut waited = Duration::ZERO;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if waited > PATIENCE {
            bail!("the recorded server did not start");
        }
        sleep(STEP);
        waited += STEP;
    }
    Ok(())
}

fn finish(server: &mut Child) -> Result<()> {
    run("kill", &["-INT", &server.id().to_string()], &[])?;
    server.wait()?;
    Ok(())
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The functions of `program` that ran, by callgrind's output: `ob=(id) name` says which file the `fn=(id) name` after it are in; names
/// are said once and then known by their ids.
fn executed(record: &Path, program: &Path) -> Result<BTreeSet<String>> {
    let program = program.to_string_lossy();
    let mut names: HashMap<(bool, String), String> = HashMap::new();
    let mut functions = BTreeSet::new();
    let mut ours = false;
    for line in BufReader::new(File::open(record)?).lines() {
        let line = line?;
        let Some((key, value)) = line.split_once('=') else { continue };
        let is_file = matches!(key, "ob" | "cob");
        if !is_file && !matches!(key, "fn" | "cfn") {
            continue;
        }
        let (id, name) = value.split_once(' ').unwrap_or((value, ""));
        let known = names.entry((is_file, id.to_owned())).or_insert_with(|| name.to_owned());
        match key {
            // Callgrind knows a file by its section `.text`, and those that the lists of an earlier record laid out are in sections of their own.
            "ob" => ours = *known == program || known == "???",
            // In parentheses stands what callgrind has no name for.
            "fn" if ours && !known.starts_with('(') => drop(functions.insert(pattern(known))),
            _ => {}
        }
    }
    if functions.len() < 1000 {
        bail!("{} names {} functions: has the program its symbols?", record.display(), functions.len());
    }
    Ok(functions)
}

/// A function's name as it stays from build to build: without the compiler's hash, and without callgrind's mark of recursion.
fn pattern(symbol: &str) -> String {
    let symbol = symbol.split('\'').next().unwrap_or(symbol);
    let symbol = symbol.split_once(".llvm.").map_or(symbol, |(name, _)| name);
    match symbol.rfind("17h") {
        Some(hash) if symbol.starts_with("_ZN") && symbol.len() == hash + 20 => {
            format!("{}*", &symbol[..hash + 3])
        }
        _ => symbol.to_owned(),
    }
}

fn write(name: &str, functions: &BTreeSet<String>) -> Result<()> {
    let path = root().join(format!("crates/doorward/layout/{name}.txt"));
    let text: String = functions.iter().map(|function| format!("{function}\n")).collect();
    std::fs::write(&path, text)?;
    say(&format!("{}: {} functions", path.display(), functions.len()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{executed, pattern};
    use std::fmt::Write as _;
    use std::path::Path;

    #[test]
    fn functions_of_the_program_count_wherever_an_earlier_layout_put_them() {
        let mut record = String::from("ob=(1) /lib/libc.so.6\nfn=(1) exit\ncob=(2) ???\nob=(3) /program\n");
        for number in 0..600 {
            write!(record, "ob=(3)\nfn=({}) in_text_{number}\n", number + 10).expect("text");
            write!(record, "ob=(2)\nfn=({}) laid_out_{number}\nfn=(9) (below main)\n", number + 1_000)
                .expect("text");
        }
        let file = std::env::temp_dir().join(format!("xtask-layout-{}.callgrind", std::process::id()));
        std::fs::write(&file, record).expect("written");
        let functions = executed(&file, Path::new("/program"));
        std::fs::remove_file(&file).expect("removed");
        let functions = functions.expect("functions");
        assert_eq!(functions.len(), 1_200);
        assert!(!functions.contains("exit") && !functions.contains("(below main)"));
    }

    #[test]
    fn a_name_loses_what_changes_with_every_build() {
        let cases = [
            ("_ZN8doorward3run17h0123456789abcdefE", "_ZN8doorward3run17h*"),
            ("_ZN8doorward3run17h0123456789abcdefE'2", "_ZN8doorward3run17h*"),
            ("_ZN8doorward3run17h0123456789abcdefE.llvm.123", "_ZN8doorward3run17h*"),
            ("sqlite3VdbeExec", "sqlite3VdbeExec"),
            ("yy_reduce.constprop.0", "yy_reduce.constprop.0"),
        ];
        for (symbol, expected) in cases {
            assert_eq!(pattern(symbol), expected);
        }
    }
}
