//! The project's own tasks: `cargo xtask check` runs everything CI runs, `bless` accepts what tests generate, `tidy` checks the rules
//! of the house. Knows no code of the product.

mod check;
mod engines;
mod floors;
mod layout;
mod tidy;
mod tools;

use anyhow::{Result, bail};
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask TASK

  check   everything CI runs: format, tidy, clippy, all tests with the real clients and the browser, documentation
  bless   accept changed snapshots and regenerate generated files, then look at `git diff`
  tidy    the rules of the house: which room may import which, file sizes, words (part of check)
  e2e     only the npm clients, on every engine, and the browser (part of check)
  crash   the crash test, long: hundreds of kills under write load
  applications [NAME..]
          real applications that people sign in to, connected by their presets (e2e/applications); installs what they need
  layout  records which functions run at the start and while serving, for the linker (valgrind; a quarter of an hour)

  engines -- COMMAND..
          starts a PostgreSQL and a MariaDB, and runs a command whose tests find them: `cargo nextest run -p storage`
";

fn main() -> ExitCode {
    let task = std::env::args().nth(1).unwrap_or_default();
    match run(&task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tools::complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(task: &str) -> Result<()> {
    match task {
        "check" => check::check(),
        "bless" => check::bless(),
        "tidy" => tidy::tidy(),
        "e2e" => check::e2e(),
        "crash" => check::crash(),
        "applications" => check::applications(&std::env::args().skip(2).collect::<Vec<_>>()),
        "layout" => layout::layout(),
        "engines" => engines::with_engines(std::env::args().skip(2)),
        _ => bail!("{HELP}"),
    }
}
