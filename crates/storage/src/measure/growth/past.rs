//! What earlier measures left in a database that was kept: which numbers they used up, where the chains of refresh tokens that they rotated stand, and
//! how far what has expired was swept. All of it is read from the rows themselves.

use crate::contract::row::Rows;
use crate::contract::{Access, Query, Statement, StorageError};
use crate::measure::growth::population::Population;
use crate::measure::rows::{id, number_of};
use crate::nodes::Store;
use crate::params;
use protocol::{GrantId, RefreshTokenId, Timestamp};
use std::collections::HashMap;

/// Where a chain of refresh tokens stands: its live one, and how many came before.
pub(super) type Head = (RefreshTokenId, u32);

/// What is no longer as it was filled in.
pub(super) struct Past {
    /// The first block of which nothing was made.
    pub(super) block: u64,
    /// By their grants' numbers.
    pub(super) heads: HashMap<u64, Head>,
    /// The place of the first refresh token that was not swept.
    pub(super) unswept: u64,
}

impl Past {
    pub(super) async fn of(store: &Store) -> Result<Self, StorageError> {
        let last = store.read(LastNumbers).await?;
        let block = last.into_iter().filter_map(|last| Population::block_of(number_of(&last))).max();
        let unswept = store.read(FirstRefreshToken).await?.map_or(0, |first| number_of(&first));
        let (mut heads, mut after) = (HashMap::new(), id(Population::made(0, 0)));
        after[8..].fill(0);
        loop {
            let made = store.read(RefreshTokensAfter(after)).await?;
            let Some(last) = made.last() else { break };
            after = *last.id.as_bytes();
            for token in made {
                // Without a generation before it, it came of a code and is the head of no chain.
                if token.spent_at.is_none() && token.generation > 0 {
                    heads.insert(number_of(token.grant.as_bytes()), (token.id, token.generation));
                }
            }
        }
        Ok(Self { block: block.map_or(0, |block| block + 1), heads, unswept })
    }
}

/// The last key of every table that a measure adds to.
struct LastNumbers;

impl Query for LastNumbers {
    type Output = Vec<[u8; 16]>;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT max(id) FROM users UNION ALL SELECT max(id) FROM refresh_tokens \
             UNION ALL SELECT max(id) FROM authorization_codes UNION ALL SELECT max(id) FROM device_codes \
             UNION ALL SELECT max(id) FROM one_time_access_tokens",
            params![],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        Ok(rows.all(|row| row.get::<Option<_>>(0))?.into_iter().flatten().collect())
    }
}

struct FirstRefreshToken;

impl Query for FirstRefreshToken {
    type Output = Option<[u8; 16]>;

    fn statement(&self) -> Statement {
        Statement::new("SELECT id FROM refresh_tokens ORDER BY id LIMIT 1", params![])
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.first(|row| row.get(0))
    }
}

/// A refresh token that a measure made.
struct Made {
    id: RefreshTokenId,
    grant: GrantId,
    generation: u32,
    spent_at: Option<Timestamp>,
}

struct RefreshTokensAfter([u8; 16]);

impl Query for RefreshTokensAfter {
    type Output = Vec<Made>;

    const ACCESS: Access = Access::Scan;

    fn statement(&self) -> Statement {
        Statement::new(
            "SELECT id, grant_id, generation, spent_at FROM refresh_tokens WHERE id > ? ORDER BY id LIMIT 10000",
            params![&self.0[..]],
        )
    }

    fn read(rows: &mut Rows<'_>) -> Result<Self::Output, StorageError> {
        rows.all(|row| {
            Ok(Made { id: row.get(0)?, grant: row.get(1)?, generation: row.get(2)?, spent_at: row.get(3)? })
        })
    }
}
