//! What growth costs: the same point operations in databases of several sizes, turn by turn in one run, and writes while what has expired is
//! swept. It fills and measures only databases of its own, files in one folder, which may be kept for the next measure.
//!
//! Each operation is asked for in two ways: at a modest rate that no size finds hard, where a wait counts from when it was due, and by callers that wait
//! for each answer. Rows are drawn from all that are there, or from a fixed number of users who are active; either way a small database lies in
//! the store's own cache as a whole, and a large one in the system's, if it has room. A cold measure empties that first.

mod filling;
mod operations;
mod past;
pub(in crate::measure) mod population;
mod sweeping;

use crate::engine::{Options, clock};
use crate::measure::MeasureError;
use crate::measure::loops::{Seen, closed, open};
use crate::measure::waits::Latency;
use crate::nodes::Store;
use operations::Grown;
pub use operations::Operation;
use past::Past;
use population::Population;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
pub use sweeping::Swept;

/// Callers of the closed loop where each operation is durable: they share commits.
const WRITERS: usize = 16;
/// How often each size has its turn.
const ROUNDS: u32 = 2;
/// Before anything counts.
const WARM_UP: Duration = Duration::from_millis(50);
/// What is prepared for a closed loop at most, and for its warm-up.
const PREPARED: (u64, u64) = (5_000, 50);
/// Who is active, of however many.
const ACTIVE: u64 = 10_000;
/// What a user with session, grant and consent, and a refresh token, take in a file, and the write-ahead logs besides. Measured, and
/// rounded up.
const BYTES: (u64, u64, u64) = (1_000, 140, 256 << 20);

/// What is measured.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The sizes, smallest first.
    pub users: Vec<u64>,
    /// Refresh tokens at the largest size, expired and live; smaller sizes have their share. At least one per user is live.
    pub tokens: u64,
    /// Operations per second of the open loop.
    pub rate: u32,
    /// How long either loop measures each operation at each size.
    pub length: Duration,
    /// Expired refresh tokens that are swept at the largest size; at most those that are there.
    pub sweep: u64,
    /// Whether rows are drawn from a fixed number of users only.
    pub active: bool,
    /// Whether the system forgets each file before each turn.
    pub cold: bool,
}

impl Plan {
    /// How many databases are not in the folder yet, and how many bytes they will take together, roughly.
    pub fn missing(&self, folder: &Path) -> (usize, u64) {
        let missing = self.users.iter().filter(|users| !self.file(folder, **users).exists());
        let bytes = missing.map(|users| users * BYTES.0 + self.tokens_of(*users) * BYTES.1 + BYTES.2);
        bytes.fold((0, 0), |(count, all), bytes| (count + 1, all + bytes))
    }

    /// Where the database of so many users is.
    fn file(&self, folder: &Path, users: u64) -> PathBuf {
        folder.join(format!("{users}-users-{}-tokens.db", self.tokens_of(users)))
    }

    /// Refresh tokens beside so many users.
    pub fn tokens_of(&self, users: u64) -> u64 {
        let most = self.users.last().copied().unwrap_or(1).max(1);
        let share = u128::from(self.tokens) * u128::from(users) / u128::from(most);
        u64::try_from(share).unwrap_or(u64::MAX).max(users)
    }
}

/// One operation at one size.
#[derive(Debug, Clone)]
pub struct Point {
    /// The size.
    pub users: u64,
    /// At a modest rate, from when each was due.
    pub open: Latency,
    /// Of those, how many were turned away.
    pub refused: u64,
    /// By callers that wait.
    pub closed: Latency,
    /// How many those got answered per second.
    pub per_second: f64,
}

/// One operation at all sizes, smallest first.
#[derive(Debug, Clone)]
pub struct Line {
    /// Which.
    pub operation: Operation,
    /// At each size.
    pub points: Vec<Point>,
}

