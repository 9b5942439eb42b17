//! Floors inside a crate, checked: a file imports its own floor and those below it, never one above; and no folder holds more than a stranger
//! reads at a glance.

use std::path::Path;

/// A crate whose folders are floors.
pub(crate) struct House {
    /// Where its sources are.
    source: &'static str,
    /// From top to bottom; what stands on one floor may import each other. What stands beside them (`lib.rs`) may import every one.
    floors: &'static [&'static [&'static str]],
    /// What stands at the crate's root and is known on every floor: macros, which do wherever they are written, and what the lowest floor holds.
    everywhere: &'static [&'static str],
}

pub(crate) const HOUSES: &[House] = &[
    House {
        source: "crates/storage/src/",
        floors: &[
            &["measure"],
            &["records"],
            &["upkeep"],
            &["nodes"],
            &["engine"],
            &["archive"],
            &["contract"],
            &["schema"],
        ],
        everywhere: &["params"],
    },
    House {
        source: "crates/provider/src/",
        floors: &[
            &["admin"],
            &[
                "authentication",
                "authorize",
                "clients",
                "device",
                "gateway",
                "interaction",
                "tenancy",
                "tokens",
            ],
            &["memory"],
            &["installation"],
            &["ctx", "error", "settings"],
        ],
        everywhere: &["Provider", "Ctx", "Dialect", "RequestId", "Ended", "Overloaded", "ProviderError"],
    },
];

/// Entries of a folder.
const MAX_ENTRIES: usize = 15;

/// Folders that hold more and are still to be cut, with what they hold: none grows, and one that shrinks is told to say so.
const CROWDED: &[(&str, usize)] = &[
    ("crates/bench/src", 33),
    ("crates/bench/src/requests", 21),
    ("crates/crypto/src", 20),
    ("crates/doorward/src", 25),
    ("crates/doorward/src/commands", 42),
    ("crates/doorward/src/commands/bench", 21),
    ("crates/passwords/src", 16),
    ("crates/passwords/src/stored", 18),
    ("crates/protocol/src", 38),
    ("crates/storage/src/engine/sqlite", 19),
    ("crates/web/src", 22),
    ("crates/web/src/server", 19),
];

/// What is wrong with the imports of a file that ships, given the lines of it that do: each with its number.
pub(crate) fn imports<'a>(path: &str, lines: impl IntoIterator<Item = (usize, &'a str)>) -> Vec<String> {
    let Some((house, inside)) =
        HOUSES.iter().find_map(|house| Some((house, path.strip_prefix(house.source)?)))
    else {
        return Vec::new();
    };
    if inside == "lib.rs" {
        return Vec::new();
    }
    let within = inside.strip_suffix("/mod.rs").or(inside.strip_suffix(".rs")).unwrap_or(inside);
    let own = within.split('/').next().unwrap_or_default();
    let level = |name: &str| house.floors.iter().position(|floor| floor.contains(&name));
    let Some(own_level) = level(own) else {
        return vec![format!(
            "{own} stands on no floor: move it to one, or say which in xtask/src/floors.rs"
        )];
    };
    // How many `super` lead from the file to the crate's root: past its floor.
    let climbs = within.split('/').count();
    let numbered: Vec<(usize, String)> = lines
        .into_iter()
        .map(|(number, line)| (number, line.split("//").next().unwrap_or_default().to_owned() + "\n"))
        .collect();
    let code: String = numbered.iter().map(|(_, line)| line.as_str()).collect();
    let number_at = |at: usize| {
        let mut end = 0;
        numbered.iter().find(|(_, line)| {
            end += line.len();
            at < end
        })
    };
    let mut breaches = Vec::new();
    let mut breach = |at: usize, what: String| {
        let number = number_at(at).map_or(0, |(number, _)| *number);
        breaches.push(format!("{number}: {what}"));
    };
    for (at, _) in code.match_indices("crate::") {
        if code.get(..at).is_some_and(|before| before.ends_with(is_of_a_name)) {
            continue;
        }
        for name in first_names(code.get(at + "crate::".len()..).unwrap_or_default()) {
            match level(name) {
                Some(other) if other < own_level => {
                    breach(at, format!("{own} imports {name}, which is above it"));
                }
                Some(_) => {}
                None if house.everywhere.contains(&name) => {}
                None => breach(at, format!("crate::{name}: name the floor that it is on")),
            }
        }
    }
    let climb = vec!["super"; climbs].join("::") + "::";
    for (at, _) in code.match_indices(&climb) {
        breach(at, format!("leaves {own} by super: name the floor"));
    }
    breaches
}

