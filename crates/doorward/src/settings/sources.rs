//! Where settings come from, in rising precedence: default, file, environment, flag. Knows the table; reads each effective value once.

use crate::environment;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::Settings;
use super::flags::SettingFlags;
use super::setting::{Preset, Setting};
use super::spelling::nearest;
use super::table::all_settings;

/// Read when no file is named, the first that exists.
const USUAL_FILES: [&str; 2] = ["doorward.toml", "/etc/doorward/doorward.toml"];
/// Where a service keeps its data when nobody says otherwise: as the shipped unit does, and as packages do.
const STANDARD_PLACES: [&str; 2] = ["/var/lib/doorward", "/run/doorward"];
const CONFIG_VARIABLE: &str = "DOORWARD_CONFIG";
const PREFIX: &str = "DOORWARD_";
/// Variables of the same prefix that are no settings: the file to read, and what the tests understand.
const OTHER_VARIABLES: [&str; 2] = [CONFIG_VARIABLE, "DOORWARD_BLESS"];

/// Where a value was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    File { path: PathBuf, line: usize },
    Environment(String),
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{} line {line}", path.display()),
            Self::Environment(variable) => f.write_str(variable),
            Self::Flag(flag) => write!(f, "--{flag}"),
        }
    }
}

/// The settings in force, and where each was set.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) settings: Settings,
    /// The file that was read, if there was one.
    pub(crate) file: Option<PathBuf>,
    pub(super) values: BTreeMap<&'static str, (String, Origin)>,
}

/// Everything that is wrong, so that it can be put right at once.
#[derive(Debug, thiserror::Error)]
#[error("{}", shown(.0))]
pub(crate) struct SettingsError(pub(crate) Vec<String>);

impl Resolved {
    /// Reads flags, the process's environment, and the file they name or that is found.
    pub(crate) fn from_system(flags: &SettingFlags) -> Result<Self, SettingsError> {
        Self::from_sources(flags, environment::variables(), &USUAL_FILES.map(Path::new))
    }

    /// What there is without a file, an environment and flags.
    #[cfg(test)]
    pub(crate) fn defaults() -> Result<Self, SettingsError> {
        Self::from_sources(&SettingFlags::default(), [], &[])
    }

    /// The settings of an installation that exists. Where nothing names its data directory and there is none here, it is the one of a server in the
    /// standard places.
    pub(crate) fn at_its_place(self) -> Settings {
        let standard = STANDARD_PLACES.map(Path::new);
        self.at_one_of(&standard)
    }

    pub(super) fn at_one_of(self, standard: &[&Path]) -> Settings {
        let is_named = self.is_set("data") || self.is_set("database");
        let mut settings = self.settings;
        if !is_named && !settings.data.exists() {
            let found = standard.iter().find(|place| crate::operator::socket_path(place).exists());
            settings.data = found.map_or(settings.data, |place| place.to_path_buf());
        }
        settings
    }

