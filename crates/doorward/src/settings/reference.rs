//! Writes `docs/reference/settings.md` from the table. Part of the tests only: they see to it that the page is up to date.

use std::fmt::Write as _;

use super::setting::{Preset, Setting};
use super::table::all_settings;

pub(super) fn page() -> String {
    let mut page = HEAD.to_owned();
    for setting in all_settings() {
        write_setting(&mut page, setting);
    }
    page
}

fn write_setting(page: &mut String, setting: &Setting) {
    let preset = match setting.preset {
        Preset::Value("") => "empty".to_owned(),
        Preset::Value(value) => format!("`{value}`"),
        Preset::Derived(how, _) => how.to_owned(),
        Preset::Unset => "not set".to_owned(),
    };
    let flag = setting.flag().map_or_else(
        || "none: everybody on a machine sees the flags of a process".to_owned(),
        |flag| format!("`--{flag} {}`", setting.value_name),
    );
    writeln!(
        page,
        "\n## `{}`\n\n{}\n\n| | |\n|---|---|\n| default | {preset} |\n| example | {} |\n| flag | {} |\n| environment | `{}` |",
        setting.key,
        setting.help,
        example(setting),
        flag.replace('|', "\\|"),
        setting.variable(),
    )
    .expect("writing to a string");
}

fn example(setting: &Setting) -> String {
    if setting.secret { setting.example.to_owned() } else { format!("`{}`", setting.example) }
}

const HEAD: &str = "\
<!-- Generated from crates/doorward/src/settings/table.rs. Do not edit: run the tests with DOORWARD_BLESS=1. -->
# Settings

Every setting can be given as a flag, as an environment variable, or in a TOML file. A flag wins over the environment, the environment
over the file, and the file over the default. `doorward config show` prints what is in force and where it was set,
`doorward config check` only whether it is good. A setting nobody knows is an error, so a slip of the pen does not go unnoticed.

The file is the one named by `--config` or `DOORWARD_CONFIG`, else `doorward.toml` in the working directory, else
`/etc/doorward/doorward.toml`. A key with a dot is a key in a table:

```toml
issuer = \"https://id.example.org\"
trusted_proxies = [\"10.0.0.0/8\", \"fd00::/8\"]

[session]
idle = \"30m\"
```

Durations are a whole number with `ms`, `s`, `m`, `h` or `d`; sizes are bytes, or a whole number with `KiB`, `MiB` or `GiB`; lists
have commas between their parts. Relative paths start at the working directory.
";
