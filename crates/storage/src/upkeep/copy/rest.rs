//! Whether somebody still uses the source: a node that lives counts its heartbeats. Knows the table of nodes; ends none of them.

use crate::contract::row::Rows;
use crate::contract::{Access, Query, Statement, StorageError};
use crate::nodes::Store;
use crate::params;
use std::time::Duration;

/// Longer than any node waits between two heartbeats, and than one that is late.
const WATCHED_FOR: Duration = Duration::from_secs(5);

/// A node and how many heartbeats it has counted.
#[derive(Debug, PartialEq, Eq)]
struct Node {
    id: Vec<u8>,
    name: String,
    beats: i64,
}

struct ListNodes;

impl Query for ListNodes {
    type Output = Vec<Node>;
    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        Statement::new("SELECT id, name, beats FROM nodes ORDER BY id", params![])
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.all(|row| Ok(Node { id: row.get(0)?, name: row.get(1)?, beats: row.get(2)? }))
    }
}

/// The name of a node that lives, if one does. Answers at once where none ever was, or all have taken their leave.
pub(super) async fn living_node(store: &Store) -> Result<Option<String>, StorageError> {
    let before = store.read(ListNodes).await?;
    if before.is_empty() {
        return Ok(None);
    }
    // One that was killed has left its row; only watching tells.
    tokio::time::sleep(WATCHED_FOR).await;
    let after = store.read(ListNodes).await?;
    Ok(after.into_iter().find(|node| !before.contains(node)).map(|node| node.name))
}
