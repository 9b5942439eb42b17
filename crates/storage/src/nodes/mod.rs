//! Several processes on one database: each tells the others what it changed that they keep in memory, notices when one is gone, and jobs
//! are run by one of them. Knows rows and counts, no clock but the one that measures, and nothing that only one engine has.
//!
//! A process that has a database to itself never joins: then nothing here runs, and no row is written.

pub(crate) mod cursors;
mod positions;
mod statements;
mod store;

pub use crate::contract::change::Change;
pub use positions::NodeId;
pub use store::{Opened, Store, Written};

use crate::contract::numbers::Numbers;
use crate::contract::{Steps, StorageError};
use crate::params;
use positions::Positions;
use protocol::Timestamp;
use statements::{Beat, GiveUp, HolderOf, Leave, ListNodes, Poll, Register, TakeLease};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// How often the others' changes are looked for: what one node does is in force on the others this much later, and as long as a read takes.
pub const POLL_EVERY: Duration = Duration::from_millis(250);
/// After so long without a poll what is in memory counts as outdated, and questions that depend on it are refused.
pub const OUTDATED_AFTER: Duration = Duration::from_secs(5);
/// A poll that takes longer is given up and tried again.
const POLL_DEADLINE: Duration = Duration::from_secs(2);
const BEAT_EVERY: Duration = Duration::from_secs(2);
/// After so long without a heartbeat a node neither announces changes nor holds a lease. Less than [`GONE_AFTER`], so that it knows first.
const FENCED_AFTER: Duration = Duration::from_secs(10);
/// A node whose heartbeats stand still for so long, seen by one whose own do not, is given up.
const GONE_AFTER: Duration = Duration::from_secs(15);
/// How long changes are kept: longer than [`OUTDATED_AFTER`], after which a node that could not read them loads everything.
const KEPT_FOR: Duration = Duration::from_secs(60);

/// Who joins.
#[derive(Debug, Clone)]
pub struct NewNode {
    /// Random, and another in each process.
    pub id: NodeId,
    /// For people: host and process.
    pub name: String,
    /// Of the program.
    pub version: String,
    /// For people.
    pub started_at: Timestamp,
}

/// A node as the others see it.
#[derive(Debug, Clone)]
pub struct RegisteredNode {
    /// Which process.
    pub id: NodeId,
    /// Host and process.
    pub name: String,
    /// Of the program.
    pub version: String,
    /// When it said it started.
    pub started_at: Timestamp,
    beats: i64,
    settled: i64,
}

/// This process among the nodes of a database.
pub(crate) struct Node {
    this: Arc<ThisNode>,
    beating: AbortHandle,
}

struct ThisNode {
    node: NewNode,
    numbers: Arc<Numbers>,
    began: Instant,
    /// When the last poll began whose changes were applied; milliseconds since `began`.
    polled_at: AtomicU64,
    /// When the last heartbeat was sent that arrived; milliseconds since `began`.
    beat_at: AtomicU64,
    /// The others have given this node up meanwhile: what they did then, it may not have seen.
    was_given_up: AtomicBool,
    /// Where the feed begins.
    positions: Mutex<Option<Positions>>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.beating.abort();
    }
}

impl Node {
    /// Adds the rows that announce a command's changes to its steps.
    pub(crate) fn announce(&self, steps: &mut Steps) -> Result<(), StorageError> {
        if steps.changes().is_empty() {
            return Ok(());
        }
        if self.this.age(&self.this.beat_at) > FENCED_AFTER {
            return Err(StorageError::Unavailable("this node has lost touch with the others".to_owned()));
        }
        let undecided = self.this.numbers.take(steps.changes().len());
        let rows: Vec<_> =
            undecided.numbers.clone().zip(steps.changes().iter().map(Change::encode)).collect();
        for (number, (topic, subject)) in rows {
            steps.one(
                "INSERT INTO changes (node_id, number, topic, subject) VALUES (?, ?, ?, ?)",
                params![self.this.node.id.as_slice(), number, topic, subject],
            );
        }
        steps.carry(Arc::new(undecided));
        Ok(())
    }

