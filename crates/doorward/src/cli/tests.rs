//! What `--help` teaches works: every example is read by the command line itself, and pastes as it stands.

use super::{Cli, NARROWEST, sets_nothing};
use clap::error::ErrorKind;
use clap::{ArgMatches, CommandFactory as _};

/// Every command, and below it every other.
fn all(command: clap::Command, name: &str, found: &mut Vec<(String, clap::Command)>) {
    for below in command.get_subcommands() {
        all(below.clone(), &format!("{name} {}", below.get_name()), found);
    }
    found.push((name.to_owned(), command));
}

fn every_command() -> Vec<(String, clap::Command)> {
    let mut command = Cli::command();
    command.build();
    let mut found = Vec::new();
    all(command, "doorward", &mut found);
    found
}

/// The examples in what stands below a command's help: lines that are set in by two, or follow "Example:".
fn examples(command: &clap::Command) -> Vec<String> {
    let Some(help) = command.get_after_help() else { return Vec::new() };
    let mut found: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in help.to_string().lines() {
        let begins = line.strip_prefix("Example: ").or_else(|| line.strip_prefix("  "));
        let begins = begins.filter(|text| text.contains("doorward"));
        if goes_on || begins.is_some() {
            assert!(line.chars().count() <= NARROWEST, "too long to be pasted: {line}");
        }
        let text = if goes_on { line.trim_start() } else { begins.unwrap_or_default() };
        let (text, more) = text.strip_suffix('\\').map_or((text, false), |text| (text, true));
        match found.last_mut().filter(|_| goes_on) {
            Some(last) => last.push_str(text),
            None if begins.is_some() => found.push(text.to_owned()),
            None => {}
        }
        goes_on = more;
    }
    assert!(!goes_on, "a backslash before nothing: {help}");
    found
}

/// The words of each `doorward` in a line for a shell.
fn commands_in(line: &str) -> Vec<Vec<String>> {
    // What a shell puts there itself.
    let line = &line.replace("$(date +%F)", "today");
    let words = shlex::split(line).unwrap_or_else(|| panic!("no shell reads this: {line}"));
    let parts = words.split(|word| ["|", "&&"].contains(&word.as_str()));
    let ours = parts.filter_map(|part| {
        let begins = part.iter().position(|word| word == "doorward" || word == "<(doorward")?;
        let words = part[begins..].iter().take_while(|word| !word.starts_with('>'));
        Some(words.map(|word| word.trim_start_matches("<(").trim_end_matches(')').to_owned()).collect())
    });
    ours.collect()
}

fn parsed(words: &[String]) -> Result<ArgMatches, clap::Error> {
    Cli::command().try_get_matches_from(words)
}

#[test]
fn every_example_of_every_command_pastes_as_it_stands() {
    let mut count = 0;
    for (name, command) in every_command() {
        let examples = examples(&command);
        let is_for_people = !command.has_subcommands() && !command.is_hide_set();
        assert!(!is_for_people || !examples.is_empty(), "{name} has no example");
        // As it is shown: nothing is broken that was whole.
        let mut narrow = command.clone().term_width(NARROWEST);
        let shown = narrow.render_long_help().to_string();
        for line in command.get_after_help().map(ToString::to_string).unwrap_or_default().lines() {
            if line.contains("doorward ") && (line.starts_with("  ") || line.starts_with("Example: ")) {
                assert!(shown.contains(line), "{name}: broken: {line}\n{shown}");
            }
        }
        for words in examples.iter().flat_map(|line| commands_in(line)) {
            count += 1;
            match parsed(&words) {
                Err(error) if error.kind() == ErrorKind::DisplayHelp => {}
                // A file of the reader's.
                Err(error) if error.to_string().contains("cannot be read") => {}
                Err(error) => panic!("{name}: {words:?}: {error}"),
                Ok(matches) => {
                    let mut command = Cli::command();
                    command.build();
                    assert_eq!(sets_nothing(&command, &matches), None, "{words:?}");
                }
            }
        }
    }
    assert!(count > 100, "{count}");
}

#[test]
fn a_set_that_sets_nothing_says_what_could_be_given() {
    let mut command = Cli::command();
    command.build();
    let mut sets = 0;
    for (name, found) in every_command() {
        if found.get_name() != "set" || found.get_positionals().count() > 1 {
            continue;
        }
        sets += 1;
        let place = ["--data", "elsewhere"].map(str::to_owned);
        for example in ["acme/notes/pro", "acme/notes", "acme", "https://api.example.org"] {
            let words: Vec<_> =
                name.split(' ').map(str::to_owned).chain([example.to_owned()]).chain(place.clone()).collect();
            let Ok(matches) = parsed(&words) else { continue };
            let why = sets_nothing(&command, &matches).unwrap_or_else(|| panic!("{words:?}"));
            assert!(why.contains("--") && why.contains(&format!("{name} --help")), "{why}");
        }
    }
    assert!(sets >= 5, "{sets}");
}
