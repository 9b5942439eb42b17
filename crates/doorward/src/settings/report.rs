//! What `config show` prints: every setting in force and where it was set. Shows no secret.

use std::fmt::Write as _;

use super::setting::{Preset, Setting};
use super::sources::Resolved;
use super::table::all_settings;

impl Resolved {
    /// The file that was read, one line for each setting, then the warnings.
    pub(crate) fn report(&self) -> String {
        let rows: Vec<_> = all_settings().map(|setting| self.row(setting)).collect();
        let keys = rows.iter().map(|row| row.0.len()).max().unwrap_or(0);
        // One long path must not push the last column off the screen for all.
        let values = rows.iter().map(|row| row.1.chars().count()).filter(|len| *len <= 40).max().unwrap_or(0);
        let mut report = match &self.file {
            Some(path) => format!("settings file: {}\n\n", path.display()),
            None => "settings file: none\n\n".to_owned(),
        };
        for (key, value, origin) in rows {
            // Writing to a string does not fail.
            let _ = writeln!(report, "{key:keys$}  {value:values$}  {origin}");
        }
        for warning in self.settings.warnings() {
            let _ = writeln!(report, "\nwarning: {warning}");
        }
        report
    }

    fn row(&self, setting: &Setting) -> (&'static str, String, String) {
        let (value, origin) = match (self.values.get(setting.key), &setting.preset) {
            (Some((_, origin)), _) if setting.secret => ("(not shown)".to_owned(), origin.to_string()),
            (Some((value, origin)), _) => ((setting.shown)(value), origin.to_string()),
            (None, Preset::Value(value)) => ((*value).to_owned(), "default".to_owned()),
            (None, Preset::Derived(how, value)) => (value(&self.settings), format!("default: {how}")),
            (None, Preset::Unset) => (String::new(), "not set".to_owned()),
        };
        let value = if value.is_empty() { "-".to_owned() } else { value };
        (setting.key, value, origin)
    }
}
