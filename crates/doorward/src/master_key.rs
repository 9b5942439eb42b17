//! Where the master key is kept: handed in as a setting, a systemd credential, or a file that only its owner may read. Knows nothing of
//! what is sealed under it.
//!
//! A key that was rotated out stays beside the file as `FILE.previous` until everything is sealed under its successor.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use crypto::{MasterKey, MasterKeys, Random};
use secrecy::{ExposeSecret as _, SecretString};
use storage::owner::Owner;
use tempfile::NamedTempFile;

use crate::settings::Settings;

/// The name of the systemd credential (`LoadCredential=` or `LoadCredentialEncrypted=`).
const CREDENTIAL: &str = "doorward-master-key";
/// More than any number of keys takes; a file larger than this is not a key file.
const MOST_BYTES: u64 = 64 * 1024;

/// Where the master key comes from.
#[derive(Clone, Debug)]
pub(crate) enum MasterKeySource {
    /// The setting `master_key`.
    Setting(SecretString),
    /// A file systemd has decrypted for us.
    Credential(PathBuf),
    /// A file of our own.
    File(PathBuf),
}

/// What to do when there is no key file yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfMissing {
    /// Make a key: there is nothing sealed yet.
    Create,
    /// Refuse: a new key would open nothing of what is sealed already.
    Refuse,
}

impl MasterKeySource {
    /// The setting, else the credential in `credentials` (systemd's `CREDENTIALS_DIRECTORY`), else the file.
    pub(crate) fn of(settings: &Settings, credentials: Option<&Path>) -> Self {
        if let Some(key) = &settings.master_key {
            return Self::Setting(key.clone());
        }
        let credential = credentials.map(|directory| directory.join(CREDENTIAL)).filter(|path| path.exists());
        credential.map_or_else(|| Self::File(settings.master_key_file()), Self::Credential)
    }

    /// The key and those before it.
    ///
    /// # Errors
    /// A sentence that says what the operator can do. It never holds a key.
    pub(crate) fn load(&self, if_missing: IfMissing, random: &mut dyn Random) -> anyhow::Result<MasterKeys> {
        match self {
            Self::Setting(text) => keys(text.expose_secret()).context("the setting master_key"),
            Self::Credential(path) => {
                let text = read(File::open(path), path)?;
                keys(text.expose_secret()).with_context(|| format!("the credential {}", path.display()))
            }
            Self::File(path) => load_file(path, if_missing, random),
        }
    }

    /// Makes a new key the current one and keeps the one before it, so that what is sealed can be sealed anew. On the disk when this returns.
    ///
    /// # Errors
    /// When the key is not kept in a file of our own, or the files cannot be written.
    pub(crate) fn rotate(&self, random: &mut dyn Random) -> anyhow::Result<MasterKeys> {
        let path = match self {
            Self::File(path) => path,
            Self::Setting(_) => bail!(
                "the master key is handed in by the setting master_key: put a new one before it, separated by a comma, \
                 and run this command again to seal everything under it"
            ),
            Self::Credential(path) => bail!(
                "the master key is the systemd credential {}: put a new one before it, separated by a comma, and run \
                 this command again to seal everything under it",
                path.display()
            ),
        };
        let old = load_file(path, IfMissing::Refuse, random)?;
        let mut previous = vec![old.current().to_text().to_string()];
        previous.extend(read_previous(path)?.map(|text| text.expose_secret().to_owned()));
        // First the old key's copy, then the new key: whatever happens between, no key is lost.
        write(&previous_of(path), &SecretString::from(previous.join("\n")), Existing::Replace)?;
        write_new(path, &MasterKey::generate(random), Existing::Replace)?;
        load_file(path, IfMissing::Refuse, random)
    }

    /// Forgets the keys before the current one. Only when nothing is sealed under them any more.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub(crate) fn forget_previous(&self) -> anyhow::Result<()> {
        let Self::File(path) = self else { return Ok(()) };
        let previous = previous_of(path);
        match std::fs::remove_file(&previous) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("{} cannot be removed", previous.display()))
            }
            _ => Ok(()),
        }
    }
}

/// Whether a file that is there already may be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    Replace,
    Keep,
}

