//! Backups that go on while the server runs: where they are kept, and the drill that proves from time to time that they can be restored.
//! Knows when; what an archive is, is `storage`'s.

pub(crate) mod health;
mod s3;
mod sealing;

use crate::clock;
use crate::settings::{BackupSettings, Settings};
use anyhow::Context as _;
use s3::{Bucket, ObjectStore};
pub(crate) use sealing::Sealing;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use storage::archive::{Folder, Restored, Sealed, Shipping, Statements, Target, moment};
use storage::recovery::drill;
use storage::{Sealer, Store};

/// How often a server that has just started looks whether its first base is there, to drill at once.
const LOOK_FOR_BASE: Duration = Duration::from_secs(1);

/// Where backups are kept, as it is written: a folder, or a bucket of an object store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Folder(PathBuf),
    Bucket(Bucket),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || {
            "a folder, or s3://BUCKET/PREFIX, with ?endpoint=URL for a store other than Amazon's and ?region=REGION"
                .to_owned()
        };
        match text.split_once(':') {
            Some(("s3", _)) => Bucket::from_url(text).map(Self::Bucket).ok_or_else(expected),
            Some(("file", path)) => {
                // `file:///path` is the same folder written as a URL with an empty host.
                let path = if path.starts_with("///") { &path[2..] } else { path };
                if path.is_empty() || path.starts_with("//") {
                    Err(expected())
                } else {
                    Ok(Self::Folder(path.into()))
                }
            }
            Some((_, rest)) if rest.starts_with("//") => Err(expected()),
            _ if text.is_empty() => Err(expected()),
            _ => Ok(Self::Folder(text.into())),
        }
    }
}

impl Place {
    /// What is unwise about keeping the backups of this data folder there.
    pub(crate) fn warning(&self, data: &Path) -> Option<String> {
        let Self::Folder(path) = self else { return None };
        real(path).starts_with(real(data)).then(|| {
            "backup.to is inside the data folder: what takes the one takes the other. Keep backups on another disk, or in an \
             object store"
                .to_owned()
        })
    }

    /// The target. An object store's client is made only here: who keeps backups in a folder has none.
    ///
    /// # Errors
    /// When the credentials of an object store are not in the environment, or there are no certificates to trust.
    pub(crate) fn open(&self) -> anyhow::Result<Arc<dyn Target>> {
        Ok(match self {
            Self::Folder(path) => Arc::new(Folder::at(path)),
            Self::Bucket(bucket) => Arc::new(ObjectStore::open(bucket)?),
        })
    }
}

/// Where a path leads, as far as it is there already.
fn real(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let found = path.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    match found {
        Some((above, real)) => path.strip_prefix(above).map_or_else(|_| path.clone(), |rest| real.join(rest)),
        None => path,
    }
}

/// What a server that ships its changes has at hand.
pub(crate) struct Backups {
    target: Arc<dyn Target>,
    settings: BackupSettings,
    scratch: PathBuf,
    /// For the doctor.
    note: PathBuf,
}

impl Backups {
    /// What the settings say; nothing when they say nothing.
    ///
    /// # Errors
    /// When the target cannot be used.
    pub(crate) fn open(settings: &Settings) -> anyhow::Result<Option<Self>> {
        let Some(place) = &settings.backup.to else { return Ok(None) };
        let target = place.open().context("backup.to cannot be used")?;
        Ok(Some(Self {
            target,
            settings: settings.backup.clone(),
            scratch: scratch(settings, ".drill"),
            note: health::note(settings),
        }))
    }

    /// How the store is to ship.
    pub(crate) fn shipping(&self, sealer: Arc<dyn Sealer>) -> Shipping {
        let BackupSettings { every, base_every, keep, .. } = self.settings;
        Shipping { every, base_every, keep, ..Shipping::new(Arc::clone(&self.target), sealer, clock::now) }
    }

    /// Drills until the end of the server, for the first time as soon as its first base is shipped.
    pub(crate) async fn drill_from_time_to_time(self, store: Store, sealer: Arc<dyn Sealer>) {
        while store.shipping().is_some_and(|shipping| shipping.shipped_until.is_none()) {
            tokio::time::sleep(LOOK_FOR_BASE).await;
        }
        loop {
            match self.drill_beside(Arc::clone(&sealer)).await {
                Ok(restored) => {
                    health::drilled(&self.note, clock::now());
                    store.drilled(Some(clock::now()));
                    tracing::info!(
                        until = %moment(restored.until),
                        commands = restored.commands,
                        seconds = restored.report.took.as_secs_f64(),
                        "the newest backup was restored and is sound"
                    );
                }
                Err(error) => {
                    store.drilled(None);
                    tracing::error!("the newest backup could not be restored: {error:#}");
                }
            }
            tokio::time::sleep(self.settings.drill_every).await;
        }
    }

    /// On a thread of its own, which the system favours least: it takes as long as the database is large.
    async fn drill_beside(&self, sealer: Arc<dyn Sealer>) -> anyhow::Result<Restored> {
        let (target, scratch) = (Arc::clone(&self.target), self.scratch.clone());
        let (answer, answered) = tokio::sync::oneshot::channel();
        std::thread::Builder::new().name("backup-drill".to_owned()).spawn(move || {
            // A server that has ended asks no more.
            let sealed = Sealed { target: &*target, sealer: &*sealer, statements: &Statements::ours() };
            let _unheard = answer.send(drill(sealed, &scratch));
        })?;
        Ok(answered.await.context("the drill ended with a defect")??)
    }
}

/// A file beside the database: where there is no room for one more of it, there is none for a base either.
pub(crate) fn scratch(settings: &Settings, suffix: &str) -> PathBuf {
    let database = settings.database();
    // Backups of a file are looked at also where the database is on a server.
    let mut name =
        database.file().map_or_else(|| settings.data.join("doorward.db"), Path::to_owned).into_os_string();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_folders_or_buckets() {
        for (text, path) in [
            ("/backup", "/backup"),
            ("backup/a b", "backup/a b"),
            ("file:/b", "/b"),
            ("file:///b", "/b"),
            ("file:b", "b"),
        ] {
            assert_eq!(text.parse(), Ok(Place::Folder(path.into())), "{text}");
        }
        for bucket in ["s3://b", "s3://b/p/q?region=eu-central-1&endpoint=http://127.0.0.1:9000"] {
            assert!(matches!(bucket.parse(), Ok(Place::Bucket(_))), "{bucket}");
        }
        let other = [
            "",
            "file:",
            "file://host/path",
            "s3:b",
            "s3://",
            "s3://key:secret@b/p",
            "s3://b?endpoint=ftp://x",
            "s3://b?secret=x",
            "s3://b/p#x",
            "https://b/p",
        ];
        for other in other {
            assert!(
                other.parse::<Place>().is_err_and(|expected| expected.starts_with("a folder")),
                "{other}"
            );
        }
    }
}
