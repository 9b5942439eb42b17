//! The command line's part: a flag for each setting, made from the table. A subcommand takes them in with `#[command(flatten)]`.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, builder::ValueParser};

use super::setting::{Preset, Setting};
use super::table::all_settings;

/// The settings that were given as flags, unread, and the file to read the others from.
#[derive(Clone, Debug, Default)]
pub(crate) struct SettingFlags {
    pub(crate) config: Option<PathBuf>,
    /// Which setting, by its key, and its value.
    pub(crate) given: Vec<(&'static str, String)>,
}

const HEADING: &str = "Settings";
const CONFIG: &str = "setting:config";

impl clap::FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        if let Some(config) = matches.get_one::<PathBuf>(CONFIG) {
            self.config = Some(config.clone());
        }
        for setting in all_settings().filter(|setting| !setting.secret) {
            if let Some(value) = matches.get_one::<String>(&id(setting)) {
                self.given.push((setting.key, value.clone()));
            }
        }
        Ok(())
    }
}

impl clap::Args for SettingFlags {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new(CONFIG)
            .long("config")
            .value_name("PATH")
            .value_parser(ValueParser::path_buf())
            .help_heading(HEADING)
            .help(
                "The file to read settings from [else DOORWARD_CONFIG, ./doorward.toml or \
                 /etc/doorward/doorward.toml]",
            );
        all_settings().fold(command.arg(config), |command, setting| match setting.flag() {
            Some(flag) => command.arg(argument(setting, flag)),
            None => command,
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn argument(setting: &Setting, flag: String) -> Arg {
    let help = match setting.preset {
        Preset::Value("") | Preset::Unset => format!("{} [example: {}]", setting.help, setting.example),
        Preset::Value(value) => format!("{} [default: {value}]", setting.help),
        Preset::Derived(how, _) => format!("{} [default: {how}]", setting.help),
    };
    Arg::new(id(setting))
        .long(flag)
        .value_name(setting.value_name)
        .help_heading(HEADING)
        .help(help)
        // `-h` shows what one changes first, `--help` everything.
        .hide_short_help(setting.key.contains('.') || setting.key.starts_with("max_"))
}

fn id(setting: &Setting) -> String {
    format!("setting:{}", setting.key)
}