    /// Why what is in memory may be outdated; nothing when it is not.
    pub(crate) fn outdated(&self) -> Option<String> {
        let age = self.this.age(&self.this.polled_at);
        (age > OUTDATED_AFTER)
            .then(|| format!("what the other nodes changed was last read {} seconds ago", age.as_secs()))
    }

    /// The last heartbeat. One that cannot be sent is missed by the others soon enough.
    pub(crate) async fn leave(&self, store: &Store) {
        self.beating.abort();
        let leave = Leave { id: self.this.node.id, settled: self.this.numbers.settled() };
        if !matches!(timeout(POLL_DEADLINE, store.write(leave)).await, Ok(Ok(()))) {
            tracing::warn!("the other nodes could not be told that this one ends; they will notice");
        }
    }
}

impl ThisNode {
    fn age(&self, at: &AtomicU64) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(at.load(SeqCst)))
    }

    fn note(&self, place: &AtomicU64, at: Instant) {
        let millis = at.saturating_duration_since(self.began).as_millis();
        place.fetch_max(u64::try_from(millis).unwrap_or(u64::MAX), SeqCst);
    }

    /// Sends heartbeats, and gives up nodes that send none.
    async fn beat(self: Arc<Self>, store: Store) {
        let mut watch = Watch::default();
        let mut kept = VecDeque::new();
        loop {
            sleep(BEAT_EVERY).await;
            let at = Instant::now();
            let settled = self.numbers.settled();
            kept.push_back((at, settled));
            let forget_through = forgotten(&mut kept, at);
            let beaten = match store.write(Beat { id: self.node.id, settled, forget_through }).await {
                Ok(true) => Ok(()),
                Ok(false) => {
                    tracing::warn!(
                        "the other nodes had given this one up; everything in memory is loaded again"
                    );
                    self.was_given_up.store(true, SeqCst);
                    store.write(Register { node: &self.node, settled }).await.map(|_| ())
                }
                Err(error) => Err(error),
            };
            match beaten {
                Ok(()) => self.note(&self.beat_at, at),
                Err(error) => {
                    tracing::warn!(%error, "the heartbeat of this node could not be written");
                    // Whoever is silent now may be kept from it by the same.
                    watch = Watch::default();
                    continue;
                }
            }
            match store.read(ListNodes).await {
                Ok(nodes) => self.give_up(&store, watch.silent(self.node.id, &nodes, Instant::now())).await,
                Err(_) => watch = Watch::default(),
            }
        }
    }

    async fn give_up(&self, store: &Store, silent: Vec<GiveUp>) {
        for node in silent {
            match store.write(node).await {
                Ok(true) => tracing::info!("a node that is silent was given up"),
                // It lives, or another was faster.
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "a node that is silent could not be given up"),
            }
        }
    }
}

/// The mark of the last heartbeat that is older than changes are kept.
fn forgotten(kept: &mut VecDeque<(Instant, i64)>, now: Instant) -> Option<i64> {
    let mut through = None;
    while let Some((at, settled)) = kept.front().copied()
        && now.saturating_duration_since(at) > KEPT_FOR
    {
        through = Some(settled);
        kept.pop_front();
    }
    through.filter(|through| *through > 0)
}

/// Since when other nodes' heartbeats stand where they do, by our own clock.
#[derive(Default)]
struct Watch(HashMap<NodeId, (i64, Instant)>);

impl Watch {
    fn silent(&mut self, me: NodeId, nodes: &[RegisteredNode], now: Instant) -> Vec<GiveUp> {
        self.0.retain(|id, _| nodes.iter().any(|node| node.id == *id));
        let mut silent = Vec::new();
        for node in nodes.iter().filter(|node| node.id != me) {
            let (beats, since) = self.0.entry(node.id).or_insert((node.beats, now));
            if *beats != node.beats {
                (*beats, *since) = (node.beats, now);
            } else if now.saturating_duration_since(*since) > GONE_AFTER {
                silent.push(GiveUp { id: node.id, beats: node.beats });
            }
        }
        silent
    }
}

/// What the nodes changed, this one too: whoever asked for a change may have gone before it was made effective in memory.
#[derive(Debug)]
pub struct News {
    /// Something may have been missed: everything in memory is to be loaded again.
    pub everything: bool,
    /// What changed; some of it perhaps more than once.
    pub changes: Vec<Change>,
    positions: Positions,
    polled_at: Instant,
}

