//! A byte stream: in memory, TCP or TLS over TCP.
//!
//! All three tell an orderly end from an abortive one, and can end either way.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;

/// Bytes that a stream in memory holds in each direction.
const MEMORY: usize = 64 * 1024;

/// A byte stream to the other side.
#[derive(Debug)]
pub(super) enum Stream {
    Memory(Memory),
    Tcp(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

impl Stream {
    /// Two ends of one stream in memory.
    pub(super) fn pair() -> (Self, Self) {
        let (near, far) = tokio::io::duplex(MEMORY);
        let reset = Arc::new(AtomicBool::new(false));
        (Self::Memory(Memory { duplex: near, reset: Arc::clone(&reset) }), Self::Memory(Memory { duplex: far, reset }))
    }

    /// Aborts: the other side sees a reset, after what has already reached it.
    pub(super) fn reset(self) {
        // A socket that is already dead cannot be set up for its death; dropping it is all that is left.
        let _ = match &self {
            Self::Memory(memory) => {
                memory.reset.store(true, Ordering::Relaxed);
                Ok(())
            }
            Self::Tcp(tcp) => tcp.set_zero_linger(),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.get_ref().0.set_zero_linger(),
        };
    }
}

/// One end of a stream in memory. The flag is shared by both ends: it makes an end of stream a reset.
#[derive(Debug)]
pub(super) struct Memory {
    duplex: DuplexStream,
    reset: Arc<AtomicBool>,
}

impl Memory {
    fn is_reset(&self) -> bool {
        self.reset.load(Ordering::Relaxed)
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Memory(memory) => {
                let before = buffer.filled().len();
                ready!(Pin::new(&mut memory.duplex).poll_read(context, buffer))?;
                let is_end = buffer.filled().len() == before && buffer.remaining() > 0;
                Poll::Ready(if is_end && memory.is_reset() { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) })
            }
            Self::Tcp(tcp) => Pin::new(tcp).poll_read(context, buffer),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => Pin::new(tls).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Memory(memory) => match ready!(Pin::new(&mut memory.duplex).poll_write(context, bytes)) {
                Err(_) if memory.is_reset() => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                result => Poll::Ready(result),
            },
            Self::Tcp(tcp) => Pin::new(tcp).poll_write(context, bytes),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => Pin::new(tls).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Memory(memory) => Pin::new(&mut memory.duplex).poll_flush(context),
            Self::Tcp(tcp) => Pin::new(tcp).poll_flush(context),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => Pin::new(tls).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Memory(memory) => Pin::new(&mut memory.duplex).poll_shutdown(context),
            Self::Tcp(tcp) => Pin::new(tcp).poll_shutdown(context),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(context),
        }
    }
}
