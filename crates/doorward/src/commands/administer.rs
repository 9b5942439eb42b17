//! Who does an operator's operations: the running server, asked over its socket, or this process, which opens the database itself.
//! One database file belongs to one process, so it is one or the other, and the operator need not know which.

use crate::app::{App, Opening};
use crate::cli::Place;
use crate::clock;
use crate::master_key::IfMissing;
use crate::operator::{Operation, Outcome, Unreachable, call, perform};
use crate::settings::{Resolved, Settings};
use anyhow::{Context as _, bail};
use tokio::runtime::Runtime;

/// How many users or clients are asked for at once.
const PAGE: u32 = 500;

/// An installation to administer.
pub(crate) struct Administration {
    settings: Settings,
    /// Opened when the first operation finds no running server.
    opened: Option<(Runtime, App)>,
}

impl Administration {
    /// Of the installation the command line names.
    ///
    /// # Errors
    /// When the settings are wrong.
    pub(crate) fn of(place: &Place) -> anyhow::Result<Self> {
        Ok(Self { settings: Resolved::from_system(&place.flags())?.at_its_place(), opened: None })
    }

    /// Does it.
    ///
    /// # Errors
    /// When it is refused, or neither a server answers nor the database opens.
    pub(crate) fn perform(&mut self, operation: Operation) -> anyhow::Result<Outcome> {
        if self.opened.is_none() {
            match call(&self.settings.data, &operation)? {
                Ok(answer) => return Ok(answer?),
                Err(Unreachable) => self.opened = Some(self.open()?),
            }
        }
        let Some((runtime, app)) = &self.opened else { bail!("the database is not open") };
        Ok(runtime.block_on(perform(&app.provider, &mut clock::own_ctx(), operation))?)
    }

    /// Does it, when there is nothing to say about it but that it is done.
    ///
    /// # Errors
    /// As [`Administration::perform`].
    pub(crate) fn done(&mut self, operation: Operation) -> anyhow::Result<()> {
        match self.perform(operation)? {
            Outcome::Done => Ok(()),
            _ => unexpected(),
        }
    }

    /// Everything of a list that comes in pages.
    ///
    /// # Errors
    /// As [`Administration::perform`].
    pub(crate) fn all<T>(
        &mut self,
        page_after: impl Fn(Option<&T>, u32) -> Operation,
        unwrap: impl Fn(Outcome) -> Option<Vec<T>>,
    ) -> anyhow::Result<Vec<T>> {
        let mut all = Vec::new();
        loop {
            let page = page_after(all.last(), PAGE);
            let Some(page) = unwrap(self.perform(page)?) else { return unexpected() };
            let last = page.len() < PAGE as usize;
            all.extend(page);
            if last {
                return Ok(all);
            }
        }
    }

    fn open(&self) -> anyhow::Result<(Runtime, App)> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let issuer = self.settings.issuer(self.settings.listen);
        let app = runtime
            .block_on(App::open(&self.settings, &issuer, Opening::of(IfMissing::Refuse)))
            .with_context(|| {
                let data = self.settings.data.display();
                format!(
                    "no server runs with the data directory {data}, and its database cannot be opened here"
                )
            })?;
        Ok((runtime, app))
    }
}

impl Drop for Administration {
    fn drop(&mut self) {
        if let Some((runtime, app)) = self.opened.take() {
            runtime.block_on(app.provider.store().close());
        }
    }
}

/// A server of another version may answer something else.
pub(crate) fn unexpected<T>() -> anyhow::Result<T> {
    bail!("the answer is not what was asked for: is the running server of another version?")
}
