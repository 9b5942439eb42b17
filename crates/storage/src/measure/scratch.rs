//! Where it is measured: new databases beside the one that is named, gone afterwards. What is named itself is never opened.

use crate::contract::Database;
use crate::measure::MeasureError;
use std::path::Path;
use std::time::Duration;

/// New databases.
#[derive(Debug)]
pub struct Scratch {
    named: Database,
    pub(super) made: Vec<Database>,
}

impl Scratch {
    /// Makes `count` of them. With a file, `beside` is a file in the folder that is measured; on a server, a database that may be connected to, whose user
    /// may create databases. `mark` makes the names unique.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn beside(database: &Database, mark: u64, count: usize) -> Result<Self, MeasureError> {
        let made =
            (1..=count).map(|number| renamed(database, &format!("doorward_bench_{mark:016x}_{number}")));
        let scratch = Self { named: database.clone(), made: made.collect() };
        for name in scratch.names() {
            tell(database, &format!("CREATE DATABASE {name}")).await.map_err(|why| {
                MeasureError::Scratch(format!(
                    "{database} does not let us create a database of our own to measure in ({why}): give its user the right to create \
                     databases, or measure with one that has it"
                ))
            })?;
        }
        Ok(scratch)
    }

    /// Removes them.
    ///
    /// # Errors
    /// When something is left; the text names it.
    pub async fn remove(self) -> Result<(), MeasureError> {
        for path in self.made.iter().filter_map(Database::file) {
            remove_file_and_logs(path);
        }
        for name in self.names() {
            self.drop(name).await.map_err(|why| {
                MeasureError::Scratch(format!(
                    "the database {name} could not be dropped ({why}): drop it by hand"
                ))
            })?;
        }
        Ok(())
    }

    /// The server notices a little later that connections were closed, and refuses until then.
    async fn drop(&self, name: &str) -> Result<(), String> {
        let mut tries = 20;
        loop {
            match tell(&self.named, &format!("DROP DATABASE {name}")).await {
                Err(_) if tries > 1 => tries -= 1,
                dropped => return dropped,
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The databases on the server; none of files.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.made.iter().filter_map(Database::server).map(|server| server.name.as_str())
    }
}

/// The same place under another name.
fn renamed(database: &Database, name: &str) -> Database {
    let mut renamed = database.clone();
    match &mut renamed {
        Database::Sqlite(path) => *path = path.with_file_name(format!("{name}.db")),
        Database::Postgres(server) | Database::Mysql(server) => name.clone_into(&mut server.name),
    }
    renamed
}

/// Says one thing to a server.
async fn tell(database: &Database, sql: &str) -> Result<(), String> {
    match database {
        Database::Sqlite(_) => Ok(()),
        Database::Postgres(server) => crate::engine::postgres::plain::tell(server, sql).await,
        Database::Mysql(server) => crate::engine::mysql::plain::tell(server, sql).await,
    }
}

fn remove_file_and_logs(path: &Path) {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return };
    let Some(Ok(entries)) = path.parent().map(std::fs::read_dir) else { return };
    for entry in entries.flatten() {
        // The file, its log, its index of the log and its lock all begin with its name, which is nobody else's.
        if entry.file_name().to_str().is_some_and(|found| found.starts_with(name)) {
            let _gone = std::fs::remove_file(entry.path());
        }
    }
}
