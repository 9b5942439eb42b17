//! When jobs last did what there was to do, for whoever watches over them. Knows no job.

use crate::Provider;
use protocol::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// By the job's name.
#[derive(Default)]
pub(crate) struct Jobs(Mutex<BTreeMap<&'static str, Timestamp>>);

impl Jobs {
    pub(crate) fn read(&self) -> Vec<(&'static str, Timestamp)> {
        let jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.iter().map(|(name, at)| (*name, *at)).collect()
    }
}

impl Provider {
    /// The job of this name did what there was to do, if only finding out that another node does it.
    pub fn note_job(&self, name: &'static str, at: Timestamp) {
        self.inner.jobs.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name, at);
    }
}
