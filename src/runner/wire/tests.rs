//! The codec against itself and against tungstenite's.

use std::io::Cursor;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{self, FrameHeader, FrameSocket};

use super::*;
use crate::transcript::Role;

const KEEP_ALL: usize = 1 << 20;

fn bytes_of(frames: &[Frame]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for frame in frames {
        encode(frame, &mut bytes);
    }
    bytes
}

fn decode<'a>(limit: usize, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<What> {
    let mut decoder = Decoder::new(limit);
    let mut seen = Vec::new();
    for mut piece in pieces {
        while let Some(what) = decoder.next(&mut piece) {
            seen.push(what);
        }
        assert!(piece.is_empty(), "what gives nothing more has consumed all");
    }
    seen.extend(decoder.finish());
    seen
}

fn frames(limit: usize, bytes: &[u8]) -> Vec<Frame> {
    let frame = |what| match what {
        What::Frame(frame) => frame,
        other => panic!("{other:?} is no frame"),
    };
    decode(limit, [bytes]).into_iter().map(frame).collect()
}

/// Any frame whose header tells the truth about its payload, in any width that can hold the length.
fn honest_frame() -> impl Strategy<Value = Frame> {
    let size = prop_oneof![8 => 0..300_usize, 1 => 65_530..65_545_usize, 1 => prop_oneof![Just(125_usize), Just(126), Just(127)]];
    let payload = size.prop_flat_map(|size| vec(any::<u8>(), size));
    (any::<bool>(), 0..8_u8, 0..16_u8, option::of(any::<[u8; 4]>()), payload, 0..3_usize).prop_map(
        |(fin, rsv, opcode, mask, payload, wider)| {
            let frame = Frame { fin, rsv, mask, ..Frame::new(Opcode(opcode), payload) };
            let widths = [Width::Short, Width::Medium, Width::Long];
            let width = widths[wider..].iter().copied().find(|width| *width >= frame.width).unwrap_or(Width::Long);
            Frame { width, ..frame }
        },
    )
}

/// Any frame at all, lies included.
fn any_frame() -> impl Strategy<Value = Frame> {
    let length = prop_oneof![Just(None), (0..200_u64).prop_map(Some), any::<u64>().prop_map(Some)];
    let width = prop_oneof![Just(Width::Short), Just(Width::Medium), Just(Width::Long)];
    (honest_frame(), length, width).prop_map(|(frame, length, width)| match length {
        Some(length) => Frame { length, width, ..frame },
        None => frame,
    })
}

/// A correct frame of a message that tungstenite reads as it stands.
fn correct_frame(from: Role) -> impl Strategy<Value = Frame> {
    (honest_frame(), any::<[u8; 4]>()).prop_map(move |(frame, key)| {
        let opcodes = [Opcode::CONTINUATION, Opcode::TEXT, Opcode::BINARY, Opcode::PING, Opcode::PONG, Opcode::CLOSE];
        let opcode = opcodes[usize::from(frame.opcode.0) % opcodes.len()];
        let mut payload = frame.payload.0;
        if opcode.is_control() {
            payload.truncate(125);
        }
        Frame { fin: frame.fin || opcode.is_control(), ..Frame::new(opcode, payload).masked_for(from, key) }
    })
}

fn split(bytes: &[u8], mut cuts: Vec<usize>) -> Vec<&[u8]> {
    for cut in &mut cuts {
        *cut %= bytes.len() + 1;
    }
    cuts.sort_unstable();
    let begins = std::iter::once(0).chain(cuts.iter().copied());
    let ends = cuts.iter().copied().chain([bytes.len()]);
    begins.zip(ends).map(|(begin, end)| &bytes[begin..end]).collect()
}

fn foreign_opcode(opcode: Opcode) -> OpCode {
    OpCode::from(opcode.0)
}

fn our_opcode(opcode: OpCode) -> Opcode {
    Opcode(match opcode {
        OpCode::Data(Data::Continue) => 0,
        OpCode::Data(Data::Text) => 1,
        OpCode::Data(Data::Binary) => 2,
        OpCode::Data(Data::Reserved(code)) | OpCode::Control(Control::Reserved(code)) => code,
        OpCode::Control(Control::Close) => 8,
        OpCode::Control(Control::Ping) => 9,
        OpCode::Control(Control::Pong) => 10,
    })
}

