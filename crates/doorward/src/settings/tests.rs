//! What holds for every setting, and what an operator reads.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use clap::{Args as _, FromArgMatches as _};
use storage::Database;

use super::setting::{Preset, Setting};
use super::sources::{Origin, setting};
use super::table::all_settings;
use super::{Resolved, SettingFlags, Settings, reference};

/// Resolves from a file's text, an environment and a command line.
fn resolve(file: &str, environment: &[(&str, &str)], arguments: &[&str]) -> Result<Resolved, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("doorward.toml");
    std::fs::write(&path, file).expect("a file");
    let command = SettingFlags::augment_args(clap::Command::new("doorward").no_binary_name(true));
    let matches = command.try_get_matches_from(arguments).map_err(|error| error.to_string())?;
    let flags = SettingFlags::from_arg_matches(&matches).expect("flags");
    let environment = environment.iter().map(|(name, value)| (name.into(), value.into()));
    Resolved::from_sources(&flags, environment, &[Path::new("/does-not-exist.toml"), &path])
        .map_err(|error| error.to_string().replace(&format!("{}", folder.path().display()), "FOLDER"))
}

#[test]
fn flags_win_over_the_environment_over_the_file_over_the_default() {
    const FILE: &str = "# a comment\nlisten = \"127.0.0.1:1\"\n";
    const VARIABLE: (&str, &str) = ("DOORWARD_LISTEN", "127.0.0.1:2");
    let port = |file, environment: &[_], arguments: &[_]| {
        let resolved = resolve(file, environment, arguments).expect("good settings");
        let origin = resolved.values.get("listen").map_or(Origin::Default, |(_, origin)| origin.clone());
        (resolved.settings.listen.port(), origin)
    };
    assert_eq!(port("", &[], &[]), (8080, Origin::Default));
    let (from_file, origin) = port(FILE, &[], &[]);
    assert!(from_file == 1 && matches!(origin, Origin::File { line: 2, .. }), "{origin:?}");
    assert_eq!(port(FILE, &[VARIABLE], &[]), (2, Origin::Environment("DOORWARD_LISTEN".to_owned())));
    let flag = ["--listen", "127.0.0.1:3"];
    assert_eq!(port(FILE, &[VARIABLE], &flag), (3, Origin::Flag("listen".to_owned())));
}

#[test]
fn every_default_and_every_example_passes_its_own_parser_and_every_setting_is_documented() {
    for Setting { key, preset, help, example, set, secret, .. } in all_settings() {
        if let Preset::Value(value) = preset {
            assert_eq!(set(&mut Settings::blank(), value), Ok(()), "the default of {key}");
        }
        if !secret {
            assert_eq!(set(&mut Settings::blank(), example), Ok(()), "the example of {key}");
        }
        assert!(help.ends_with('.') && !example.is_empty(), "{key}");
    }
}

#[test]
fn no_two_settings_share_a_name() {
    let mut names = HashSet::new();
    for setting in all_settings() {
        assert!(names.insert(setting.key.to_owned()), "{}", setting.key);
        assert!(names.insert(setting.variable()), "{}", setting.variable());
        if let Some(flag) = setting.flag() {
            assert!(names.insert(format!("--{flag}")), "--{flag}");
        }
    }
}