/// Writes a key file for its owner only: whole or not at all, and on the disk when this returns. With [`Existing::Keep`], a file that is
/// there already stays as it is and is an error.
pub(crate) fn write_new(path: &Path, key: &MasterKey, existing: Existing) -> anyhow::Result<()> {
    write(path, &SecretString::from(key.to_text().as_str()), existing)
}

fn load_file(path: &Path, if_missing: IfMissing, random: &mut dyn Random) -> anyhow::Result<MasterKeys> {
    if !path.try_exists().with_context(|| format!("{} cannot be looked at", path.display()))? {
        ensure!(
            if_missing == IfMissing::Create,
            "the master key {} is missing, and what the database holds is sealed under it: restore it from its backup, \
             or name the right file with master_key_file",
            path.display()
        );
        write_new(path, &MasterKey::generate(random), Existing::Keep)?;
    }
    let current = read(open_private(path), path)?;
    let mut found = parse(current.expose_secret()).with_context(|| path.display().to_string())?;
    if let Some(previous) = read_previous(path)? {
        let context = || previous_of(path).display().to_string();
        found.extend(parse(previous.expose_secret()).with_context(context)?);
    }
    into_keys(found).with_context(|| path.display().to_string())
}

fn read_previous(path: &Path) -> anyhow::Result<Option<SecretString>> {
    let previous = previous_of(path);
    match open_private(&previous) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => read(opened, &previous).map(Some),
    }
}

fn previous_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".previous");
    PathBuf::from(name)
}

/// Opens a file that nobody but its owner may touch. What is checked is the open file, so that it cannot be exchanged in between.
pub(crate) fn open_private(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(file);
    }
    let shown = path.display();
    Err(io::Error::other(format!(
        "others than its owner may use it (mode {mode:03o}): run `chmod 600 {shown}`"
    )))
}

/// Reads a small secret file.
pub(crate) fn read(opened: io::Result<File>, path: &Path) -> anyhow::Result<SecretString> {
    let mut text = String::new();
    opened
        .and_then(|file| file.take(MOST_BYTES).read_to_string(&mut text))
        .with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(SecretString::from(text))
}

fn write(path: &Path, text: &SecretString, existing: Existing) -> anyhow::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let written = || -> io::Result<()> {
        // Made with O_EXCL and mode 0600, and removed again unless it is put in its place.
        let mut file = NamedTempFile::with_prefix_in(".master-key-", directory)?;
        writeln!(file, "{}", text.expose_secret())?;
        file.as_file().sync_all()?;
        // Whoever runs this as root must not lock the server's user out.
        Owner::of(path)?.give(file.path())?;
        match existing {
            Existing::Replace => file.persist(path)?,
            Existing::Keep => file.persist_noclobber(path)?,
        };
        // The name is on the disk only when the directory is.
        File::open(directory)?.sync_all()
    };
    written().with_context(|| format!("the master key {} cannot be written", path.display()))
}

fn keys(text: &str) -> anyhow::Result<MasterKeys> {
    into_keys(parse(text)?)
}

/// One key on each line, or separated by commas; the current one first.
fn parse(text: &str) -> anyhow::Result<Vec<MasterKey>> {
    let words = text.split([',', '\n']).map(str::trim).filter(|word| !word.is_empty());
    words.map(|word| MasterKey::from_text(word).map_err(Into::into)).collect()
}

fn into_keys(mut found: Vec<MasterKey>) -> anyhow::Result<MasterKeys> {
    ensure!(!found.is_empty(), "there is no master key in it");
    let current = found.remove(0);
    // A rotation that was interrupted leaves the current key among the previous ones too.
    let current_id = current.id();
    found.retain(|key| key.id() != current_id);
    Ok(MasterKeys::new(current, found))
}

#[cfg(test)]
mod tests {
    use crypto::SeededRandom;

    use super::*;

    fn file_in(folder: &tempfile::TempDir) -> (PathBuf, MasterKeySource) {
        let path = folder.path().join("master.key");
        (path.clone(), MasterKeySource::File(path))
    }

