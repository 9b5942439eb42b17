//! The processor's time of a read by key, made where it is asked for: while nobody writes, and beside a busy writer.

use crate::engine::clock;
use crate::measure::MeasureError;
use crate::measure::engine::{AppendMany, Plan, append, cpu, opened};
use crate::measure::loops::closed;
use crate::measure::rows::{Rows, id, mixed};
use crate::nodes::Store;
use crate::records::oauth::refresh_token::RefreshTokenById;
use protocol::RefreshTokenId;
use std::time::Duration;

/// Rows of one command while the table is filled.
const SLICE: u64 = 1_000;
/// Who writes beside the reads.
const WRITERS: usize = 16;

/// Reads by key, one after the other on one thread.
#[derive(Debug, Clone)]
pub struct Reads {
    /// Of so many rows.
    pub rows: u64,
    /// Per second, while nobody writes.
    pub per_second: f64,
    /// The processor's time of each; nothing where the system does not tell.
    pub cpu: Option<Duration>,
    /// And beside a busy writer.
    pub cpu_beside_writer: Option<Duration>,
}

pub(super) async fn measure(plan: &Plan) -> Result<Reads, MeasureError> {
    let store = opened(&plan.folder, "reads.db", |_| {}).await?;
    let rows = Rows::new()?;
    for from in (0..plan.rows).step_by(1_000) {
        let many = AppendMany(&rows, from..(from + SLICE).min(plan.rows));
        if !store.write(many).await? {
            return Err(MeasureError::Refused);
        }
    }
    let quiet = read_for(&store, plan.short, plan.rows).await?;
    let (writing, rows, length) = (store.clone(), rows.clone(), plan.short);
    let writer = tokio::spawn(closed(WRITERS, length, u64::MAX, move |number| {
        append(writing.clone(), rows.clone(), (1 << 40) + number)
    }));
    let busy = read_for(&store, plan.short, plan.rows).await?;
    writer.await.map_err(|error| MeasureError::Failed(error.to_string()))??;
    store.close().await;
    Ok(Reads {
        rows: plan.rows,
        per_second: f64::from(quiet.0) / plan.short.as_secs_f64().max(f64::MIN_POSITIVE),
        cpu: quiet.1,
        cpu_beside_writer: busy.1,
    })
}

/// How many reads there were, and what each took of the processor. Between two looks at the clock it never waits, so the thread stays the same.
async fn read_for(
    store: &Store,
    length: Duration,
    rows: u64,
) -> Result<(u32, Option<Duration>), MeasureError> {
    const BETWEEN_LOOKS: u32 = 256;
    let (began, mut reads, mut used) = (clock::now(), 0_u32, Some(Duration::ZERO));
    while began.elapsed() < length {
        let before = cpu::of_this_thread();
        for _ in 0..BETWEEN_LOOKS {
            reads += 1;
            let token = RefreshTokenId::from_bytes(id(mixed(reads.into()) % rows));
            if store.read(RefreshTokenById(token)).await?.is_none() {
                return Err(MeasureError::Refused);
            }
        }
        let spent = cpu::of_this_thread().zip(before).map(|(after, before)| after.saturating_sub(before));
        used = used.zip(spent).map(|(used, spent)| used + spent);
        tokio::task::yield_now().await;
    }
    Ok((reads, used.map(|used| used / reads.max(1))))
}
