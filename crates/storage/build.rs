//! Lists every statement of a point query or a command, from the sources, so that none is forgotten: the doctor asks an operator's database for
//! their plans, and the tests ask every engine. Reads the sources as the compiler does, token by token; a test counts them in another way.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// What begins a statement that looks for rows.
const VERBS: [&str; 4] = ["SELECT ", "UPDATE ", "DELETE ", "INSERT "];
/// Where none is: engines, and what looks at whole databases. All else below `src` is read, wherever a file moves.
const ELSEWHERE: [&str; 5] =
    ["src/archive", "src/engine", "src/measure", "src/upkeep/copy", "src/upkeep/upgrade"];
/// Of the engines, what every commit waits for.
const ALSO: &str = "src/engine/network/resolve.rs";
/// Of tables with a handful of rows: read whole on purpose.
const WHOLE: [&str; 1] = ["DELETE FROM leases WHERE holder = ?"];
/// What they put together reads in slices (sweeping) or whole tables by their keys (copying).
const MADE_BY: [&str; 2] = ["concat", "format"];

/// What one file holds.
#[derive(Default)]
struct Found {
    /// Of point queries and commands.
    statements: Vec<String>,
    /// Of queries that say that they may scan, and those of [`WHOLE`].
    scans: Vec<String>,
}

#[expect(clippy::disallowed_methods, reason = "how cargo speaks to a build script")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-changed=build.rs");
    let (mut statements, mut scans) = (String::from("&[\n"), String::from("&[\n"));
    for path in files()? {
        let file = path.strip_prefix("src")?.to_string_lossy();
        let tokens: TokenStream =
            fs::read_to_string(&path)?.parse().map_err(|error| format!("{file}: {error}"))?;
        let mut found = Found::default();
        items(tokens, &mut found).map_err(|error| format!("{file}: {error}"))?;
        for sql in found.statements {
            writeln!(statements, "    ({file:?}, {sql:?}),")?;
        }
        for sql in found.scans {
            writeln!(scans, "    ({file:?}, {sql:?}),")?;
        }
    }
    statements.push(']');
    scans.push(']');
    let out = env::var_os("OUT_DIR").ok_or("run by cargo")?;
    fs::write(Path::new(&out).join("statements.rs"), statements)?;
    Ok(fs::write(Path::new(&out).join("scans.rs"), scans)?)
}

fn files() -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = vec![PathBuf::from(ALSO)];
    let mut passed_by = 0;
    let mut folders = vec![PathBuf::from("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if ELSEWHERE.iter().any(|place| path == Path::new(place)) {
                passed_by += 1;
            } else if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    // One that has moved would be read as if requests waited for it.
    if passed_by != ELSEWHERE.len() {
        return Err(format!("one of {ELSEWHERE:?} is gone: say where it is now").into());
    }
    files.sort();
    Ok(files)
}

/// What a file's or a block's tokens hold. Left out: attributes, which doc comments are too, and whatever is there for tests only.
fn items(tokens: TokenStream, found: &mut Found) -> Result<(), String> {
    let mut tokens = tokens.into_iter().peekable();
    let mut for_tests = false;
    let mut last = String::new();
    while let Some(token) = tokens.next() {
        let made = MADE_BY.iter().any(|by| last == format!("{by}!"));
        last = match &token {
            TokenTree::Punct(mark) if mark.as_char() == '!' => last + "!",
            other => other.to_string(),
        };
        match token {
            TokenTree::Group(_) if made => {}
            TokenTree::Punct(hash) if hash.as_char() == '#' => {
                tokens.next_if(|next| matches!(next, TokenTree::Punct(mark) if mark.as_char() == '!'));
                let attribute = tokens.next().map(|attribute| attribute.to_string()).unwrap_or_default();
                for_tests |= attribute.split_whitespace().collect::<String>() == "[cfg(test)]";
            }
            // An item ends with its braces or with a semicolon.
            TokenTree::Group(group) if for_tests => for_tests = group.delimiter() != Delimiter::Brace,
            TokenTree::Punct(end) if for_tests && end.as_char() == ';' => for_tests = false,
            TokenTree::Group(group) => block(&group, found)?,
            TokenTree::Literal(literal) if !for_tests => {
                if let Some(sql) = statement(&literal.to_string())? {
                    let list = if WHOLE.contains(&&*sql) { &mut found.scans } else { &mut found.statements };
                    list.push(sql);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// A group of tokens; what may scan says so in the braces of its `impl`.
fn block(group: &Group, found: &mut Found) -> Result<(), String> {
    if group.delimiter() == Delimiter::Brace && says_scan(group) {
        let mut own = Found::default();
        items(group.stream(), &mut own)?;
        found.scans.extend(own.statements);
        found.scans.extend(own.scans);
        return Ok(());
    }
    items(group.stream(), found)
}

/// `= Access::Scan;`, in these braces themselves.
fn says_scan(group: &Group) -> bool {
    let tokens: Vec<String> = group.stream().into_iter().map(|token| token.to_string()).collect();
    tokens.windows(6).any(|window| window == ["=", "Access", ":", ":", "Scan", ";"])
}

/// The text of a string literal that is a statement which looks for rows, as the compiler sees it.
fn statement(literal: &str) -> Result<Option<String>, String> {
    let Some(inner) = literal.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return match VERBS.iter().any(|verb| literal.contains(&format!("\"{verb}"))) {
            true => Err(format!("write this statement as a plain string: {literal}")),
            false => Ok(None),
        };
    };
    let mut lines = inner.split("\\\n");
    let first = lines.next().unwrap_or_default().to_owned();
    let text = lines.fold(first, |joined, line| joined + line.trim_start());
    let Some(verb) = VERBS.iter().find(|verb| text.starts_with(**verb)) else {
        return match VERBS.iter().any(|verb| text.trim_start().to_uppercase().starts_with(verb)) {
            true => Err(format!("begin this statement with its verb in capitals: {text}")),
            false => Ok(None),
        };
    };
    // One row of values looks for nothing.
    let looks = *verb != "INSERT " || text.contains(" SELECT ");
    match looks && text.contains('\\') {
        true => Err(format!("write this statement without escapes: {text}")),
        false => Ok(looks.then_some(text)),
    }
}
