//! What the SQLite engine does on this machine: commits that are shared beside one each, durable commands at a rate, the processor's time of a
//! read, what the order of keys is worth, and what shipping changes costs. In files of its own, in a folder that is given.
//!
//! The machine is probably shared and its disk cached: compare the figures of one run, never two runs.

mod commits;
mod cpu;
mod devices;
mod disk;
mod keys;
mod rate;
mod reads;
mod shipping;

pub use commits::Commits;
pub use devices::device_codes_per_second;
pub use disk::sync_latency;
pub use keys::Keys;
pub use rate::AtARate;
pub use reads::Reads;
pub use shipping::Shipped;

use crate::contract::{Applied, Command, Steps};
use crate::engine::Options;
use crate::measure::MeasureError;
use crate::measure::rows::{Rows, id};
use crate::nodes::Store;
use crate::records::oauth::refresh_token::{self, NewRefreshToken};
use protocol::GrantId;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is measured, and where.
#[derive(Debug, Clone)]
pub struct Plan {
    /// A folder that exists, on the disk that counts. Files are left in it.
    pub folder: PathBuf,
    /// Which parts.
    pub parts: Vec<Part>,
    /// How long commands come at a rate.
    pub length: Duration,
    /// How long each side of everything else is measured.
    pub short: Duration,
    /// Durable commands per second.
    pub rate: u32,
    /// How many submit at once, a line each.
    pub submitters: Vec<usize>,
    /// How many rows are read from.
    pub rows: u64,
}

/// A part of the measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Commands that share a commit, beside one commit each.
    Commits,
    /// Durable commands at a rate.
    Rate,
    /// Reads by key.
    Reads,
    /// Rows by keys in the order of time, and by random ones.
    Keys,
    /// What shipping changes costs.
    Shipping,
}

impl Part {
    /// All, in the order they are measured in.
    pub const ALL: [Self; 5] = [Self::Commits, Self::Rate, Self::Reads, Self::Keys, Self::Shipping];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Commits => "commits",
            Self::Rate => "rate",
            Self::Reads => "reads",
            Self::Keys => "keys",
            Self::Shipping => "shipping",
        }
    }
}

/// A figure, as soon as it is known.
#[derive(Debug, Clone)]
pub enum Told {
    /// Of so many submitters.
    Commits(Commits),
    /// Of the rate.
    Rate(Box<AtARate>),
    /// Of reads.
    Reads(Reads),
    /// Of keys.
    Keys(Keys),
    /// Of so many submitters, with and without shipping.
    Shipped(Shipped),
}

/// Measures part by part.
///
/// # Errors
/// When a database cannot be used.
pub async fn measure(plan: &Plan, tell: &mut (dyn FnMut(&Told) + Send)) -> Result<(), MeasureError> {
    for part in &plan.parts {
        match part {
            Part::Commits => {
                for submitters in &plan.submitters {
                    tell(&Told::Commits(commits::measure(plan, *submitters).await?));
                }
            }
            Part::Rate => tell(&Told::Rate(Box::new(rate::measure(plan).await?))),
            Part::Reads => tell(&Told::Reads(reads::measure(plan).await?)),
            Part::Keys => tell(&Told::Keys(keys::measure(plan).await?)),
            Part::Shipping => {
                for submitters in &plan.submitters {
                    tell(&Told::Shipped(shipping::measure(plan, *submitters).await?));
                }
            }
        }
    }
    Ok(())
}

/// A store in a new file of the folder.
async fn opened(folder: &Path, name: &str, change: impl FnOnce(&mut Options)) -> Result<Store, MeasureError> {
    let mut options = Options::at(folder.join(name));
    change(&mut options);
    Ok(Store::open(&options).await?.store)
}

/// A refresh token is stored: one step, and its key comes after all that are there.
struct Append(NewRefreshToken);

impl Append {
    fn new(rows: &Rows, number: u64) -> Self {
        Self(rows.refresh_token(number, GrantId::from_bytes(id(number)), 0))
    }
}

impl Command for Append {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        refresh_token::insert(steps, &self.0);
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// The same for many.
struct AppendMany<'a>(&'a Rows, Range<u64>);

impl Command for AppendMany<'_> {
    type Outcome = bool;

    fn steps(&self, steps: &mut Steps) {
        self.1.clone().for_each(|number| Append::new(self.0, number).steps(steps));
    }

    fn outcome(&self, applied: Applied) -> bool {
        applied.is_done()
    }
}

/// Stores the refresh token of a number.
async fn append(store: Store, rows: Rows, number: u64) -> Result<(), MeasureError> {
    if store.write(Append::new(&rows, number)).await? { Ok(()) } else { Err(MeasureError::Refused) }
}