/// A setting without a default keeps the blank's placeholder, so only settings that may be absent may lack one.
#[test]
fn defaults_leave_no_placeholder() {
    let settings = Resolved::defaults().expect("the defaults are good").settings;
    for (key, seconds, value) in [
        ("session.idle", 8 * 3_600, settings.session.idle),
        ("session.absolute", 7 * 86_400, settings.session.absolute),
        ("tokens.access_lifetime", 600, settings.tokens.access_lifetime),
        ("tokens.refresh_lifetime", 30 * 86_400, settings.tokens.refresh_lifetime),
        ("tokens.grant_lifetime", 180 * 86_400, settings.tokens.grant_lifetime),
        ("devices.code_lifetime", 600, settings.devices.code_lifetime),
        ("devices.interval", 5, settings.devices.interval),
        ("keys.rotate_every", 90 * 86_400, settings.keys.rotate_every),
        ("passwords.max_wait", 3, settings.passwords.max_wait),
        ("worker.timeout", 1, settings.worker.timeout),
        ("drain_timeout", 20, settings.drain_timeout),
        ("backup.every", 1, settings.backup.every),
        ("backup.base_every", 86_400, settings.backup.base_every),
        ("backup.keep", 7 * 86_400, settings.backup.keep),
        ("backup.drill_every", 86_400, settings.backup.drill_every),
    ] {
        assert_eq!(value.as_secs(), seconds, "{key}");
    }
    assert_eq!(settings.passwords.params(), passwords::Argon2Params::default());
    assert_eq!((settings.max_connections, settings.max_connections_per_address), (10_000, Some(256)));
    assert_eq!(settings.limits.requests_per_second.get(), 100);
    assert_eq!((settings.limits.sign_ins_per_minute.get(), settings.passwords.threads), (30, None));
    assert!(settings.limits.enabled && settings.limits.lockout);
    let sqlite = settings.sqlite;
    assert_eq!([sqlite.writer_cache, sqlite.reader_cache, sqlite.mmap], [32 << 20, 16 << 20, 0]);
    assert_eq!([sqlite.wal_soft_limit, sqlite.wal_hard_limit], [48 << 20, 512 << 20]);
    for key in all_settings().filter(|setting| matches!(setting.preset, Preset::Unset)).map(|s| s.key) {
        assert!(
            [
                "master_key",
                "database_password_file",
                "tls.certificate",
                "tls.key",
                "tls.client_ca",
                "tls.client_certificate_header",
                "outgoing.ca_file",
                "metrics_listen",
                "worker.secret_file",
                "worker.secret",
                "worker.ca_file",
                "backup.to",
                "traces.to"
            ]
            .contains(&key),
            "{key}"
        );
    }
}

#[test]
fn what_is_not_set_follows_from_what_is() {
    let resolved = resolve("data = \"/srv/id\"", &[], &["--listen", "127.0.0.1:0"]).expect("good settings");
    let settings = resolved.settings;
    assert_eq!(settings.database(), Database::Sqlite("/srv/id/doorward.db".into()));
    assert_eq!(settings.master_key_file(), PathBuf::from("/srv/id/master.key"));
    assert_eq!(settings.issuer(([127, 0, 0, 1], 4711).into()).as_str(), "http://localhost:4711");
    let tls = resolve("[tls]\ncertificate = \"c\"\nkey = \"k\"", &[], &[]).expect("good settings").settings;
    assert_eq!(tls.issuer(tls.listen).as_str(), "https://localhost:8080");
    for url in ["sqlite:a b.db", "postgres://u:pw@h/d", "mysql://u:pw@h/d"] {
        let settings = resolve("", &[("DOORWARD_DATABASE", url)], &[]).expect("good settings").settings;
        assert_eq!(settings.database(), url.parse().expect("a database"));
    }
}

#[test]
fn a_file_speaks_toml_and_means_the_same() {
    const FILE: &str = "trusted_proxies = [\"10.0.0.0/8\", \"::1\"]\nmax_connections = 5\nlimits.enabled = false\n\
                        [session]\nidle = \"5m\"\n";
    let settings = resolve(FILE, &[], &[]).expect("good settings").settings;
    assert_eq!(settings.trusted_proxies.to_string(), "10.0.0.0/8, ::1/128");
    assert_eq!((settings.max_connections, settings.limits.enabled), (5, false));
    assert_eq!(settings.session.idle.as_secs(), 300);
}

#[test]
fn errors_say_what_where_and_what_instead() {
    const KEY: &str = "bm90IGEga2V5IGF0IGFsbA";
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);
    let cases: &[Case<'_>] = &[
        (
            "listn = \"127.0.0.1:1\"\n\n[sesion]\nidle = \"8h\"\n[session]\nidel = \"8h\"\nsession = 5",
            &[],
            &[],
        ),
        ("", &[("DOORWARD_ISUER", "https://id.example.org"), ("DOORWARD_COLOUR", "red")], &[]),
        ("issuer = \"http://id.example.org\"", &[("DOORWARD_SESSION_IDLE", "8")], &["--sqlite-mmap", "64KB"]),
        (
            "",
            &[("DOORWARD_DATABASE", "postgres://u:bm90IGEga2V5IGF0IGFsbA@db"), ("DOORWARD_MASTER_KEY", KEY)],
            &[],
        ),
        ("[session]\nabsolute = \"1h\"\n[tls]\nkey = \"k.pem\"", &[], &["--passwords-memory", "1KiB"]),
        ("session = 5\nlisten = [1]\n[limits]\nenabled = \"perhaps\"", &[], &["--log", "a=b=c"]),
        ("listen = ", &[], &[]),
        ("", &[], &["--config", "/does-not-exist.toml"]),
        ("", &[], &["--master-key", KEY]),
    ];
    let mut told = String::new();
    for (file, environment, arguments) in cases {
        let error = resolve(file, environment, arguments).expect_err(file);
        assert!(!error.contains(KEY) || arguments.contains(&KEY), "{error}");
        told.push_str(&error.replace(KEY, "KEY"));
        told.push_str("\n---\n");
    }
    insta::assert_snapshot!(told);
}

