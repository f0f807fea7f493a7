//! Violations of the class `transport`: frames of RFC 6455 that are wrong or unusual, and streams that end where they should not.

use super::saying::{frame, stream};
use super::{Ground, saying};
use crate::fuzz::violation::{Class, Violation};
use crate::pack::scenario::{CloseStep, Control, On, Raw, RawFrame, Step};

pub(super) fn violations(ground: &Ground<'_>) -> Vec<Violation> {
    [messages(ground), headers(), controls(), closes(), ends(ground)].concat()
}

fn violation(operator: impl Into<String>, steps: Vec<Step>) -> Violation {
    Violation::new(Class::Transport, operator, "", "", steps)
}

/// The carrier as another kind of message, or cut into fragments.
fn messages(ground: &Ground<'_>) -> Vec<Violation> {
    let raw = || Raw { json: Some(ground.carrier.template.clone()), ..Raw::default() };
    let text = ground.text();
    let (head, tail) = text.split_at((0..=text.len() / 2).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0));
    let part = |opcode, payload: &str, fin| Step::Frame(RawFrame { fin, ..frame(opcode, payload) });
    let ping = || Step::Ping(Control { text: Some("between".to_owned()), ..Control::default() });
    vec![
        violation("binary", vec![Step::Message(Raw { binary: true, ..raw() })]),
        violation("binary-bytes", vec![Step::Message(Raw { binary: true, hex: Some("00ff00ff".to_owned()), ..Raw::default() })]),
        violation("binary-empty", vec![Step::Message(Raw { binary: true, text: Some(String::new()), ..Raw::default() })]),
        violation("fragments-of-one", vec![Step::Message(Raw { fragments: vec![1; text.len().min(64)], ..raw() })]),
        violation("empty-fragments", vec![Step::Message(Raw { fragments: vec![0, 0, 0, 1, 0], ..raw() })]),
        violation("ping-between-fragments", vec![part(1, head, false), ping(), part(0, tail, true)]),
        violation(
            "character-in-two-fragments",
            vec![
                Step::Frame(RawFrame { fin: false, text: None, hex: Some("22e2".to_owned()), ..frame(1, "") }),
                Step::Frame(RawFrame { text: None, hex: Some("82ac22".to_owned()), ..frame(0, "") }),
            ],
        ),
        violation("text-inside-fragments", vec![part(1, head, false), part(1, "{}", true)]),
        violation("continuation-alone", vec![part(0, &text, true)]),
        violation("fragments-without-end", vec![part(1, head, false), Step::End(On::default())]).over(),
        violation("endless-fragments", vec![part(1, "{", false), saying::again(200, vec![part(0, " ", false)]), part(0, "}", true)]),
    ]
}

/// Headers that RFC 6455 forbids.
fn headers() -> Vec<Violation> {
    let with = |change: fn(RawFrame) -> RawFrame| vec![Step::Frame(change(frame(1, "{}")))];
    let mut found: Vec<_> = [3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF]
        .into_iter()
        .map(|opcode| violation(format!("opcode-{opcode:x}"), vec![Step::Frame(frame(opcode, "{}"))]))
        .collect();
    found.extend((1..=7).map(|rsv| violation(format!("reserved-bits-{rsv}"), vec![Step::Frame(RawFrame { rsv, ..frame(1, "{}") })])));
    found.extend([
        violation("wrong-mask", with(|frame| RawFrame { wrong_mask: true, ..frame })),
        violation("length-in-two-bytes", with(|frame| RawFrame { width: Some(2), ..frame })),
        violation("length-in-eight-bytes", with(|frame| RawFrame { width: Some(8), ..frame })),
        violation("length-too-large", with(|frame| RawFrame { length: Some(1 << 40), width: Some(8), ..frame })).over(),
        violation("length-63-bits", with(|frame| RawFrame { length: Some((1 << 63) - 1), width: Some(8), ..frame })).over(),
        violation("length-64-bits", with(|frame| RawFrame { length: Some(u64::MAX), width: Some(8), ..frame })).over(),
        violation("invalid-utf8", vec![saying::octets(&[0x22, 0xff, 0xfe, 0x22])]),
    ]);
    found
}

fn controls() -> Vec<Violation> {
    let control = |opcode, size: usize, fin| Step::Frame(RawFrame { fin, ..frame(opcode, &"x".repeat(size)) });
    let pong = |text: &str| Step::Pong(Control { text: Some(text.to_owned()), ..Control::default() });
    vec![
        violation("ping-empty", vec![control(9, 0, true)]),
        violation("ping-125", vec![control(9, 125, true)]),
        violation("ping-126", vec![control(9, 126, true)]),
        violation("ping-64-kibibytes", vec![control(9, 65_536, true)]),
        violation("ping-in-fragments", vec![control(9, 4, false)]),
        violation("pong-unasked", vec![pong("nobody asked")]),
        violation("pong-126", vec![control(0xA, 126, true)]),
        violation("close-126", vec![control(8, 126, true)]).over(),
        violation("close-in-fragments", vec![control(8, 2, false)]).over(),
    ]
}

fn closes() -> Vec<Violation> {
    let close = |hex: &str| vec![Step::Close(CloseStep { hex: Some(hex.to_owned()), ..CloseStep::default() })];
    let codes = [0, 999, 1000, 1001, 1004, 1005, 1006, 1012, 1015, 1016, 2999, 3000, 4999, 5000, 65_535_u16];
    let mut found: Vec<_> =
        codes.into_iter().map(|code| violation(format!("close-code-{code}"), close(&format!("{code:04x}"))).over()).collect();
    found.extend([
        violation("close-empty", close("")).over(),
        violation("close-one-byte", close("03")).over(),
        violation("close-reason-not-utf8", close("03e8fffe")).over(),
        violation("close-reason-long", close(&format!("03e8{}", "78".repeat(123)))).over(),
        violation("close-twice", [close("03e8"), close("03e8")].concat()).over(),
        violation("ping-after-close", [close("03e8"), vec![Step::Frame(frame(9, "late"))]].concat()).over(),
    ]);
    found
}

/// Streams that end, or go on, in the wrong way.
fn ends(ground: &Ground<'_>) -> Vec<Violation> {
    let (end, reset, finish) = (|| Step::End(On::default()), || Step::Reset(On::default()), || Step::Finish(On::default()));
    let lying = || Step::Frame(RawFrame { length: Some(4096), width: Some(2), ..frame(1, "{") });
    let good = || saying::json(ground.carrier.template.clone());
    vec![
        violation("end", vec![end()]).over(),
        violation("reset", vec![reset()]).over(),
        violation("half-open", vec![finish()]).over(),
        violation("half-open-after-message", vec![good(), finish()]).over(),
        violation("end-in-header", vec![stream(&[0x81]), end()]).over(),
        violation("end-in-payload", vec![lying(), end()]).over(),
        violation("reset-in-payload", vec![lying(), reset()]).over(),
        violation("half-open-in-payload", vec![lying(), finish()]).over(),
        violation("http-request", vec![stream(b"GET / HTTP/1.1\r\nHost: framegate\r\n\r\n")]).over(),
        violation("http-response", vec![stream(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]).over(),
        violation("zeros", vec![stream(&[0; 64])]).over(),
        violation("ones", vec![stream(&[0xff; 64])]).over(),
        violation("tls-hello", vec![stream(&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3])]).over(),
    ]
}
