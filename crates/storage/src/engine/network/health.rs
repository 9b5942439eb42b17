//! Whether the server does what it is asked. Knows only the last that was heard of it.

use std::sync::{Mutex, PoisonError};

/// Why the server does not work; nothing while it does.
#[derive(Default)]
pub(super) struct Health(Mutex<Option<String>>);

impl Health {
    /// What an operator should know, if anything is wrong.
    pub(super) fn trouble(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn is_ailing(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Something does not work; true when that is new.
    pub(super) fn ails(&self, why: String) -> bool {
        let before = self.0.lock().unwrap_or_else(PoisonError::into_inner).replace(why.clone());
        if before.is_none() {
            tracing::error!("the database does not work: {why}");
        }
        before.is_none()
    }

    /// It works.
    pub(super) fn recovered(&self) {
        if self.is_ailing() && self.0.lock().unwrap_or_else(PoisonError::into_inner).take().is_some() {
            tracing::info!("the database works again");
        }
    }
}
