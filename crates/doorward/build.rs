//! Tells the linker of a release which functions to lay side by side: those that run when the server starts, then those that serve
//! (`layout/*.txt`, recorded by `cargo xtask layout`). An idle server then has 6 MiB less of the program in memory. Changes where functions
//! lie, never what they do.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

/// In the order in which they are laid out.
const LISTS: [&str; 2] = ["starting", "serving"];

#[expect(clippy::disallowed_methods, reason = "how cargo speaks to a build script")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed=DOORWARD_LAYOUT");
    println!("cargo::rerun-if-changed=layout");
    let is = |name: &str, value: &str| env::var_os(name).is_some_and(|is| is == value);
    let tried = is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ARCH", "x86_64");
    // For linkers that do not know INSERT (mold): DOORWARD_LAYOUT=off.
    if !tried || !is("PROFILE", "release") || is("DOORWARD_LAYOUT", "off") {
        return Ok(());
    }
    let out = env::var_os("OUT_DIR").ok_or("run by cargo")?;
    let script = Path::new(&out).join("layout.ld");
    fs::write(&script, linker_script()?)?;
    println!("cargo::rustc-link-arg-bins=-Wl,-T,{}", script.display());
    Ok(())
}

/// Sections of their own before what the linker does by itself with all other functions.
fn linker_script() -> Result<String, Box<dyn Error>> {
    let mut script = String::from("SECTIONS\n{\n");
    for list in LISTS {
        writeln!(script, "  .text.{list} :\n  {{")?;
        for function in fs::read_to_string(format!("layout/{list}.txt"))?.lines() {
            writeln!(script, "    *(.text.{function})")?;
        }
        script.push_str("  }\n");
    }
    script.push_str("}\nINSERT BEFORE .text;\n");
    Ok(script)
}
