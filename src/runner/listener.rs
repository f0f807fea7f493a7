//! A socket that listens and hands its connections to a session.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::Notice;
use super::stream::Stream;

/// How long a listener rests when the system has no socket to give.
const REST: Duration = Duration::from_millis(50);

/// Listens there.
pub(super) async fn bind(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Hands over each connection, until the session is gone.
pub(super) async fn accept(listener: TcpListener, notices: mpsc::Sender<Notice>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, or a connection that was gone before it was taken. Neither may spin, neither is the end.
            sleep(REST).await;
            continue;
        };
        // Where it cannot be had, frames only come later.
        let _ = stream.set_nodelay(true);
        if notices.send(Notice::Accepted(Stream::Tcp(stream))).await.is_err() {
            return;
        }
    }
}
