//! Writes every page in each of its states, with the assets, to a folder, so that they can be looked at:
//! `cargo run -p web --example pages -- FOLDER`. Knows no server.

use std::path::PathBuf;
use std::{env, fs};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = env::args_os().nth(1).map(PathBuf::from).ok_or("say which folder: -- FOLDER")?;
    fs::create_dir_all(folder.join("assets"))?;
    for asset in web::assets::ASSETS {
        fs::write(folder.join(asset.path.trim_start_matches('/')), asset.body)?;
    }
    for (name, html) in web::pages::samples()? {
        // Opened as files, the pages find their assets beside them.
        fs::write(folder.join(format!("{name}.html")), html.replace("\"/assets/", "\"assets/"))?;
    }
    Ok(())
}
