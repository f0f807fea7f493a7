//! Peers that say what is right in an unusual spelling: the same JSON, the same WebSocket messages, other bytes. No case may fail them.

use std::time::Duration;

use framegate::peer::{self, Action, Input, Peer};
use framegate::suite::{Bound, trial};
use framegate::transcript::{Frame, Opcode, Role};
use framegate::verdict::Verdict;
use serde_json::Value;

use crate::bench::{Bench, Tried, in_parallel};

/// Longer messages stay as they are: another spelling may be too long for a limit.
const LONGEST: usize = 4096;

/// How a message is written.
#[derive(Clone, Copy, Debug)]
enum Spelling {
    /// On many lines, with tabs and blanks around it.
    Spread,
    /// Every letter of every string, names too, as `\u`.
    Escaped,
    /// The members of objects the other way round.
    Reversed,
    /// In fragments of three bytes, the first and the last of them empty, with a pong that nobody asked for in between.
    Fragmented,
    /// The names of header fields in capitals, and other words for the status.
    Loud,
}

struct Speller<P> {
    inner: P,
    side: Role,
    spelling: Spelling,
    /// Messages and heads that went out in other bytes.
    spelled: usize,
}

impl<P: Peer> Peer for Speller<P> {
    fn step(&mut self, now: Duration, input: Input<'_>) -> Vec<Action> {
        let actions = self.inner.step(now, input);
        let spelled: Vec<_> = actions.iter().cloned().map(|action| self.spell(action)).collect();
        self.spelled += spelled.iter().zip(&actions).filter(|(spelled, action)| spelled != &std::slice::from_ref(*action)).count();
        spelled.into_iter().flatten().collect()
    }
}

impl<P> Speller<P> {
    fn spell(&self, action: Action) -> Vec<Action> {
        match action {
            Action::Send { connection, frame } => self.frames(frame).into_iter().map(|frame| Action::Send { connection, frame }).collect(),
            Action::Respond { connection, mut response } if matches!(self.spelling, Spelling::Loud) => {
                shout(&mut response.headers);
                "Very Well".clone_into(&mut response.reason);
                vec![Action::Respond { connection, response }]
            }
            Action::Open { connection, session, mut request } if matches!(self.spelling, Spelling::Loud) => {
                shout(&mut request.headers);
                vec![Action::Open { connection, session, request }]
            }
            action => vec![action],
        }
    }

    fn frames(&self, frame: Frame) -> Vec<Frame> {
        let is_plain = frame.opcode == Opcode::TEXT && frame.fin && frame.rsv == 0 && frame.payload.0.len() <= LONGEST;
        let message = if is_plain { serde_json::from_slice::<Value>(&frame.payload.0).ok() } else { None };
        let Some(message) = message else { return vec![frame] };
        let key = frame.mask.unwrap_or_default();
        let masked = |frame: Frame| frame.masked_for(self.side, key);
        let text = match self.spelling {
            Spelling::Spread => format!("\t\r\n {message:#}\n ").replace('\n', "\r\n"),
            Spelling::Escaped => escaped(&message),
            Spelling::Reversed => reversed(&message).to_string(),
            Spelling::Fragmented => return fragments(&frame.payload.0).into_iter().map(masked).collect(),
            Spelling::Loud => return vec![frame],
        };
        vec![masked(Frame::text(text))]
    }
}

fn shout(headers: &mut [(String, String)]) {
    for (name, _) in headers {
        name.make_ascii_uppercase();
    }
}

fn escaped(value: &Value) -> String {
    let string = |text: &str| {
        let units: Vec<_> = text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
        format!("\"{}\"", units.concat())
    };
    match value {
        Value::String(text) => string(text),
        Value::Array(items) => format!("[{}]", items.iter().map(escaped).collect::<Vec<_>>().join(",")),
        Value::Object(members) => {
            let members: Vec<_> = members.iter().map(|(name, value)| format!("{}:{}", string(name), escaped(value))).collect();
            format!("{{{}}}", members.join(","))
        }
        other => other.to_string(),
    }
}

fn reversed(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(reversed).collect(),
        Value::Object(members) => Value::Object(members.iter().rev().map(|(name, value)| (name.clone(), reversed(value))).collect()),
        other => other.clone(),
    }
}

fn fragments(payload: &[u8]) -> Vec<Frame> {
    let mut frames = vec![Frame { fin: false, ..Frame::new(Opcode::TEXT, Vec::new()) }];
    for part in payload.chunks(3) {
        frames.push(Frame { fin: false, ..Frame::new(Opcode::CONTINUATION, part) });
    }
    frames.insert(2.min(frames.len()), Frame::new(Opcode::PONG, "nobody asked"));
    frames.push(Frame::new(Opcode::CONTINUATION, Vec::new()));
    frames
}

/// What is wrong, and how much was spelled differently.
fn problem(bound: &Bound, tried: &Tried, spelling: Spelling) -> (Option<String>, usize) {
    let side = tried.case.side;
    let inner = peer::faulty(bound.pack.clone(), bound.settings.clone(), side, &[]).0;
    let mut speller = Speller { inner, side, spelling, spelled: 0 };
    let result = trial(bound, &tried.case, &mut speller);
    let finding = result.findings.first();
    let is_wrong = result.verdict() != Verdict::Pass;
    (is_wrong.then(|| format!("{} {spelling:?}: {:?} {finding:#?}", tried.case.id, result.verdict())), speller.spelled)
}

#[test]
fn no_case_minds_how_a_right_message_is_spelled() {
    let spellings = [Spelling::Spread, Spelling::Escaped, Spelling::Reversed, Spelling::Fragmented, Spelling::Loud];
    for bench in Bench::all() {
        for side in [Role::Server, Role::Client] {
            let cases: Vec<_> = bench.of(side).filter(|tried| !tried.is_long()).collect();
            assert!(cases.len() > 80, "{} {side}: {}", bench.bound.pack.id(), cases.len());
            for spelling in spellings {
                let (problems, spelled): (Vec<_>, Vec<_>) =
                    in_parallel(&cases, |tried| problem(&bench.bound, tried, spelling)).into_iter().unzip();
                let problems: Vec<_> = problems.into_iter().flatten().collect();
                assert!(problems.is_empty(), "{}\n{} problems", problems[..problems.len().min(8)].join("\n"), problems.len());
                assert!(spelled.iter().sum::<usize>() > 20, "{side} {spelling:?}: {spelled:?}");
            }
        }
    }
}