/// What tungstenite makes of these bytes, unmasked.
fn read_by_tungstenite(bytes: Vec<u8>) -> Vec<(bool, Opcode, Vec<u8>)> {
    let mut socket = FrameSocket::new(Cursor::new(bytes));
    let mut seen = Vec::new();
    while let Some(frame) = socket.read(None).expect("tungstenite reads our frames") {
        let header = frame.header().clone();
        let mut payload = frame.into_payload().to_vec();
        if let Some(key) = header.mask {
            apply_mask(&mut payload, key);
        }
        seen.push((header.is_final, our_opcode(header.opcode), payload));
    }
    seen
}

fn written_by_tungstenite(frames: &[Frame]) -> Vec<u8> {
    let mut socket = FrameSocket::new(Cursor::new(Vec::new()));
    for frame in frames {
        let header = FrameHeader {
            is_final: frame.fin,
            rsv1: frame.rsv & 4 != 0,
            rsv2: frame.rsv & 2 != 0,
            rsv3: frame.rsv & 1 != 0,
            opcode: foreign_opcode(frame.opcode),
            mask: frame.mask,
        };
        let foreign = frame::Frame::from_payload(header, frame.payload.0.clone().into());
        socket.send(foreign).unwrap();
    }
    socket.into_inner().0.into_inner()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back(sent in vec(honest_frame(), 0..6)) {
        prop_assert_eq!(frames(KEEP_ALL, &bytes_of(&sent)), sent);
    }

    #[test]
    fn any_cut_of_a_stream_gives_the_same_frames(sent in vec(any_frame(), 0..6), cuts in vec(any::<usize>(), 0..12)) {
        let bytes = bytes_of(&sent);
        prop_assert_eq!(decode(100, split(&bytes, cuts)), decode(100, [&bytes[..]]));
    }

    #[test]
    fn arbitrary_bytes_are_read_without_a_panic_and_in_bounded_memory(bytes in vec(any::<u8>(), 0..400), cuts in vec(any::<usize>(), 0..6)) {
        let whole = decode(20, [&bytes[..]]);
        for what in &whole {
            if let What::Frame(frame) = what {
                prop_assert!(frame.payload.len() <= 20);
                prop_assert!(frame.arrived <= frame.length);
            }
        }
        prop_assert_eq!(decode(20, split(&bytes, cuts)), whole);
    }

    #[test]
    fn tungstenite_reads_what_we_write(sent in vec(correct_frame(Role::Client), 0..6)) {
        let expected: Vec<_> = sent.iter().map(|frame| (frame.fin, frame.opcode, frame.payload.0.clone())).collect();
        prop_assert_eq!(read_by_tungstenite(bytes_of(&sent)), expected);
    }

    #[test]
    fn we_read_what_tungstenite_writes(sent in vec(correct_frame(Role::Client), 0..6), more in vec(correct_frame(Role::Server), 0..6)) {
        let sent = [sent, more].concat();
        prop_assert_eq!(frames(KEEP_ALL, &written_by_tungstenite(&sent)), sent);
    }
}

#[test]
fn a_length_with_its_top_bit_set_is_garbage_and_ends_the_reading() {
    let liar = Frame { length: 1 << 63, width: Width::Long, ..Frame::text("x") };
    let seen = decode(KEEP_ALL, [&bytes_of(&[Frame::text("a"), liar, Frame::text("b")])[..]]);
    assert!(matches!(&seen[..], [What::Frame(_), What::Garbage { bytes, .. }] if bytes.len() == 10), "{seen:?}");
}

#[test]
fn a_frame_cut_off_by_the_end_is_given_as_far_as_it_arrived() {
    let bytes = bytes_of(&[Frame::text("hello").masked([1, 2, 3, 4])]);
    let seen = frames(KEEP_ALL, &bytes[..bytes.len() - 2]);
    assert_eq!((&seen[0].payload[..], seen[0].arrived, seen[0].length), (&b"hel"[..], 3, 5));
    assert!(matches!(&decode(KEEP_ALL, [&bytes[..4]])[..], [What::Garbage { .. }]));
}

#[test]
fn only_the_beginning_of_a_large_frame_is_kept_and_the_rest_is_counted() {
    let seen = frames(4, &bytes_of(&[Frame::text("hello world").masked([9, 8, 7, 6]), Frame::text("next")]));
    assert_eq!((seen[0].payload.text(), seen[0].arrived), (Some("hell"), 11));
    assert_eq!(seen[1], Frame::text("next"));
}

#[test]
fn a_declared_length_reserves_no_memory() {
    let liar = Frame { length: (1 << 63) - 1, width: Width::Long, ..Frame::text("x") };
    let seen = frames(usize::MAX, &bytes_of(&[liar]));
    assert!(seen[0].payload.0.capacity() < 1024);
}
