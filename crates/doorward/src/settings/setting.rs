//! What a setting is: how it is named, what it is when nobody sets it, how a value is read. Which there are stands in `table.rs`.

use super::Settings;

/// One setting.
pub(crate) struct Setting {
    /// In a TOML file; `session.idle` is `idle` in the table `[session]`.
    pub(crate) key: &'static str,
    /// What stands for the value in help texts.
    pub(crate) value_name: &'static str,
    /// What it is when nobody sets it.
    pub(crate) preset: Preset,
    /// One sentence that teaches.
    pub(crate) help: &'static str,
    /// A value somebody might set.
    pub(crate) example: &'static str,
    /// Whether the value must never be shown. Such a setting has no flag: everybody on a machine sees the flags of a process.
    pub(crate) secret: bool,
    /// How a value is shown that may hold a secret; it must work on values that are wrong, too.
    pub(crate) shown: fn(&str) -> String,
    /// Reads a value. `Err` says what is expected.
    pub(crate) set: fn(&mut Settings, &str) -> Result<(), String>,
}

/// What a setting is when nobody sets it.
pub(crate) enum Preset {
    /// This, in the same words as anybody would write it.
    Value(&'static str),
    /// Something that follows from other settings: how, in words, and what.
    Derived(&'static str, fn(&Settings) -> String),
    /// Nothing.
    Unset,
}

impl Setting {
    pub(super) const fn new(
        key: &'static str,
        value_name: &'static str,
        preset: Preset,
        set: fn(&mut Settings, &str) -> Result<(), String>,
    ) -> Self {
        Self { key, value_name, preset, help: "", example: "", secret: false, shown: str::to_owned, set }
    }

    pub(super) const fn help(self, help: &'static str, example: &'static str) -> Self {
        Self { help, example, ..self }
    }

    pub(super) const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    pub(super) const fn masked(self, shown: fn(&str) -> String) -> Self {
        Self { shown, ..self }
    }

    /// `tls.certificate` is `--tls-certificate`.
    pub(crate) fn flag(&self) -> Option<String> {
        (!self.secret).then(|| self.key.replace(['.', '_'], "-"))
    }

    /// `tls.certificate` is `DOORWARD_TLS_CERTIFICATE`.
    pub(crate) fn variable(&self) -> String {
        format!("DOORWARD_{}", self.key.replace('.', "_").to_uppercase())
    }
}
