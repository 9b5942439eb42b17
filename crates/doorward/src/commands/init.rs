//! `doorward init`: an installation is made without a server that runs. Whatever else would make one by the way asks for it here.

use super::shown;
use crate::app::{App, Opening, master_key_source};
use crate::cli::Place;
use crate::master_key::{IfMissing, MasterKeySource};
use crate::settings::Resolved;
use clap::Args;

pub(crate) const HELP: &str = "\
Examples:
  doorward init
  doorward init --data /var/lib/doorward

Makes the data directory, the master key and the database, for their owner only; as root, for the owner of the directory. What is there \
already stays as it is. `doorward serve` does the same at its first start.";

#[derive(Args)]
pub(crate) struct InitArgs {
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(args: &InitArgs) -> anyhow::Result<()> {
    let settings = Resolved::from_system(&args.place.flags())?.settings;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let was_there = settings.database().file().is_some_and(|file| file.exists());
    let issuer = settings.issuer(settings.listen);
    runtime.block_on(async {
        let app = App::open(&settings, &issuer, Opening::of(IfMissing::Create)).await?;
        app.provider.store().close().await;
        anyhow::Ok(())
    })?;
    let said = if was_there { "There is an installation already" } else { "The installation is ready" };
    shown::line(format!("{said}: {}", settings.database()))?;
    if let MasterKeySource::File(path) = master_key_source(&settings) {
        shown::line(format!(
            "\nIts master key is {}. Keep a copy somewhere else, apart from backups of the database.",
            path.display()
        ))?;
    }
    Ok(shown::line("Start it with `doorward serve`.")?)
}