#[test]
fn config_show_shows_everything_but_secrets() {
    let key = crypto::MasterKey::generate(&mut crypto::SeededRandom::new(1)).to_text();
    let database = format!("postgres://doorward:{}@db.example.org/doorward?sslmode=require", key.as_str());
    let environment =
        [("DOORWARD_MASTER_KEY", key.as_str()), ("DOORWARD_LOG", "debug"), ("DOORWARD_DATABASE", &database)];
    let arguments = ["--listen", "0.0.0.0:80", "--session-idle", "1h"];
    let resolved = resolve("", &environment, &arguments).expect("good settings");
    let file = resolved.file.as_ref().expect("a file").display().to_string();
    let report = resolved.report().replace(&file, "FILE");
    assert!(!report.contains(key.as_str()));
    insta::assert_snapshot!(report);
}

#[test]
fn warnings_are_for_what_is_probably_not_meant() {
    let warnings = |arguments: &[&str]| resolve("", &[], arguments).expect("good").settings.warnings().len();
    assert_eq!(warnings(&[]), 0);
    assert_eq!(warnings(&["--listen", "[::]:80"]), 1);
    assert_eq!(warnings(&["--issuer", "https://id.example.org"]), 1);
    assert_eq!(warnings(&["--issuer", "https://id.example.org", "--trusted-proxies", "10.0.0.1"]), 0);
}

#[test]
fn the_flags_are_what_the_help_shows() {
    let mut command = SettingFlags::augment_args(clap::Command::new("doorward").disable_help_flag(true));
    command.build();
    command.clone().debug_assert();
    insta::assert_snapshot!(command.term_width(110).render_long_help());
}

/// Rewrite it with DOORWARD_BLESS=1.
#[test]
fn the_reference_page_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/settings.md");
    let page = reference::page();
    if crate::environment::variable("DOORWARD_BLESS").is_some() {
        std::fs::write(path, &page).expect("the page is written");
    }
    assert!(std::fs::read_to_string(path).is_ok_and(|stored| stored == page), "{path}: see DOORWARD_BLESS");
    assert!(setting("listen").is_some_and(|listen| page.contains(listen.help)));
}

#[test]
fn commands_find_a_server_in_the_standard_places_unless_they_are_told_where() {
    let folder = tempfile::tempdir().unwrap();
    let (empty, service) = (folder.path().join("empty"), folder.path().join("service"));
    std::fs::create_dir(&service).unwrap();
    let standard = [empty.as_path(), service.as_path()];
    let none_here = folder.path().join("none-here");
    let place = |flags: &SettingFlags, file: &str| {
        let path = folder.path().join("doorward.toml");
        std::fs::write(&path, file).unwrap();
        let mut resolved = Resolved::from_sources(flags, [], &[path.as_path()]).unwrap();
        if !resolved.is_set("data") {
            resolved.settings.data.clone_from(&none_here);
        }
        resolved.at_one_of(&standard).data
    };
    let told = SettingFlags { config: None, given: vec![("data", "told".to_owned())] };
    assert_eq!(place(&SettingFlags::default(), ""), none_here, "no server listens there");
    std::fs::write(crate::operator::socket_path(&service), "").unwrap();
    assert_eq!(place(&SettingFlags::default(), ""), service);
    assert_eq!(place(&told, ""), std::path::Path::new("told"));
    assert_eq!(place(&SettingFlags::default(), "data = \"set\""), std::path::Path::new("set"));
    std::fs::create_dir(&none_here).unwrap();
    assert_eq!(place(&SettingFlags::default(), ""), none_here, "there is one here");
}
