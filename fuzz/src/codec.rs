//! The target that reads frames: our codec against itself and against tungstenite's.

use std::io::Cursor;

use framegate::runner::wire::{Decoder, encode};
use framegate::transcript::{Frame, What};
use tokio_tungstenite::tungstenite::protocol::frame::FrameSocket;

/// The most that is kept of a frame.
const LIMIT: usize = 1 << 20;

/// Frames come out the same however the stream is cut, whole ones are written as they were read, and tungstenite reads the same.
pub fn frame_codec(data: &[u8]) {
    let Some((cut, stream)) = data.split_first() else { return };
    let whole = decode(stream, stream.len());
    assert_eq!(whole, decode(stream, usize::from(*cut) + 1), "the cut decides what is read");
    agree(&whole, stream);
    let mut written = Vec::new();
    for what in &whole {
        match what {
            What::Frame(frame) if frame.is_whole() => encode(frame, &mut written),
            _ => break,
        }
    }
    assert_eq!(written, stream[..written.len()], "a frame is not written as it was read");
}

fn decode(stream: &[u8], size: usize) -> Vec<What> {
    let mut decoder = Decoder::new(LIMIT);
    let mut found = Vec::new();
    for mut piece in stream.chunks(size.max(1)) {
        while let Some(what) = decoder.next(&mut piece) {
            found.push(what);
        }
    }
    found.extend(decoder.finish());
    found
}

/// Each frame that tungstenite reads is ours, bit for bit; it stops only before one that RFC 6455 forbids or that has not arrived.
fn agree(ours: &[What], stream: &[u8]) {
    let mut socket = FrameSocket::new(Cursor::new(stream.to_vec()));
    let mut ours = ours.iter();
    while let Ok(Some(theirs)) = socket.read(Some(LIMIT)) {
        let Some(What::Frame(frame)) = ours.next() else { panic!("tungstenite reads a frame where we read none") };
        let header = theirs.header();
        let bits = u8::from(header.rsv1) << 2 | u8::from(header.rsv2) << 1 | u8::from(header.rsv3);
        assert_eq!((frame.fin, frame.rsv, frame.mask), (header.is_final, bits, header.mask));
        assert_eq!(frame.opcode.0, u8::from(header.opcode));
        let mut payload = theirs.payload().to_vec();
        if let Some(key) = frame.mask {
            payload.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
        }
        assert_eq!(frame.payload.0, payload, "the payloads differ");
    }
    if let Some(What::Frame(frame)) = ours.next() {
        assert!(!is_plain(frame), "tungstenite does not read {frame:?}");
    }
}

/// True for a frame that everybody must read.
fn is_plain(frame: &Frame) -> bool {
    let is_known = !frame.opcode.is_reserved();
    let is_short = !frame.opcode.is_control() || frame.length <= 125;
    frame.is_whole() && is_known && is_short && frame.length <= LIMIT as u64
}
