//! Who is found by what a person types, and what names from before they were compared as they are now need once.

use crate::{Provider, ProviderError};
use protocol::name::{login_key, older_login_key};
use storage::name_skeleton::{
    NamesAfter, NamesFilled, NoteNamesFilled, RekeyEmail, RekeyUsername, RememberNames, StoredNames,
};
use storage::user::{UserByEmailKey, UserById, UserByUsernameKey, UserWithPassword};

/// So many users are looked at at once.
const PAGE: u32 = 500;

impl Provider {
    /// The user with this username, or else this e-mail address. Names that are still stored as they were compared before come first: they
    /// may be two where there would now be one.
    pub(crate) async fn user_by_login(&self, login: &str) -> Result<Option<UserWithPassword>, ProviderError> {
        let (older, key) = (older_login_key(login), login_key(login));
        let key = Some(key).filter(|key| *key != older);
        for key in std::iter::once(older.clone()).chain(key.clone()) {
            if let Some(found) = self.inner.store.read(UserByUsernameKey(key)).await? {
                return Ok(Some(found));
            }
        }
        if !login.contains(['@', '\u{ff20}']) {
            return Ok(None);
        }
        for key in std::iter::once(older).chain(key) {
            if let Some(found) = self.inner.store.read(UserByEmailKey(key)).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Once in an installation's life: names from before are put under the key by which they are found now, where it is free, and remembered
    /// for what they look like. A job of the worker's; every node may do it, and again.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn fill_names(&self) -> Result<(), ProviderError> {
        let store = &self.inner.store;
        if store.read(NamesFilled).await? {
            return Ok(());
        }
        let mut after = None;
        loop {
            let page = store.read(NamesAfter { after, limit: PAGE }).await?;
            for names in &page {
                self.fill_names_of(names).await?;
            }
            after = page.last().map(|last| last.id);
            if page.len() < PAGE as usize {
                store.write(NoteNamesFilled).await?;
                return Ok(());
            }
        }
    }

    async fn fill_names_of(&self, names: &StoredNames) -> Result<(), ProviderError> {
        let StoredNames { id, username, username_key, email, email_key } = names;
        let store = &self.inner.store;
        if username.is_ascii() && email.as_deref().is_none_or(str::is_ascii) {
            return Ok(());
        }
        let key = login_key(username);
        if key != *username_key {
            store.write(RekeyUsername { user: *id, before: username_key.clone(), key }).await?;
        }
        if let (Some(email), Some(before)) = (email, email_key) {
            let key = login_key(email);
            if key != *before {
                store.write(RekeyEmail { user: *id, before: before.clone(), key }).await?;
            }
        }
        if let Some(user) = store.read(UserById(*id)).await? {
            store.write(RememberNames(user)).await?;
        }
        Ok(())
    }
}