    /// Whether anybody set it.
    pub(crate) fn is_set(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    pub(super) fn from_sources(
        flags: &SettingFlags,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        usual_files: &[&Path],
    ) -> Result<Self, SettingsError> {
        let mut problems = Vec::new();
        let environment = our_variables(environment, &mut problems);
        let named = flags.config.clone().or_else(|| environment.get(CONFIG_VARIABLE).map(PathBuf::from));
        let file =
            named.or_else(|| usual_files.iter().find(|path| path.exists()).map(|path| path.to_path_buf()));

        let mut values = BTreeMap::new();
        if let Some(path) = &file {
            take_file(path, &mut values, &mut problems);
        }
        take_environment(&environment, &mut values, &mut problems);
        for (key, value) in &flags.given {
            if let Some(flag) = setting(key).and_then(Setting::flag) {
                values.insert(*key, (value.clone(), Origin::Flag(flag)));
            }
        }
        let settings = read(&values, &mut problems);
        if problems.is_empty() { Ok(Self { settings, file, values }) } else { Err(SettingsError(problems)) }
    }
}

type Values = BTreeMap<&'static str, (String, Origin)>;

/// Sets the defaults, then what was given.
fn read(values: &Values, problems: &mut Vec<String>) -> Settings {
    let mut settings = Settings::blank();
    for setting in all_settings() {
        let given = values.get(setting.key);
        let value = match (given, &setting.preset) {
            (Some((value, _)), _) => value,
            (None, Preset::Value(value)) => *value,
            (None, _) => continue,
        };
        if let Err(expected) = (setting.set)(&mut settings, value) {
            problems.push(complaint(setting, given, &expected));
        }
    }
    if problems.is_empty() {
        for (key, expected) in settings.contradictions() {
            if let Some(setting) = setting(key) {
                problems.push(complaint(setting, values.get(key), &expected));
            }
        }
    }
    settings
}

/// `session.idle = "8" (DOORWARD_SESSION_IDLE): expected a duration`.
fn complaint(setting: &Setting, given: Option<&(String, Origin)>, expected: &str) -> String {
    let key = setting.key;
    let (value, origin) = match (given, &setting.preset) {
        (Some((value, origin)), _) => (Some(value.as_str()), origin),
        (None, Preset::Value(value)) => (Some(*value), &Origin::Default),
        (None, _) => (None, &Origin::Default),
    };
    match value {
        Some(_) if setting.secret => format!("{key} ({origin}; not shown): expected {expected}"),
        Some(value) => format!("{key} = {:?} ({origin}): expected {expected}", (setting.shown)(value)),
        None => format!("{key} is not set: expected {expected}"),
    }
}

fn our_variables(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    problems: &mut Vec<String>,
) -> BTreeMap<String, String> {
    let mut ours = BTreeMap::new();
    for (name, value) in environment {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        match value.into_string() {
            Ok(value) => {
                ours.insert(name.to_owned(), value);
            }
            Err(_) => problems.push(format!("{name}: expected text in UTF-8")),
        }
    }
    ours
}

fn take_environment(environment: &BTreeMap<String, String>, values: &mut Values, problems: &mut Vec<String>) {
    for (name, value) in environment {
        if let Some(setting) = all_settings().find(|setting| setting.variable() == *name) {
            values.insert(setting.key, (value.clone(), Origin::Environment(name.clone())));
        } else if !OTHER_VARIABLES.contains(&name.as_str()) {
            let bare = |variable: &str| variable.strip_prefix(PREFIX).unwrap_or(variable).to_owned();
            let known: Vec<_> = all_settings().map(|setting| bare(&setting.variable())).collect();
            let meant = nearest(&bare(name), known.iter().map(String::as_str));
            let hint = hint(meant.map(|bare| format!("{PREFIX}{bare}")).as_deref());
            problems.push(format!("unknown environment variable {name}{hint}"));
        }
    }
}

fn take_file(path: &Path, values: &mut Values, problems: &mut Vec<String>) {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return problems.push(format!("{} cannot be read: {error}", path.display())),
    };
    let table = match DeTable::parse(&text) {
        Ok(table) => table,
        Err(error) => {
            let line = error.span().map_or(1, |span| line_at(&text, span.start));
            let message = without_value(&text, line).unwrap_or_else(|| error.message().to_owned());
            return problems.push(format!("{} line {line} is not TOML: {message}", path.display()));
        }
    };
    let mut file = File { path, text: &text, values, problems };
    file.take_table("", table.get_ref());
}

/// A file being read.
struct File<'a> {
    path: &'a Path,
    text: &'a str,
    values: &'a mut Values,
    problems: &'a mut Vec<String>,
}

impl File<'_> {
    fn take_table(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let key = format!("{prefix}{}", name.get_ref());
            let line = line_at(self.text, name.span().start);
            match (setting(&key), value.get_ref()) {
                (None, DeValue::Table(inner)) if is_table(&key) => self.take_table(&format!("{key}."), inner),
                (None, _) => self.unknown(&key, line),
                (Some(setting), value) => self.take_value(setting, value, line),
            }
        }
    }

    fn take_value(&mut self, setting: &'static Setting, value: &DeValue<'_>, line: usize) {
        let Some(text) = written(value) else {
            let at = format!("{} line {line}", self.path.display());
            return self
                .problems
                .push(format!("{} ({at}): expected one value, or a list of texts", setting.key));
        };
        let origin = Origin::File { path: self.path.to_owned(), line };
        self.values.insert(setting.key, (text, origin));
    }

    fn unknown(&mut self, key: &str, line: usize) {
        let tables = all_settings().filter_map(|setting| setting.key.split_once('.')).map(|(table, _)| table);
        let hint = match nearest(key, all_settings().map(|setting| setting.key).chain(tables)) {
            Some(table) if table == key => format!("; it is a table, as in [{table}]"),
            meant => hint(meant),
        };
        self.problems.push(format!("unknown setting {key} ({} line {line}){hint}", self.path.display()));
    }
}

/// A TOML value in the words of a flag. A list is its texts with commas between.
fn written(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(switch) => Some(switch.to_string()),
        DeValue::Array(items) => {
            let texts: Option<Vec<&str>> = items
                .iter()
                .map(|item| match item.get_ref() {
                    DeValue::String(text) => Some(text.as_ref()),
                    _ => None,
                })
                .collect();
            texts.map(|texts| texts.join(","))
        }
        DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

pub(super) fn setting(key: &str) -> Option<&'static Setting> {
    all_settings().find(|setting| setting.key == key)
}

fn is_table(key: &str) -> bool {
    all_settings().any(|setting| setting.key.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')))
}

/// What is wrong with a line that names a setting and nothing behind its sign.
fn without_value(text: &str, line: usize) -> Option<String> {
    let (key, value) = text.lines().nth(line.saturating_sub(1))?.split_once('=')?;
    let is_empty = value.split('#').next().unwrap_or_default().trim().is_empty();
    is_empty.then(|| format!("{} has no value", key.trim()))
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!("; did you mean {nearest}?"))
}

fn shown(problems: &[String]) -> String {
    match problems {
        [problem] => format!("a setting is wrong: {problem}"),
        problems => format!("{} settings are wrong:\n  {}", problems.len(), problems.join("\n  ")),
    }
}
