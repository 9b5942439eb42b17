//! What a device authorization costs at least: its durable command (RFC 8628), by the engine alone.

use crate::measure::MeasureError;
use crate::measure::engine::opened;
use crate::measure::growth::population::Population;
use crate::measure::loops::closed;
use crate::measure::rows::later;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How many device codes per second so many submitters store in a new file of the folder, each waiting until its own is durable.
///
/// # Errors
/// When a database cannot be used.
pub async fn device_codes_per_second(
    folder: &Path,
    submitters: usize,
    length: Duration,
) -> Result<f64, MeasureError> {
    let store = opened(folder, "device-codes.db", |_| {}).await?;
    let (writing, population) = (store.clone(), Arc::new(Population::new(1, 1)?));
    let seen = closed(submitters, length, u64::MAX, move |number| {
        let (store, population) = (writing.clone(), Arc::clone(&population));
        async move {
            let issued = store.write(population.device_code(number, later())).await?;
            if issued { Ok(()) } else { Err(MeasureError::Refused) }
        }
    });
    let seen = seen.await;
    store.close().await;
    Ok(seen?.per_second())
}