/// The news, poll by poll. There is one reader.
pub struct Feed {
    store: Store,
    this: Arc<ThisNode>,
    /// None: nobody knows what was missed.
    positions: Option<Positions>,
    next_at: Instant,
}

impl Feed {
    /// Waits until it is time, and looks. Without [`Feed::applied`] the next look finds the same again.
    ///
    /// # Errors
    /// When the database does not answer; try again at once, the wait is in here.
    pub async fn next(&mut self) -> Result<News, StorageError> {
        sleep_until(self.next_at).await;
        let polled_at = Instant::now();
        self.next_at = polled_at + POLL_EVERY;
        if self.this.was_given_up.swap(false, SeqCst) || self.this.age(&self.this.polled_at) > OUTDATED_AFTER
        {
            self.positions = None;
        }
        let mut everything = self.positions.is_none();
        let mut positions = self.positions.clone().unwrap_or_default();
        let poll = self.store.read_together(Poll(positions.ranges()));
        let polled = timeout(POLL_DEADLINE, poll).await.map_err(|_| {
            StorageError::Unavailable("the other nodes' changes were not read in time".to_owned())
        })??;
        let unseen = positions.absorb(polled);
        everything |= unseen.everything;
        // A change that this version does not know is one that it cannot apply by itself.
        everything |= unseen.changes.iter().any(Option::is_none);
        Ok(News { everything, changes: unseen.changes.into_iter().flatten().collect(), positions, polled_at })
    }

    /// What the news says is in force here.
    pub fn applied(&mut self, news: News) {
        self.positions = Some(news.positions);
        self.this.note(&self.this.polled_at, news.polled_at);
    }
}

impl Store {
    /// Joins the nodes that share this database: from now on what is changed through this store is announced, and what others change is in
    /// [`Store::feed`]. Join before anything is loaded into memory, so that nothing falls between.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub async fn join(&self, node: NewNode) -> Result<Self, StorageError> {
        let alone = self.alone();
        let began = Instant::now();
        alone.write(Register { node: &node, settled: 0 }).await?;
        let mut positions = Positions::default();
        // Whatever it says: nothing is in memory yet.
        positions.absorb(alone.read_together(Poll(Vec::new())).await?);
        let this = Arc::new(ThisNode {
            node,
            numbers: Arc::default(),
            began,
            polled_at: AtomicU64::new(0),
            beat_at: AtomicU64::new(0),
            was_given_up: AtomicBool::new(false),
            positions: Mutex::new(Some(positions)),
        });
        let beating = tokio::spawn(Arc::clone(&this).beat(alone)).abort_handle();
        Ok(self.as_node(Node { this, beating }))
    }

    /// What the other nodes change; nothing when there can be none.
    pub fn feed(&self) -> Option<Feed> {
        let this = Arc::clone(&self.node()?.this);
        let positions = this.positions.lock().unwrap_or_else(PoisonError::into_inner).take();
        Some(Feed { store: self.alone(), this, positions, next_at: Instant::now() })
    }

    /// Whether what is in memory is what the database says, but for the last moments.
    ///
    /// # Errors
    /// One sentence for an operator.
    pub fn current(&self) -> Result<(), StorageError> {
        match self.node().and_then(Node::outdated) {
            None => Ok(()),
            Some(why) => Err(StorageError::Unavailable(why)),
        }
    }

    /// Whether this process is the one that runs the job of this name. It stays so until it ends or loses touch with the database; a
    /// process that has the database to itself runs them all.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub async fn holds_lease(&self, name: &'static str) -> Result<bool, StorageError> {
        let Some(node) = self.node() else { return Ok(true) };
        let me = node.this.node.id;
        let holder = match self.read(HolderOf(name)).await? {
            None if self.write(TakeLease { name, holder: me }).await? => Some(me),
            holder => holder,
        };
        Ok(holder == Some(me) && node.this.age(&node.this.beat_at) < FENCED_AFTER)
    }

    /// Every node on this database that has not been given up.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list_nodes(&self) -> Result<Vec<RegisteredNode>, StorageError> {
        self.read(ListNodes).await
    }
}
