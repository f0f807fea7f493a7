//! From an address to an open stream, in bounded time; and why it did not open, in words.

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::stream::Stream;
use super::target::ServerTarget;
use crate::transcript::Ending;

/// How long a name may take to resolve and a host to answer.
const CONNECT: Duration = Duration::from_secs(10);

/// How long a TLS handshake may take.
#[cfg(feature = "tls")]
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Opens a stream to this server.
pub(super) async fn dial(target: &ServerTarget) -> Result<Stream, Ending> {
    let tcp = connect(target).await.map_err(Ending::Unreachable)?;
    // Frames are sent when they are sent, not when more has gathered. Where that cannot be had, they only come later.
    let _ = tcp.set_nodelay(true);
    secure(target, tcp).await
}

async fn connect(target: &ServerTarget) -> Result<TcpStream, String> {
    let place = target.host_header();
    match timeout(CONNECT, TcpStream::connect((target.host(), target.port()))).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Err(format!("{place} refused the connection")),
        Ok(Err(error)) => Err(format!("{place} cannot be reached: {error}")),
        Err(_) => Err(format!("{place} did not answer within {} s", CONNECT.as_secs())),
    }
}

#[cfg(feature = "tls")]
async fn secure(target: &ServerTarget, tcp: TcpStream) -> Result<Stream, Ending> {
    let Some(connector) = &target.tls else { return Ok(Stream::Tcp(tcp)) };
    match timeout(HANDSHAKE, connector.connect(tcp)).await {
        Ok(Ok(stream)) => Ok(Stream::Tls(Box::new(stream))),
        Ok(Err(error)) => Err(Ending::Tls(super::tls::explain(&error))),
        Err(_) => Err(Ending::Tls(format!("no handshake within {} s", HANDSHAKE.as_secs()))),
    }
}

#[cfg(not(feature = "tls"))]
#[expect(clippy::unused_async, reason = "it is the other one that waits")]
async fn secure(_: &ServerTarget, tcp: TcpStream) -> Result<Stream, Ending> {
    Ok(Stream::Tcp(tcp))
}
