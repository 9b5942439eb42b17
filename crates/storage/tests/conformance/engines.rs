//! The engines, and a database of each for every test. An engine that is missing is a failure in CI, and said loudly elsewhere.

use std::time::Duration;
use storage::{Options, Store};

/// What the list runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
    /// Behind a pooler that gives every transaction another session.
    Pooled,
    /// The newest PostgreSQL.
    Newest,
    Mysql,
}

/// A store on an engine, in a database of its own.
pub(crate) struct Site {
    pub(crate) store: Store,
    pub(crate) options: Options,
    _folder: Option<tempfile::TempDir>,
    _pooler: Option<throwaway::Pooler>,
    database: Option<throwaway::Database>,
}

impl Engine {
    /// The server behind it, if there is one.
    pub(crate) fn server(self) -> Option<throwaway::Engine> {
        match self {
            Self::Sqlite => None,
            Self::Postgres | Self::Pooled => Some(throwaway::Engine::Postgres),
            Self::Newest => Some(throwaway::Engine::NewestPostgres),
            Self::Mysql => Some(throwaway::Engine::Mariadb),
        }
    }

    /// Whether its tests cannot run here.
    pub(crate) fn is_missing(self) -> bool {
        self.server().is_some_and(throwaway::Engine::is_missing)
            || self == Self::Pooled && throwaway::Pooler::is_missing()
    }

    /// A store that is open.
    pub(crate) async fn open(self) -> Site {
        self.open_with(|_| {}).await
    }

    /// A store that is open, with other options.
    pub(crate) async fn open_with(self, change: impl FnOnce(&mut Options)) -> Site {
        let (mut options, folder, database) = match self.server() {
            None => {
                let folder = tempfile::tempdir().unwrap();
                (Options::at(folder.path().join("doorward.db")), Some(folder), None)
            }
            Some(server) => {
                let database = throwaway::shared(server).unwrap();
                (Options::new(database.url().parse().unwrap()), None, Some(database))
            }
        };
        // Fewer sessions than we have connections: they take turns.
        let pooler = (self == Self::Pooled).then(|| {
            let server = options.database.server().unwrap();
            let pooler = throwaway::Pooler::before(server.hosts[0].1, 3).unwrap();
            options.database = pooler.url(&server.name).parse().unwrap();
            pooler
        });
        options.scan_deadline = Duration::from_millis(400);
        change(&mut options);
        let store = Store::open(&options).await.unwrap().store;
        Site { store, options, _folder: folder, _pooler: pooler, database }
    }
}

impl Site {
    /// Another node on the same database.
    pub(crate) async fn another_node(&self) -> Store {
        Store::open(&self.options).await.unwrap().store
    }

    /// Another node where there can be one; the same store where the database is one process's.
    pub(crate) async fn another_node_if_any(&self, engine: Engine) -> Store {
        if engine == Engine::Sqlite { self.store.clone() } else { self.another_node().await }
    }

    /// Statements as the server's administrator.
    pub(crate) fn sql(&self, statements: &str) -> String {
        let database = self.database.as_ref().expect("on a server");
        tokio::task::block_in_place(|| database.sql(statements)).unwrap()
    }
}

/// One module per engine, one test per function, each of which takes the engine.
macro_rules! on_every_engine {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                super::$test(crate::engines::Engine::Sqlite).await;
            })+
        }
        on_every_server![$($test),+];
    };
}

/// Once more on a PostgreSQL behind a pooler, and on the newest one.
macro_rules! on_other_postgres {
    ($($test:ident),+ $(,)?) => {
        mod pooled {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                if !crate::engines::Engine::Pooled.is_missing() {
                    super::$test(crate::engines::Engine::Pooled).await;
                }
            })+
        }
        mod newest_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                if !crate::engines::Engine::Newest.is_missing() {
                    super::$test(crate::engines::Engine::Newest).await;
                }
            })+
        }
    };
}

/// The same for what only engines on a server do.
macro_rules! on_every_server {
    ($($test:ident),+ $(,)?) => {
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                if !crate::engines::Engine::Postgres.is_missing() {
                    super::$test(crate::engines::Engine::Postgres).await;
                }
            })+
        }
        mod mysql {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                if !crate::engines::Engine::Mysql.is_missing() {
                    super::$test(crate::engines::Engine::Mysql).await;
                }
            })+
        }
    };
}
