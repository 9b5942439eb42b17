//! The secret that a server and its workers share: where it is kept, and which of several opens a message. While it is changed there are two.

use crate::environment;
use crate::master_key;
use crate::settings::Settings;
use anyhow::{Context as _, bail, ensure};
use crypto::{MasterKey, MasterKeyId, MasterKeys};
use secrecy::{ExposeSecret as _, SecretString};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The name of the systemd credential (`LoadCredential=` or `LoadCredentialEncrypted=`).
const CREDENTIAL: &str = "doorward-worker-secret";
/// The current one and the one before it, or after it.
const MOST: usize = 2;

/// One secret, or two.
#[derive(Debug)]
pub(crate) struct Secrets(Vec<MasterKeys>);

impl Secrets {
    /// The setting `worker.secret`, else the credential, else the file of `worker.secret_file`.
    ///
    /// # Errors
    /// A sentence that says what the operator can do. It never holds a secret.
    pub(crate) fn of(settings: &Settings) -> anyhow::Result<Self> {
        let credentials = environment::variable("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        Self::from_sources(settings, credentials.as_deref())
    }

    fn from_sources(settings: &Settings, credentials: Option<&Path>) -> anyhow::Result<Self> {
        if let Some(secret) = &settings.worker.secret {
            return Self::read(secret).context("the setting worker.secret");
        }
        let credential = credentials.map(|directory| directory.join(CREDENTIAL)).filter(|path| path.exists());
        if let Some(path) = credential {
            let text = master_key::read(std::fs::File::open(&path), &path)?;
            return Self::read(&text).with_context(|| format!("the credential {}", path.display()));
        }
        let Some(path) = &settings.worker.secret_file else {
            bail!(
                "a server and its workers need a secret: write one with `openssl rand -base64 32` into a file that only its owner may \
                 read, and name the file with worker.secret_file on both"
            );
        };
        let text = master_key::read(master_key::open_private(path), path)?;
        Self::read(&text).with_context(|| path.display().to_string())
    }

    /// One on each line, or separated by commas. The first is the one to ask with.
    ///
    /// # Errors
    /// When there is none, there are more than two, or one is not 32 bytes in base64.
    pub(crate) fn read(text: &SecretString) -> anyhow::Result<Self> {
        let words = text.expose_secret().split([',', '\n']).map(str::trim).filter(|word| !word.is_empty());
        let keys = words.map(|word| {
            let key = MasterKey::from_text(word).ok().context("a worker's secret is 32 bytes in base64")?;
            anyhow::Ok(MasterKeys::new(key, Vec::new()))
        });
        let keys: Vec<_> = keys.collect::<anyhow::Result<_>>()?;
        ensure!(!keys.is_empty(), "there is no secret in it");
        ensure!(keys.len() <= MOST, "there are more than {MOST} secrets in it");
        Ok(Self(keys))
    }

    /// A secret of which nobody else knows.
    pub(crate) fn nobodys() -> Self {
        Self(vec![MasterKeys::new(MasterKey::generate(&mut crate::clock::OsRandom), Vec::new())])
    }

    pub(crate) fn hold(&self, key: MasterKeyId) -> bool {
        self.0.iter().any(|secret| secret.current().id() == key)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, number: usize) -> Option<&MasterKeys> {
        self.0.get(number)
    }

    /// Opens what was sealed under any of them, and says which one. Nothing is learnt from what was not.
    pub(super) fn open(&self, purpose: &str, sealed: &[u8]) -> Option<(&MasterKeys, Zeroizing<Vec<u8>>)> {
        self.0.iter().find_map(|secret| Some((secret, secret.open(purpose, sealed).ok()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    const ONE: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    const TWO: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

    fn told<T>(result: anyhow::Result<T>) -> String {
        result.err().map(|error| format!("{error:#}")).expect("an error")
    }

    #[test]
    fn the_setting_wins_over_the_credential_over_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut settings = crate::settings::Resolved::defaults().expect("the defaults are good").settings;
        let from = |settings: &Settings| Secrets::from_sources(settings, Some(folder.path()));
        assert!(told(from(&settings)).contains("openssl rand -base64 32"));

        let file = folder.path().join("file");
        std::fs::write(&file, format!("{ONE}\n{TWO}\n")).expect("a file");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("a mode");
        settings.worker.secret_file = Some(file.clone());
        assert!(told(from(&settings)).contains("chmod 600"));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("a mode");
        assert_eq!(from(&settings).expect("two secrets").len(), 2);

        std::fs::write(folder.path().join(CREDENTIAL), ONE).expect("a credential");
        assert_eq!(from(&settings).expect("one secret").len(), 1);
        settings.worker.secret = Some(SecretString::from(format!("{TWO}, {ONE}")));
        assert_eq!(from(&settings).expect("two secrets").len(), 2);
    }

    #[test]
    fn what_is_no_secret_is_refused_without_being_shown() {
        let read = |text: &str| Secrets::read(&SecretString::from(text));
        for (text, told_of) in [
            ("", "no secret"),
            ("c2hvcnQ=", "32 bytes"),
            (&format!("{ONE},{TWO},{ONE}"), "more than 2"),
            (&format!("{ONE},c2hvcnQ="), "32 bytes"),
        ] {
            let error = told(read(text));
            assert!(error.contains(told_of) && !error.contains("c2hv"), "{text}: {error}");
        }
    }

    #[test]
    fn a_message_opens_under_either_of_two_and_says_under_which() {
        let read = |text: &str| Secrets::read(&SecretString::from(text)).expect("secrets");
        let (both, one, two) = (read(&format!("{ONE}\n{TWO}")), read(ONE), read(TWO));
        let mut random = crypto::SeededRandom::new(1);
        for alone in [&one, &two] {
            let own = alone.get(0).expect("one");
            let sealed = own.seal("purpose", b"hello", &mut random);
            let (found, opened) = both.open("purpose", &sealed).expect("it opens");
            assert_eq!((found.current().id(), opened.as_slice()), (own.current().id(), b"hello".as_slice()));
            assert!(both.open("another", &sealed).is_none());
        }
        assert!(
            one.open("purpose", &two.get(0).expect("one").seal("purpose", b"hello", &mut random)).is_none()
        );
    }
}
