//! Lists every statement of a point query or a command, from the sources, so that none is forgotten: the doctor asks an operator's database for
//! their plans, and the tests ask every engine.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=src");
    let mut paths: Vec<_> =
        fs::read_dir("src")?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.sort();
    let mut list = String::from("&[\n");
    for path in paths {
        // What may scan is left out, and so are sweeping, which reads in slices, and copying, which reads whole tables by their keys.
        if !path.is_file() || path.ends_with("sweep.rs") || path.ends_with("tables.rs") {
            continue;
        }
        let text = fs::read_to_string(&path)?;
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        for block in code.split("\n}\n").filter(|item| !item.contains("= Access::Scan;")) {
            for sql in statements(block) {
                writeln!(list, "    ({file:?}, {sql:?}),")?;
            }
        }
    }
    list.push(']');
    let out = env::var_os("OUT_DIR").ok_or("run by cargo")?;
    Ok(fs::write(Path::new(&out).join("statements.rs"), list)?)
}

/// String literals that are statements which look for rows, as the compiler sees them.
fn statements(block: &str) -> Vec<String> {
    let code: Vec<&str> = block.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let literals = code.split('"').skip(1).step_by(2).map(|literal| {
        let mut lines = literal.split("\\\n");
        let first = lines.next().unwrap_or_default().to_owned();
        lines.fold(first, |joined, line| joined + line.trim_start())
    });
    literals
        .filter(|text| ["SELECT ", "UPDATE ", "DELETE "].iter().any(|verb| text.starts_with(verb)))
        .collect()
}
