//! The listening socket, and what to do when accepting fails. Knows nothing of what is spoken on a connection.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// How many connections the kernel completes for us while we are busy or full.
const BACKLOG: u32 = 1024;
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A bound listening socket.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Binds and listens. Port 0 takes a free one; `[::]` also accepts IPv4.
    ///
    /// # Errors
    /// What the system says: the address is in use, is not one of this machine's, or needs a privilege.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // A restart must not wait for the old connections' TIME-WAIT.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let socket = socket.listen(BACKLOG)?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// The address it listens on, with the port that was really taken.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The next connection, however long that takes. A failure is waited out: it is the system's want of resources, or a peer that was
    /// gone already, and never a reason to stop serving.
    pub(crate) async fn accept(&self) -> (TcpStream, SocketAddr) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.socket.accept().await {
                Ok((stream, peer)) => {
                    // Answers are written whole; waiting for more only delays them. A failure costs no more than that.
                    stream.set_nodelay(true).ok();
                    return (stream, peer);
                }
                Err(error) if concerns_one_peer(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, ?pause, "cannot accept a connection; trying again");
                    tokio::time::sleep(pause).await;
                    pause = longer(pause);
                }
            }
        }
    }
}

/// accept(2): errors of the new connection are reported by accept itself, and are to be treated as a retry.
fn concerns_one_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::HostUnreachable
    )
}

fn longer(pause: Duration) -> Duration {
    (pause * 2).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_systems_own_want_is_waited_out() {
        const EMFILE: i32 = 24;
        const ENFILE: i32 = 23;
        const ECONNABORTED: i32 = 103;
        assert!(!concerns_one_peer(&io::Error::from_raw_os_error(EMFILE)));
        assert!(!concerns_one_peer(&io::Error::from_raw_os_error(ENFILE)));
        assert!(concerns_one_peer(&io::Error::from_raw_os_error(ECONNABORTED)));
        let pauses: Vec<_> =
            std::iter::successors(Some(FIRST_PAUSE), |pause| Some(longer(*pause))).take(9).collect();
        assert!(pauses.is_sorted() && pauses.last() == Some(&LONGEST_PAUSE), "{pauses:?}");
    }
}
