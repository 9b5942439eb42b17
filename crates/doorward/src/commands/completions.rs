//! `doorward completions`: what a shell needs to complete command lines. The scripts are short: on each Tab they ask this program, which knows its
//! own commands and flags.

use crate::cli::Cli;
use clap::builder::PossibleValuesParser;
use clap::{Args, CommandFactory as _};
use clap_complete::CompleteEnv;
use clap_complete::env::Shells;
use std::io::{self, Write as _};

pub(crate) const HELP: &str = "\
Examples:
  doorward completions bash > /etc/bash_completion.d/doorward
  echo 'source <(doorward completions zsh)' >> ~/.zshrc
  doorward completions fish > ~/.config/fish/completions/doorward.fish

The script asks the `doorward` in your PATH what could stand next: it never knows less than that.";

/// Set by the scripts, to the name of their shell.
const ASKS: &str = "DOORWARD_COMPLETE";

#[derive(Args)]
pub(crate) struct CompletionsArgs {
    #[arg(value_parser = PossibleValuesParser::new(Shells::builtins().names()))]
    shell: String,
}

/// When a shell asks what could stand next: answers it, and ends the process.
pub(crate) fn answer_shell() {
    CompleteEnv::with_factory(Cli::command).var(ASKS).complete();
}

pub(crate) fn run(args: &CompletionsArgs) -> anyhow::Result<()> {
    let mut script = Vec::new();
    if let Some(shell) = Shells::builtins().completer(&args.shell) {
        shell.write_registration(ASKS, "doorward", "doorward", "doorward", &mut script)?;
    }
    match io::stdout().lock().write_all(&script) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
