//! What stands between a store and its server, and does to the bytes what networks do: cuts anywhere, silence, refusal. Knows no protocol.

use crate::engines::Site;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use storage::{Database, Options, Store, TlsMode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// How the network is.
#[derive(Default)]
pub(crate) struct Network {
    /// Every connection is cut after about so many bytes, at a place of its own; zero: never.
    pub(crate) cut_after: AtomicU64,
    /// Nothing arrives, and nothing is closed.
    pub(crate) silent: AtomicBool,
    /// Whoever connects is turned away, and what is connected is cut.
    pub(crate) down: AtomicBool,
    pub(crate) cuts: AtomicU64,
}

impl Network {
    /// Options that lead to the site's database over this network.
    pub(crate) async fn before(self: &Arc<Self>, site: &Site) -> Options {
        let mut options = site.options.clone();
        let (Database::Postgres(server) | Database::Mysql(server)) = &mut options.database else {
            unreachable!("not on a server")
        };
        let (network, to) = (Arc::clone(self), server.hosts[0].1);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        server.hosts = vec![("127.0.0.1".to_owned(), listener.local_addr().unwrap().port())];
        server.tls.mode = TlsMode::Disable;
        tokio::spawn(async move {
            for connection in 0.. {
                let (client, _) = listener.accept().await.unwrap();
                if !network.down.load(Relaxed) {
                    tokio::spawn(Arc::clone(&network).carry(client, to, connection));
                }
            }
        });
        options
    }

    /// A store that reaches the site's database over this network.
    pub(crate) async fn store(self: &Arc<Self>, site: &Site, change: impl FnOnce(&mut Options)) -> Store {
        let mut options = self.before(site).await;
        change(&mut options);
        Store::open(&options).await.unwrap().store
    }

    async fn carry(self: Arc<Self>, client: TcpStream, to: u16, connection: u64) {
        let Ok(server) = TcpStream::connect(("127.0.0.1", to)).await else { return };
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let (mut asked, mut answered, mut carried) = ([0; 16_384], [0; 16_384], 0);
        loop {
            let (bytes, to) = tokio::select! {
                read = from_client.read(&mut asked) => (&asked[..read.unwrap_or(0)], &mut to_server),
                read = from_server.read(&mut answered) => (&answered[..read.unwrap_or(0)], &mut to_client),
                () = self.goes_down() => return,
            };
            if bytes.is_empty() {
                return;
            }
            while self.silent.load(Relaxed) {
                sleep(Duration::from_millis(5)).await;
            }
            let budget = self.budget(connection);
            if carried + bytes.len() as u64 > budget {
                // In the middle of what is said, too.
                let _gone = to.write_all(&bytes[..(budget.saturating_sub(carried)) as usize]).await;
                self.cuts.fetch_add(1, Relaxed);
                return;
            }
            carried += bytes.len() as u64;
            if to.write_all(bytes).await.is_err() {
                return;
            }
        }
    }

    async fn goes_down(&self) {
        while !self.down.load(Relaxed) {
            sleep(Duration::from_millis(5)).await;
        }
    }

    fn budget(&self, connection: u64) -> u64 {
        match self.cut_after.load(Relaxed) {
            0 => u64::MAX,
            // From a tenth to nearly twice as much.
            about => about / 10 + connection.wrapping_mul(0x9E37_79B9_7F4A_7C15) % (about * 9 / 5),
        }
    }
}