/// What there is to tell while it goes on.
#[derive(Debug)]
pub enum Told<'a> {
    /// So many rows of so many are there.
    Filling {
        /// Of the database for so many users.
        users: u64,
        /// Rows that are there.
        done: u64,
        /// Rows that will be.
        of: u64,
    },
    /// A database is filled.
    Filled {
        /// For so many users.
        users: u64,
        /// With so many refresh tokens.
        tokens: u64,
        /// Its file's bytes.
        bytes: u64,
        /// How long that took; nothing when it was there.
        took: Option<Duration>,
    },
    /// An operation was measured at all sizes.
    Line(&'a Line),
    /// Writes were measured while it was swept.
    Swept(&'a Swept),
}

type Tell<'a> = &'a mut (dyn FnMut(Told<'_>) + Send);

/// Fills a database per size in a folder, unless it is there.
///
/// # Errors
/// When a file cannot be written.
pub async fn fill(folder: &Path, plan: &Plan, tell: Tell<'_>) -> Result<(), MeasureError> {
    for users in plan.users.iter().copied() {
        let (path, tokens) = (plan.file(folder, users), plan.tokens_of(users));
        let began = clock::now();
        let is_missing = !path.exists();
        if is_missing {
            let population = Population::new(users, tokens)?;
            filling::fill(&path, &population, &mut |done, of| tell(Told::Filling { users, done, of }))
                .await?;
        }
        let took = is_missing.then(|| began.elapsed());
        let bytes = std::fs::metadata(&path).map_err(|error| failed(&path, &error))?.len();
        tell(Told::Filled { users, tokens, bytes, took });
    }
    Ok(())
}

/// Fills a database per size in a folder, unless it is there, and measures.
///
/// # Errors
/// When a database cannot be used.
pub async fn grow(folder: &Path, plan: &Plan, tell: Tell<'_>) -> Result<(), MeasureError> {
    fill(folder, plan, tell).await?;
    if !plan.cold {
        // The smallest last: if there is not room for all of them, it is the largest that lacks some.
        filling::warm(plan.users.iter().rev().map(|users| plan.file(folder, *users)).collect()).await?;
    }
    let mut sizes = Vec::new();
    for users in &plan.users {
        sizes.push(opened(folder, *users, plan).await?);
    }
    let measured = measured(&sizes, folder, plan, tell).await;
    for size in sizes {
        size.store.close().await;
    }
    measured
}

async fn opened(folder: &Path, users: u64, plan: &Plan) -> Result<Arc<Grown>, MeasureError> {
    let options = Options::at(plan.file(folder, users));
    let store = Store::open(&options).await?.store;
    let past = Past::of(&store).await?;
    // Opened anew, nobody's cache holds what that read.
    store.close().await;
    let store = Store::open(&options).await?.store;
    let population = Population::new(users, plan.tokens_of(users))?;
    Ok(Arc::new(Grown::new(store, population, past, plan.active.then_some(ACTIVE))))
}

async fn measured(
    sizes: &[Arc<Grown>],
    folder: &Path,
    plan: &Plan,
    tell: Tell<'_>,
) -> Result<(), MeasureError> {
    let mut block = sizes.iter().map(|size| size.block).max().unwrap_or_default();
    for operation in Operation::ALL {
        let mut seen: Vec<_> = sizes.iter().map(|_| (Seen::nothing(), Seen::nothing())).collect();
        for round in 0..ROUNDS {
            let there: Box<dyn Iterator<Item = usize> + Send> =
                if round % 2 == 0 { Box::new(0..sizes.len()) } else { Box::new((0..sizes.len()).rev()) };
            for place in there {
                if plan.cold {
                    forget(&plan.file(folder, sizes[place].population.users))?;
                }
                let (open, closed) = turn(&sizes[place], operation, block, plan).await?;
                block += 3;
                seen[place].0.add(&open);
                seen[place].1.add(&closed);
            }
        }
        let points = sizes.iter().zip(seen).map(|(size, (open, closed))| Point {
            users: size.population.users,
            open: open.waits.latency(),
            refused: open.refused,
            closed: closed.waits.latency(),
            per_second: closed.per_second(),
        });
        tell(Told::Line(&Line { operation, points: points.collect() }));
    }
    if let Some(largest) = sizes.last() {
        let swept = sweeping::swept(largest, plan, block).await?;
        tell(Told::Swept(&swept));
    }
    Ok(())
}

/// One operation at one size, in both ways.
async fn turn(
    size: &Arc<Grown>,
    operation: Operation,
    block: u64,
    plan: &Plan,
) -> Result<(Seen, Seen), MeasureError> {
    let length = plan.length / ROUNDS;
    let callers = if operation.writes() { WRITERS } else { 1 };
    let open_count = (length.as_millis() * u128::from(plan.rate)).div_ceil(1_000) + 1;
    let counts = [PREPARED.1, u64::try_from(open_count).unwrap_or(u64::MAX), PREPARED.0];
    let most = |place: usize| if operation.is_prepared() { counts[place] } else { u64::MAX };
    if operation.is_prepared() {
        for (number, count) in (0..).zip(counts) {
            size.prepare(operation, block + number, count).await?;
        }
    }
    let ask = |block| {
        let size = Arc::clone(size);
        move |number| {
            let size = Arc::clone(&size);
            async move { size.ask(operation, block, number).await }
        }
    };
    // What is cold must not be warmed up.
    if !plan.cold {
        closed(callers, WARM_UP.min(length), most(0), ask(block)).await?;
    }
    let open = open(plan.rate, length, || false, ask(block + 1)).await?;
    let closed = closed(callers, length, most(2), ask(block + 2)).await?;
    Ok((open, closed))
}

/// Makes the system forget what it keeps of a file in memory.
fn forget(path: &Path) -> Result<(), MeasureError> {
    crate::engine::sqlite::plain::forget(path).map_err(|error| failed(path, &error))
}

fn failed(path: &Path, error: &std::io::Error) -> MeasureError {
    MeasureError::Failed(format!("{}: {error}", path.display()))
}

/// Bytes that are free where a folder is.
///
/// # Errors
/// When the system does not say.
pub fn free_bytes(folder: &Path) -> std::io::Result<u64> {
    let stat = rustix::fs::statvfs(folder)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smaller_sizes_have_their_share_of_tokens_and_everybody_a_live_one() {
        let plan = Plan {
            users: vec![10, 1_000, 100_000],
            tokens: 1_000_000,
            rate: 1,
            length: Duration::ZERO,
            sweep: 0,
            active: false,
            cold: false,
        };
        assert_eq!(
            plan.users.iter().map(|users| plan.tokens_of(*users)).collect::<Vec<_>>(),
            [100, 10_000, 1_000_000]
        );
        assert_eq!(Plan { tokens: 5, ..plan.clone() }.tokens_of(1_000), 1_000);
        let (missing, bytes) = plan.missing(Path::new("/nowhere"));
        assert!(missing == 3 && bytes > 1_000_000 * BYTES.1);
    }
}
