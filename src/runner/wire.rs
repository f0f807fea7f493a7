//! WebSocket frames as bytes (RFC 6455 § 5.2): a writer that writes what it is told, lies included, and an incremental reader that
//! hides nothing.
//!
//! No policy: nothing is answered, refused or repaired here. What is wrong with a frame is for others to say.

use crate::transcript::{Bytes, Frame, Opcode, What, Width};

/// Appends a frame as it is: the declared length, its width, the reserved bits and the mask are taken at their word.
///
/// The payload is written masked with the frame's key, and all of it, whatever the header declares. A length that does not fit its
/// width loses its upper bits.
pub fn encode(frame: &Frame, bytes: &mut Vec<u8>) {
    let masked = if frame.mask.is_some() { 0x80 } else { 0 };
    bytes.push(u8::from(frame.fin) << 7 | (frame.rsv & 0x7) << 4 | frame.opcode.0 & 0xF);
    let length = frame.length.to_be_bytes();
    match frame.width {
        Width::Short => bytes.push(masked | length[7] & 0x7F),
        Width::Medium => {
            bytes.push(masked | 0x7E);
            bytes.extend_from_slice(&length[6..]);
        }
        Width::Long => {
            bytes.push(masked | 0x7F);
            bytes.extend_from_slice(&length);
        }
    }
    bytes.extend_from_slice(frame.mask.as_ref().map_or(&[], |key| &key[..]));
    let begin = bytes.len();
    bytes.extend_from_slice(&frame.payload);
    if let Some(key) = frame.mask {
        apply_mask(&mut bytes[begin..], key);
    }
}

/// The longest header: two bytes, eight of length, four of mask.
const LONGEST_HEADER: usize = 14;

/// Reads frames from a byte stream that arrives in pieces of any size.
///
/// ```
/// use framegate::runner::wire::{Decoder, encode};
/// use framegate::transcript::{Frame, What};
///
/// let mut bytes = Vec::new();
/// encode(&Frame::text("hello"), &mut bytes);
/// let mut decoder = Decoder::new(1024);
/// let mut first_half = &bytes[..3];
/// assert_eq!(decoder.next(&mut first_half), None);
/// let mut rest = &bytes[3..];
/// assert_eq!(decoder.next(&mut rest), Some(What::Frame(Frame::text("hello"))));
/// ```
#[derive(Clone, Debug)]
pub struct Decoder {
    limit: usize,
    header: [u8; LONGEST_HEADER],
    filled: usize,
    frame: Option<Frame>,
    unreadable: bool,
    dropped: u64,
}

impl Decoder {
    /// A decoder that keeps at most `limit` bytes of a frame's payload; the rest is only counted in `arrived`.
    pub fn new(limit: usize) -> Self {
        Self { limit, header: [0; LONGEST_HEADER], filled: 0, frame: None, unreadable: false, dropped: 0 }
    }

    /// From here on, at most this much of a frame's payload is kept.
    pub fn keep_at_most(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Bytes of a payload that are kept though their frame is not complete.
    pub fn held(&self) -> usize {
        self.frame.as_ref().map_or(0, |frame| frame.payload.len())
    }

    /// Consumes bytes until a frame is complete, or to their end if none is.
    ///
    /// A 64-bit length with its top bit set gives garbage; after that nothing on this stream can be read and all bytes are dropped.
    pub fn next(&mut self, input: &mut &[u8]) -> Option<What> {
        loop {
            if self.unreadable {
                self.dropped += input.len() as u64;
                *input = &[];
                return None;
            }
            if self.frame.is_some() {
                return self.take_payload(input).map(What::Frame);
            }
            if !self.take_header(input) {
                return None;
            }
            let frame = read_header(&self.header[..self.filled]);
            if frame.length >> 63 == 1 {
                return Some(self.give_up("a frame length with its top bit set"));
            }
            self.filled = 0;
            self.frame = Some(frame);
        }
    }

    /// The stream ended: what was left unfinished. A frame whose header is complete is given as far as it arrived.
    pub fn finish(&mut self) -> Option<What> {
        if self.unreadable {
            return None;
        }
        if let Some(frame) = self.frame.take() {
            return Some(What::Frame(frame));
        }
        (self.filled > 0).then(|| self.give_up("the stream ended inside a frame header"))
    }

    /// Bytes that arrived and are in no event, because nothing could read or keep them.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// True if the header is complete now; false if it wants more bytes than there are.
    fn take_header(&mut self, input: &mut &[u8]) -> bool {
        loop {
            let needed = header_length(&self.header[..self.filled]);
            if self.filled == needed {
                return true;
            }
            let Some((byte, rest)) = input.split_first() else { return false };
            self.header[self.filled] = *byte;
            self.filled += 1;
            *input = rest;
        }
    }

    fn take_payload(&mut self, input: &mut &[u8]) -> Option<Frame> {
        let frame = self.frame.as_mut()?;
        let missing = usize::try_from(frame.length - frame.arrived).unwrap_or(usize::MAX);
        let (arriving, rest) = input.split_at(missing.min(input.len()));
        *input = rest;
        let is_gapless = frame.arrived == frame.payload.len() as u64;
        let kept = if is_gapless { arriving.len().min(self.limit.saturating_sub(frame.payload.len())) } else { 0 };
        let begin = frame.payload.len();
        frame.payload.0.extend_from_slice(&arriving[..kept]);
        if let Some(mut key) = frame.mask {
            key.rotate_left(begin % 4);
            apply_mask(&mut frame.payload.0[begin..], key);
        }
        frame.arrived += arriving.len() as u64;
        self.dropped += (arriving.len() - kept) as u64;
        if frame.is_whole() { self.frame.take() } else { None }
    }

    fn give_up(&mut self, problem: &str) -> What {
        self.unreadable = true;
        What::Garbage { bytes: self.header[..self.filled].to_vec().into(), problem: problem.to_owned() }
    }
}

/// The length of the header that begins with these bytes, as far as they tell.
pub(super) fn header_length(begin: &[u8]) -> usize {
    let Some(second) = begin.get(1) else { return 2 };
    let extended = match second & 0x7F {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    2 + extended + if second & 0x80 == 0 { 0 } else { 4 }
}

/// The length that a complete header declares.
pub(super) fn payload_length(header: &[u8]) -> u64 {
    let extended = match header[1] & 0x7F {
        126 => &header[2..4],
        127 => &header[2..10],
        short => return u64::from(short),
    };
    extended.iter().fold(0, |length, byte| length << 8 | u64::from(*byte))
}

/// A frame without its payload, from a complete header.
fn read_header(header: &[u8]) -> Frame {
    let width = match header[1] & 0x7F {
        126 => Width::Medium,
        127 => Width::Long,
        _ => Width::Short,
    };
    let mask = (header[1] & 0x80 != 0).then(|| header.last_chunk().copied()).flatten();
    Frame {
        fin: header[0] & 0x80 != 0,
        rsv: header[0] >> 4 & 0x7,
        opcode: Opcode(header[0] & 0xF),
        mask,
        length: payload_length(header),
        width,
        payload: Bytes::default(),
        arrived: 0,
    }
}

/// Masks or unmasks (RFC 6455 § 5.3).
fn apply_mask(bytes: &mut [u8], key: [u8; 4]) {
    let (words, rest) = bytes.as_chunks_mut::<4>();
    for word in words {
        *word = (u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(key)).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests;