/// What a path goes on with: one name, or those of a group.
fn first_names(rest: &str) -> Vec<&str> {
    let name = |text: &'_ str| text.find(|letter| !is_of_a_name(letter)).unwrap_or(text.len());
    let Some(group) = rest.strip_prefix('{') else {
        return vec![rest.get(..name(rest)).unwrap_or_default()];
    };
    let (mut names, mut depth, mut begins) = (Vec::new(), 0, true);
    for (at, letter) in group.char_indices() {
        match letter {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            _ if begins && is_of_a_name(letter) => {
                let rest = group.get(at..).unwrap_or_default();
                names.push(rest.get(..name(rest)).unwrap_or_default());
                begins = false;
            }
            _ => {}
        }
    }
    names
}

fn is_of_a_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// What is wrong with how much a folder of the sources holds.
pub(crate) fn crowd(folder: &str, entries: usize) -> Option<String> {
    if !Path::new(folder).components().any(|part| part.as_os_str() == "src") {
        return None;
    }
    let crowded = CROWDED.iter().find(|(name, _)| *name == folder).map(|(_, known)| *known);
    match crowded {
        Some(known) if entries > known => {
            Some(format!("{folder}: {entries} entries, {known} so far: it is to be cut, not to grow"))
        }
        Some(known) if entries < known => {
            Some(format!("{folder}: {entries} entries and no longer {known}: say so in xtask/src/floors.rs"))
        }
        None if entries > MAX_ENTRIES => {
            Some(format!("{folder}: {entries} entries, and {MAX_ENTRIES} at most are read at a glance"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &str, text: &str) -> Vec<String> {
        imports(path, (1..).zip(text.lines()))
    }

    #[test]
    fn an_import_of_a_floor_above_is_refused_and_of_the_own_or_one_below_is_not() {
        let file = "crates/storage/src/engine/sqlite/mod.rs";
        assert_eq!(told(file, "use crate::engine::job::Job;\nuse crate::schema::tables::TABLES;"), [""; 0]);
        let above = ["1: engine imports records, which is above it"];
        assert_eq!(told(file, "use crate::records::people::user::User;"), above);
        assert_eq!(told(file, "fn f() { crate::records::people::user::f() }"), above);
        assert_eq!(
            told(file, "use crate::{\n    contract::{records, Step},\n    records::people, nodes as n,\n};"),
            ["1: engine imports records, which is above it", "1: engine imports nodes, which is above it"]
        );
        assert_eq!(told("crates/storage/src/lib.rs", "pub use crate::records::people::user;"), [""; 0]);
        assert_eq!(told("crates/web/src/app.rs", "use crate::records::x;"), [""; 0]);
    }

    #[test]
    fn no_way_round_the_floors_is_left() {
        let file = "crates/storage/src/archive/seal.rs";
        assert_eq!(told(file, "use crate::params;\n// as crate::records does"), [""; 0]);
        // A name that the crate's root passes on hides where it is from.
        assert_eq!(told(file, "\nuse crate::Store;"), ["2: crate::Store: name the floor that it is on"]);
        assert_eq!(told(file, "use super::moment;"), [""; 0]);
        assert_eq!(
            told(file, "use super::super::nodes::Store;"),
            ["1: leaves archive by super: name the floor"]
        );
        let root = "crates/storage/src/archive/mod.rs";
        assert_eq!(told(root, "use super::nodes::Store;"), ["1: leaves archive by super: name the floor"]);
        for file in ["crates/storage/src/seal.rs", "crates/storage/src/seal/mod.rs"] {
            let nowhere = "seal stands on no floor: move it to one, or say which in xtask/src/floors.rs";
            assert_eq!(told(file, ""), [nowhere]);
        }
        // What shares a floor may import each other, a file that is a floor none above it.
        let session = "crates/provider/src/authentication/session.rs";
        assert_eq!(told(session, "use crate::interaction::Browser;\nuse crate::Ctx;"), [""; 0]);
        assert_eq!(
            told("crates/provider/src/settings.rs", "use crate::tokens::issue;"),
            ["1: settings imports tokens, which is above it"]
        );
    }

    #[test]
    fn a_folder_holds_fifteen_and_one_that_holds_more_does_not_grow() {
        let (folder, known) = CROWDED[0];
        assert_eq!((crowd("crates/new/src", 15), crowd(folder, known)), (None, None));
        assert!(crowd("crates/new/src", 16).is_some_and(|told| told.contains("15 at most")));
        assert!(crowd(folder, known + 1).is_some_and(|told| told.contains("not to grow")));
        assert!(crowd(folder, known - 1).is_some_and(|told| told.contains("say so")));
        assert_eq!(crowd("crates/storage/migrations", 18), None);
    }
}