    fn told<T>(result: anyhow::Result<T>) -> String {
        result.err().map(|error| format!("{error:#}")).expect("an error")
    }

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a new mode");
    }

    #[test]
    fn the_first_start_makes_a_key_for_its_owner_only_and_the_next_finds_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, source) = file_in(&folder);
        let mut random = SeededRandom::new(1);
        assert!(told(source.load(IfMissing::Refuse, &mut random)).contains("restore it from its backup"));
        let made = source.load(IfMissing::Create, &mut random).expect("a new key");
        let mode = std::fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let found = source.load(IfMissing::Create, &mut random).expect("the same key");
        assert_eq!(made.current().id(), found.current().id());
        let error = told(write_new(&path, &MasterKey::generate(&mut random), Existing::Keep));
        assert!(error.contains("cannot be written"), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing is left lying");
    }

    #[test]
    fn a_key_that_others_may_use_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, source) = file_in(&folder);
        let mut random = SeededRandom::new(1);
        source.load(IfMissing::Create, &mut random).expect("a new key");
        for mode in [0o640, 0o604, 0o620, 0o666] {
            set_mode(&path, mode);
            let error = told(source.load(IfMissing::Create, &mut random));
            assert!(error.contains(&format!("chmod 600 {}", path.display())), "{error}");
        }
        for mode in [0o600, 0o400] {
            set_mode(&path, mode);
            source.load(IfMissing::Refuse, &mut random).expect("its owner's alone");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, source) = file_in(&folder);
        for text in ["", "\n", "bm90IGEga2V5"] {
            std::fs::write(&path, text).expect("a file");
            set_mode(&path, 0o600);
            let error = told(source.load(IfMissing::Create, &mut SeededRandom::new(1)));
            assert!(error.contains("master.key") && !error.contains("bm90"), "{error}");
        }
    }

    #[test]
    fn rotation_loses_no_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, source) = file_in(&folder);
        let mut random = SeededRandom::new(1);
        let first = source.load(IfMissing::Create, &mut random).expect("a new key");
        let sealed = first.seal("purpose", b"secret", &mut random);
        let second = source.rotate(&mut random).expect("a second key");
        let third = source.rotate(&mut random).expect("a third key");
        assert_ne!(first.current().id(), second.current().id());
        assert_ne!(second.current().id(), third.current().id());
        assert_eq!(
            third.open("purpose", &sealed).expect("the first key is still there").as_slice(),
            b"secret"
        );
        assert_eq!(
            std::fs::metadata(previous_of(&path)).expect("a file").permissions().mode() & 0o777,
            0o600
        );
        let loaded = source.load(IfMissing::Refuse, &mut random).expect("the third key");
        assert_eq!(loaded.current().id(), third.current().id());

        source.forget_previous().expect("removed");
        source.forget_previous().expect("nothing left to remove");
        let alone = source.load(IfMissing::Refuse, &mut random).expect("the third key");
        assert!(alone.open("purpose", &sealed).is_err());
    }

    #[test]
    fn the_setting_wins_over_the_credential_over_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut random = SeededRandom::new(1);
        let text = |random: &mut SeededRandom| MasterKey::generate(random).to_text().to_string();
        let mut settings = crate::settings::Resolved::defaults().expect("the defaults are good").settings;
        let of = |settings: &Settings| MasterKeySource::of(settings, Some(folder.path()));
        assert!(matches!(of(&settings), MasterKeySource::File(_)));

        // systemd gives the credential mode 0440 to root and to us by an access list: its mode is none of our business.
        let credential = folder.path().join(CREDENTIAL);
        std::fs::write(&credential, text(&mut random)).expect("a credential");
        set_mode(&credential, 0o440);
        assert!(matches!(of(&settings), MasterKeySource::Credential(_)));
        of(&settings).load(IfMissing::Refuse, &mut random).expect("a key");

        let (new, old) = (text(&mut random), text(&mut random));
        settings.master_key = Some(SecretString::from(format!("{new}, {old}")));
        let keys = of(&settings).load(IfMissing::Refuse, &mut random).expect("two keys");
        assert_eq!(keys.current().to_text().as_str(), new);
        assert!(told(of(&settings).rotate(&mut random)).contains("put a new one before it"));
    }
}
