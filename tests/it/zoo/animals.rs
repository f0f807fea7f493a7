//! Servers that do everything but what a server should. Each is what it does with one connection; it gives up when the other side does.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// What a server does with a connection.
pub(super) type Act = fn(&mut TcpStream) -> io::Result<()>;

/// How long one that drips waits between two bytes.
const DRIP: Duration = Duration::from_millis(5);

pub(super) const ANIMALS: &[(&str, Act)] = &[
    ("never answers", wait),
    ("closes at once", |_| Ok(())),
    ("resets at once", |stream| stream.read_exact(&mut [0])),
    ("resets in the head", |stream| read_until(stream, b"Upgrade").map(drop)),
    ("resets at the end of the head", |stream| read_until(stream, b"\r\n\r").map(drop)),
    ("stops in the middle of the status line", |stream| says(stream, b"HTTP/1.1 101 Swi").and_then(|()| wait(stream))),
    ("stops in the middle of the headers", |stream| says(stream, b"HTTP/1.1 101 Switching\r\nUpgrade: web").and_then(|()| wait(stream))),
    ("ends in the middle of the headers", |stream| says(stream, b"HTTP/1.1 101 Switching\r\nUpgrade: web")),
    ("half-closes before it answers", |stream| {
        read_head(stream)?;
        stream.shutdown(Shutdown::Write)?;
        wait(stream)
    }),
    ("speaks SSH", |stream| says(stream, b"SSH-2.0-OpenSSH_9.6\r\n").and_then(|()| wait(stream))),
    ("speaks TLS", |stream| says(stream, b"\x15\x03\x01\x00\x02\x02\x46")),
    ("speaks HTTP/2", |stream| says(stream, b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64").and_then(|()| wait(stream))),
    ("speaks HTTP/0.9", |stream| says(stream, b"<html>hello</html>")),
    ("sends noise instead of HTTP", |stream| read_head(stream).and_then(|_| noise(stream))),
    ("sends zeros without end", |stream| flood(stream, &[0; 65_536])),
    ("sends a header without end", |stream| says(stream, b"HTTP/1.1 101 x\r\nX: ").and_then(|()| flood(stream, &[b'x'; 65_536]))),
    ("sends headers without end", |stream| says(stream, b"HTTP/1.1 101 x\r\n").and_then(|()| flood(stream, &b"X: y\r\n".repeat(10_000)))),
    ("sends a body without end", |stream| says(stream, b"HTTP/1.1 200 OK\r\n\r\n").and_then(|()| flood(stream, &[b'x'; 65_536]))),
    ("sends chunks without end", |stream| {
        says(stream, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").and_then(|()| flood(stream, &b"1\r\nx\r\n".repeat(10_000)))
    }),
    ("sends broken chunks", |stream| says(stream, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n")),
    ("promises a body and stops", |stream| {
        says(stream, b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 99\r\n\r\nno").and_then(|()| wait(stream))
    }),
    ("redirects", |stream| says(stream, b"HTTP/1.1 301 Moved\r\nLocation: wss://example.org/ws\r\nContent-Length: 0\r\n\r\n")),
    ("redirects to itself", |stream| says(stream, b"HTTP/1.1 307 Again\r\nLocation: /ws\r\n\r\n")),
    ("says 100 without end", |stream| flood(stream, &b"HTTP/1.1 100 Continue\r\n\r\n".repeat(1000))),
    ("accepts with a wrong key", |stream| {
        let head = b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: nonsense\r\n\r\n";
        says(stream, head).and_then(|()| wait(stream))
    }),
    ("answers byte by byte", |stream| {
        let answer = switching(&read_head(stream)?);
        drip(stream, answer.as_bytes()).and_then(|()| wait(stream))
    }),
    ("accepts and is silent", |stream| accept(stream).and_then(|()| wait(stream))),
    ("accepts and reads nothing", |stream| accept(stream).and_then(|()| stall(stream))),
    ("accepts and closes", |stream| accept(stream)),
    ("accepts and half-closes", |stream| {
        accept(stream)?;
        stream.shutdown(Shutdown::Write)?;
        wait(stream)
    }),
    ("accepts and resets", |stream| accept(stream).and_then(|()| stream.read_exact(&mut [0]))),
    ("resets in the middle of a frame", |stream| {
        accept(stream)?;
        stream.write_all(&[0x81, 100, b'{'])?;
        stream.read_exact(&mut [0])
    }),
    ("ends in the middle of a frame", |stream| accept(stream).and_then(|()| stream.write_all(&[0x81, 100, b'{']))),
    ("sends noise instead of frames", |stream| accept(stream).and_then(|()| noise(stream))),
    ("sends small messages without end", |stream| accept(stream).and_then(|()| flood(stream, &b"\x81\x02{}".repeat(10_000)))),
    ("sends pings without end", |stream| accept(stream).and_then(|()| flood(stream, &b"\x89\x00".repeat(10_000)))),
    ("sends large messages without end", |stream| {
        accept(stream)?;
        let message = [&[0x81, 127, 0, 0, 0, 0, 0, 0x10, 0, 0][..], &vec![b' '; 0x10_0000]].concat();
        flood(stream, &message)
    }),
    ("sends fragments without end", |stream| {
        accept(stream)?;
        stream.write_all(b"\x01\x01{")?;
        flood(stream, &b"\x00\x01 ".repeat(10_000))
    }),
    ("sends a frame without end", |stream| {
        accept(stream)?;
        stream.write_all(&[0x82, 127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])?;
        flood(stream, &[b'x'; 65_536])
    }),
    ("promises a huge frame and stops", |stream| {
        accept(stream)?;
        stream.write_all(&[0x81, 127, 0, 0, 0, 0x40, 0, 0, 0, 0])?;
        wait(stream)
    }),
    ("sends a length that cannot be", |stream| {
        accept(stream)?;
        stream.write_all(&[0x81, 127, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])?;
        flood(stream, &[b'x'; 65_536])
    }),
    ("sends frames byte by byte", |stream| {
        accept(stream)?;
        (0..).try_for_each(|_| drip(stream, b"\x81\x02{}"))
    }),
    ("sends text that is no UTF-8", |stream| accept(stream).and_then(|()| flood(stream, &b"\x81\x02\xFF\xFE".repeat(100)))),
    ("sends JSON without bottom", |stream| {
        accept(stream)?;
        let deep = "[".repeat(60_000);
        let frame = [&[0x81, 126, 0xEA, 0x60][..], deep.as_bytes()].concat();
        frame.chunks(1000).try_for_each(|part| stream.write_all(part))?;
        wait(stream)
    }),
    ("masks what it sends", |stream| accept(stream).and_then(|()| flood(stream, &b"\x81\x82\x01\x02\x03\x04zz".repeat(100)))),
    ("says goodbye and goes on", |stream| accept(stream).and_then(|()| flood(stream, &b"\x88\x02\x03\xe8".repeat(10_000)))),
    ("says goodbye with a code that cannot be", |stream| {
        accept(stream)?;
        stream.write_all(b"\x88\x02\x00\x01")?;
        wait(stream)
    }),
    ("answers once and then is silent", |stream| {
        accept(stream)?;
        stream.write_all(b"\x81\x0e{\"type\":\"res\"}")?;
        wait(stream)
    }),
    ("echoes bytes", |stream| {
        accept(stream)?;
        let mut bytes = [0; 4096];
        loop {
            match stream.read(&mut bytes)? {
                0 => return Ok(()),
                count => stream.write_all(&bytes[..count])?,
            }
        }
    }),
];

fn read_until(stream: &mut TcpStream, end: &[u8]) -> io::Result<String> {
    let mut read = Vec::new();
    let mut byte = [0];
    while !read.ends_with(end) {
        stream.read_exact(&mut byte)?;
        read.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&read).into_owned())
}

fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    read_until(stream, b"\r\n\r\n")
}

pub(super) fn says(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    read_head(stream)?;
    stream.write_all(bytes)
}

fn switching(head: &str) -> String {
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap_or_default();
    let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
    format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n")
}

fn accept(stream: &mut TcpStream) -> io::Result<()> {
    let head = read_head(stream)?;
    stream.write_all(switching(&head).as_bytes())
}

/// Reads whatever comes, until nothing comes any more.
pub(super) fn wait(stream: &mut TcpStream) -> io::Result<()> {
    io::copy(stream, &mut io::sink()).map(drop)
}

/// Reads nothing, for as long as the other side may believe that somebody reads.
fn stall(stream: &mut TcpStream) -> io::Result<()> {
    // The system takes some of it in our place. When that is full and the other side leaves, a write finds out.
    loop {
        stream.write_all(b"\x8a\x00")?;
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

fn flood(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    loop {
        stream.write_all(bytes)?;
    }
}

/// Sends the bytes one at a time.
fn drip(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(DRIP))?;
    for byte in bytes {
        stream.write_all(&[*byte])?;
        // What comes is thrown away; that nothing comes for a while is the pace.
        match stream.read(&mut [0; 4096]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) if !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => return Err(error),
            _ => {}
        }
    }
    stream.set_read_timeout(None)
}

/// Bytes that mean nothing, without end, the same each time.
fn noise(stream: &mut TcpStream) -> io::Result<()> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    loop {
        let words = (0..4096).flat_map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        });
        stream.write_all(&words.collect::<Vec<_>>())?;
    }
}
