//! Turn by turn: the store, the driver, the driver, the store. Each turn is a closed loop of callers for a moment. Knows times and rates.

use crate::contract::Query as _;
use crate::engine::clock;
use crate::engine::plain::Plain;
use crate::measure::plain::Pools;
use crate::measure::work::{Caller, Work, steps};
use crate::measure::{Line, MeasureError, Side};
use crate::nodes::Store;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

/// Turns of each side per line.
const TURNS: u32 = 4;
/// Connections are opened and statements prepared before anything is counted.
const WARM_UP: Duration = Duration::from_millis(100);

/// Both sides, and where their callers stand.
pub(super) struct Turns<P: Plain> {
    store: Asked<P>,
    driver: Asked<P>,
    callers_of_store: Vec<Caller>,
    callers_of_driver: Vec<Caller>,
}

/// Who is asked.
enum Asked<P: Plain> {
    Store(Store),
    Driver(Arc<Pools<P>>),
}

impl<P: Plain> Clone for Asked<P> {
    fn clone(&self) -> Self {
        match self {
            Self::Store(store) => Self::Store(store.clone()),
            Self::Driver(pools) => Self::Driver(Arc::clone(pools)),
        }
    }
}

impl<P: Plain> Asked<P> {
    /// Does one piece of work.
    async fn ask(&self, caller: &mut Caller, work: Work) -> Result<(), MeasureError> {
        let done = match (self, work) {
            (Self::Store(store), Work::Read) => store.read(caller.query()).await?.is_some(),
            (Self::Store(store), Work::Insert) => store.write(caller.insert()).await?,
            (Self::Store(store), Work::Rotate) => store.write(caller.rotate()).await?,
            (Self::Driver(pools), Work::Read) => {
                let found = pools.read(&caller.query().statement()).await;
                black_box(found.map_err(MeasureError::Driver)?).is_some()
            }
            (Self::Driver(pools), work) => {
                let steps = match work {
                    Work::Rotate => steps(&caller.rotate()),
                    _ => steps(&caller.insert()),
                };
                pools.write(&steps).await.map_err(MeasureError::Driver)?;
                true
            }
        };
        if done { Ok(()) } else { Err(MeasureError::Refused) }
    }
}

impl<P: Plain> Turns<P> {
    /// Callers for both, up to `most` at once.
    pub(super) fn new(store: Store, driver: Arc<Pools<P>>, most: usize) -> Result<Self, MeasureError> {
        let callers = || (0..most).map(Caller::new).collect::<Result<Vec<_>, _>>();
        Ok(Self {
            store: Asked::Store(store),
            driver: Asked::Driver(driver),
            callers_of_store: callers()?,
            callers_of_driver: callers()?,
        })
    }

    /// Measures one line.
    pub(super) async fn line(
        &mut self,
        work: Work,
        callers: usize,
        length: Duration,
    ) -> Result<Line, MeasureError> {
        turn(&self.store, &mut self.callers_of_store, work, callers, WARM_UP).await?;
        turn(&self.driver, &mut self.callers_of_driver, work, callers, WARM_UP).await?;
        let (mut store, mut driver, mut ratios) = (Turn::default(), Turn::default(), Vec::new());
        for number in 0..TURNS {
            let (ours, theirs);
            let length = length / TURNS;
            if number % 2 == 0 {
                ours = turn(&self.store, &mut self.callers_of_store, work, callers, length).await?;
                theirs = turn(&self.driver, &mut self.callers_of_driver, work, callers, length).await?;
            } else {
                theirs = turn(&self.driver, &mut self.callers_of_driver, work, callers, length).await?;
                ours = turn(&self.store, &mut self.callers_of_store, work, callers, length).await?;
            }
            ratios.push(ours.rate() / theirs.rate().max(f64::MIN_POSITIVE));
            store.add(ours);
            driver.add(theirs);
        }
        ratios.sort_by(f64::total_cmp);
        let ratio = ratios.get(ratios.len() / 2).copied().unwrap_or_default();
        Ok(Line { work, callers, store: store.side(), driver: driver.side(), ratio })
    }
}

/// What one turn, or several, came to.
#[derive(Default)]
struct Turn {
    waits: Vec<Duration>,
    took: Duration,
}

impl Turn {
    #[expect(clippy::cast_precision_loss, reason = "a rate, for people")]
    fn rate(&self) -> f64 {
        self.waits.len() as f64 / self.took.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    fn add(&mut self, mut other: Self) {
        self.waits.append(&mut other.waits);
        self.took += other.took;
    }

    fn side(mut self) -> Side {
        let per_second = self.rate();
        self.waits.sort_unstable();
        let at = |percent: usize| {
            let index = (self.waits.len() * percent / 100).min(self.waits.len().saturating_sub(1));
            self.waits.get(index).copied().unwrap_or_default()
        };
        Side { per_second, p50: at(50), p99: at(99) }
    }
}

/// A closed loop: each caller waits for its answer before it asks again.
async fn turn<P: Plain>(
    asked: &Asked<P>,
    callers: &mut [Caller],
    work: Work,
    count: usize,
    length: Duration,
) -> Result<Turn, MeasureError> {
    let stop = Arc::new(AtomicBool::new(false));
    let began = clock::now();
    let mut tasks = JoinSet::new();
    for (place, caller) in callers.iter().take(count).enumerate() {
        let (asked, stop, mut caller) = (asked.clone(), Arc::clone(&stop), caller.clone());
        tasks.spawn(async move {
            let mut waits = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let since = clock::now();
                asked.ask(&mut caller, work).await?;
                waits.push(since.elapsed());
                // An answer that never waits must not keep the thread from the others.
                tokio::task::consume_budget().await;
            }
            Ok::<_, MeasureError>((place, caller, waits))
        });
    }
    tokio::time::sleep(length).await;
    stop.store(true, Ordering::Relaxed);
    let ended = tasks.join_all().await;
    let mut turn = Turn { waits: Vec::new(), took: began.elapsed() };
    for ended in ended {
        let (place, caller, mut waits) = ended?;
        if let Some(stands) = callers.get_mut(place) {
            *stands = caller;
        }
        turn.waits.append(&mut waits);
    }
    Ok(turn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_waits_are_those_of_all_turns() {
        let millis = |from: u64, to: u64| (from..to).map(Duration::from_millis).collect();
        let mut all = Turn { waits: millis(1, 51), took: Duration::from_secs(1) };
        all.add(Turn { waits: millis(51, 101), took: Duration::from_secs(1) });
        let side = all.side();
        assert_eq!(
            (side.per_second, side.p50, side.p99),
            (50.0, Duration::from_millis(51), Duration::from_millis(100))
        );
        assert_eq!(Turn::default().side().p99, Duration::ZERO);
    }
}
