//! The listening socket: bound here or inherited, and what becomes of the connections that wait in it when the server stops. Knows
//! nothing of what is spoken on a connection.

use std::io;
use std::net::{self, SocketAddr};
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
    /// Whether what waits in the queue is lost with this socket. An inherited one lives on with whoever handed it over.
    owns_queue: bool,
}

/// Whether another process may listen on the same address at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Nobody else listens there.
    Alone,
    /// `SO_REUSEPORT`: every process of the same user that asks for it; the kernel spreads new connections over them.
    ReusePort,
}

impl Listener {
    /// Binds and listens. Port 0 takes a free one; `[::]` also accepts IPv4.
    ///
    /// # Errors
    /// What the system says: the address is in use, is not one of this machine's, or needs a privilege.
    pub fn bind(address: SocketAddr, sharing: Sharing) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // A restart must not wait for the old connections' TIME-WAIT.
        socket.set_reuseaddr(true)?;
        if sharing == Sharing::ReusePort {
            socket.set_reuseport(true)?;
        }
        socket.bind(address)?;
        let socket = socket.listen(BACKLOG)?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address, owns_queue: true })
    }

    /// Takes over a socket that listens already, as a service manager hands it in (sd_listen_fds(3)). It outlives this process, and so do
    /// the connections that wait in it.
    ///
    /// # Errors
    /// What the system says.
    pub fn inherited(socket: net::TcpListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let socket = TcpListener::from_std(socket)?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address, owns_queue: false })
    }

    /// The address it listens on, with the port that was really taken.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening. System calls from here on, no readiness events: those may be late, and a connection missed is one reset.
    pub(crate) fn stop(self) -> Queue {
        Queue(self.socket.into_std().ok().filter(|_| self.owns_queue))
    }

    /// The next connection, however long that takes. A failure is waited out: it is the system's want of resources, or a peer that was
    /// gone already, and never a reason to stop serving.
    pub(crate) async fn accept(&self) -> (TcpStream, SocketAddr) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.socket.accept().await {
                Ok((stream, peer)) => {
                    at_once(&stream);
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

/// A listener that takes nothing new, but for what waits in its queue.
pub(crate) struct Queue(Option<net::TcpListener>);

impl Queue {
    /// The next connection that waits; nothing once there is none, or when whoever has the socket next will take them.
    pub(crate) fn next(&mut self) -> Option<(TcpStream, SocketAddr)> {
        loop {
            match self.0.as_ref()?.accept() {
                Ok((stream, peer)) => {
                    if stream.set_nonblocking(true).is_err() {
                        continue;
                    }
                    let Ok(stream) = TcpStream::from_std(stream) else { continue };
                    at_once(&stream);
                    return Some((stream, peer));
                }
                Err(error) if concerns_one_peer(&error) => {}
                Err(error) => {
                    if error.kind() != io::ErrorKind::WouldBlock {
                        tracing::warn!(%error, "connections that waited could not be accepted");
                    }
                    // Nothing may come between the last look and the close: whatever arrives between them is reset by the kernel.
                    self.0 = None;
                }
            }
        }
    }
}

/// Answers are written whole; waiting for more only delays them. A failure costs no more than that.
fn at_once(stream: &TcpStream) {
    stream.set_nodelay(true).ok();
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
