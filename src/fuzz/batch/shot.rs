//! A try as bytes that are ready to be sent: made once, sent as often as wanted, with ids of its own each time.

use std::hash::{BuildHasher as _, Hash as _, Hasher as _, RandomState};

use crate::fuzz::conversation;
use crate::fuzz::trial::Try;
use crate::fuzz::violation::Aftermath;
use crate::pack::scenario::Step;
use crate::peer::{Genesis, Uttered, utter};
use crate::runner::wire::{Decoder, encode};
use crate::suite::Bound;
use crate::transcript::{Frame, What};

/// Bytes of an id that is new each time: a UUID.
pub(super) const ID: usize = 36;
/// A try of more steps has a connection and a runner of its own.
const MOST: usize = 300;
/// A try of more bytes has a connection and a runner of its own.
const LARGEST: usize = 32 * 1024;

/// How a try is brought to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Route {
    /// On a connection that it shares with others.
    Shared,
    /// On a connection of its own.
    Own,
}

/// A try, ready to be sent.
#[derive(Clone, Debug)]
pub struct Shot {
    /// Number of the try.
    pub number: u64,
    /// Index of the state that it is for.
    pub state: usize,
    /// How it is brought there.
    pub route: Route,
    /// True if nothing can be asked of the connection afterwards.
    pub(super) is_over: bool,
    /// Index of its place among those that its worker knows.
    pub(super) place: usize,
    /// What tells it from others, whatever ids it carries.
    pub(super) key: u64,
    /// How many messages it has.
    pub(super) messages: usize,
    bytes: Vec<u8>,
    holes: Vec<Hole>,
    /// Where the bytes of each step end, and whether they are no frame.
    steps: Vec<(usize, bool)>,
}

/// Where an id stands in the bytes, and the four bytes that mask it.
#[derive(Clone, Copy, Debug)]
struct Hole {
    at: usize,
    mask: [u8; 4],
}

impl Shot {
    /// Makes the bytes of a try. Nothing if it needs what its own conversation brings, ends the stream, or is very large.
    pub(super) fn new(bound: &Bound, one: &Try, is_ready: bool, place: usize, random: &RandomState) -> Option<Self> {
        let steps = steps(one)?;
        if steps.iter().any(|step| conversation::connection(step) != "main") {
            return None;
        }
        let said = |seed| utter(&bound.pack, &bound.settings, one.side.other(), &steps, Genesis { seed, ..Genesis::default() });
        let (first, second) = (said(1)?, said(2)?);
        let is_over = one.violations.iter().any(|violation| violation.aftermath == Aftermath::Over);
        let is_plain = steps.iter().all(|step| matches!(step, Step::Message(_))) && !is_over;
        let mut hasher = random.build_hasher();
        one.state.hash(&mut hasher);
        let mut shot = Self {
            number: one.number,
            state: one.state,
            route: if is_plain && is_ready { Route::Shared } else { Route::Own },
            is_over,
            place,
            key: 0,
            messages: 0,
            bytes: Vec::new(),
            holes: Vec::new(),
            steps: Vec::new(),
        };
        for ((step, one), (_, other)) in first.into_iter().zip(second) {
            shot.push(step, one, &other, &mut hasher)?;
        }
        shot.key = hasher.finish();
        (shot.bytes.len() <= LARGEST).then_some(shot)
    }

    fn push(&mut self, step: usize, one: Uttered, other: &Uttered, hasher: &mut impl std::hash::Hasher) -> Option<()> {
        let is_raw = matches!(one, Uttered::Bytes(_));
        match (one, other) {
            (Uttered::Frame(frame), Uttered::Frame(other)) => {
                let begin = self.bytes.len();
                self.messages += usize::from(frame.fin && !frame.opcode.is_control());
                encode(&frame, &mut self.bytes);
                let payload = self.bytes.len() - frame.payload.len();
                let mask = frame.mask.unwrap_or_default();
                let mut blank = frame.payload.0.clone();
                for at in ids(&frame.payload, &other.payload)? {
                    let mut turned = mask;
                    turned.rotate_left(at % 4);
                    self.holes.push(Hole { at: payload + at, mask: turned });
                    blank[at..at + ID].fill(0);
                }
                (frame.fin, frame.rsv, frame.opcode, frame.mask.is_some(), frame.length, payload - begin, blank).hash(hasher);
            }
            (Uttered::Bytes(bytes), _) => {
                bytes.hash(hasher);
                self.bytes.extend(bytes);
            }
            (Uttered::Frame(_), Uttered::Bytes(_)) => return None,
        }
        while self.steps.len() <= step {
            self.steps.push((self.bytes.len(), is_raw));
        }
        self.steps[step] = (self.bytes.len(), is_raw);
        Some(())
    }

    /// Appends the bytes with new ids, and the ids.
    pub(super) fn load(&self, fresh: &mut Ids, bytes: &mut Vec<u8>, ids: &mut Vec<[u8; ID]>) {
        let begin = bytes.len();
        bytes.extend_from_slice(&self.bytes);
        for hole in &self.holes {
            let id = fresh.next();
            for (index, byte) in id.iter().enumerate() {
                bytes[begin + hole.at + index] = byte ^ hole.mask[index % 4];
            }
            ids.push(id);
        }
    }

    /// What it puts on the wire, with some ids.
    pub fn frames(&self) -> Vec<What> {
        (0..self.steps.len()).flat_map(|step| self.said(step, &self.bytes)).collect()
    }

    /// How many steps it has.
    pub(super) fn steps(&self) -> usize {
        self.steps.len()
    }

    /// What one of its steps put on the wire, in these bytes.
    pub(super) fn said(&self, step: usize, bytes: &[u8]) -> Vec<What> {
        let begin = step.checked_sub(1).map_or(0, |before| self.steps[before].0);
        let (end, is_raw) = self.steps[step];
        let mut piece = bytes.get(begin..end).unwrap_or_default();
        if is_raw {
            return vec![What::raw(piece.to_vec())];
        }
        let mut decoder = Decoder::new(LARGEST);
        let mut said: Vec<What> = std::iter::from_fn(|| decoder.next(&mut piece)).collect();
        said.extend(decoder.finish());
        said.into_iter().map(as_sent).collect()
    }
}

/// A frame that declares more than it has arrived as it was sent.
fn as_sent(what: What) -> What {
    match what {
        What::Frame(frame) if !frame.is_whole() => What::Frame(Frame { arrived: frame.payload.len() as u64, ..frame }),
        other => other,
    }
}

/// The steps of a try, what is repeated in them as often as it is said. Nothing if there are very many.
pub(super) fn steps(one: &Try) -> Option<Vec<Step>> {
    fn visit(steps: &[Step], found: &mut Vec<Step>) -> Option<()> {
        for step in steps {
            match step {
                Step::Repeat(repeat) => (0..repeat.times).try_for_each(|_| visit(&repeat.steps, found))?,
                step if found.len() < MOST => found.push(step.clone()),
                _ => return None,
            }
        }
        Some(())
    }
    let mut found = Vec::new();
    one.violations.iter().try_for_each(|violation| visit(&violation.steps, &mut found))?;
    Some(found)
}

/// Where two renderings of one text differ: places of ids that are new each time. Nothing if they differ otherwise too.
fn ids(one: &[u8], other: &[u8]) -> Option<Vec<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < one.len().max(other.len()) {
        if one.get(at)? == other.get(at)? {
            at += 1;
            continue;
        }
        // Two ids may begin alike.
        let begin = (at.saturating_sub(ID - 1)..=at).find(|begin| is_id(one, *begin) && is_id(other, *begin))?;
        found.push(begin);
        at = begin + ID;
    }
    Some(found)
}

fn is_id(text: &[u8], at: usize) -> bool {
    let Some(id) = text.get(at..at + ID) else { return false };
    id.iter().enumerate().all(|(index, byte)| if matches!(index, 8 | 13 | 18 | 23) { *byte == b'-' } else { byte.is_ascii_hexdigit() })
}

/// Ids of the shape of a UUID of version 4, one after another.
#[derive(Clone, Debug)]
pub(super) struct Ids {
    next: u64,
    text: [u8; ID],
}

impl Ids {
    /// Ids that are not those of another seed.
    pub(super) fn new(seed: u64) -> Self {
        let mut text = *b"00000000-0000-4000-8000-000000000000";
        let digits = format!("{seed:016x}");
        let digits = digits.as_bytes();
        text[19..23].copy_from_slice(&digits[..4]);
        text[19] = b'8';
        text[24..36].copy_from_slice(&digits[4..]);
        Self { next: 0, text }
    }

    fn next(&mut self) -> [u8; ID] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        self.next += 1;
        let mut rest = self.next.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        for place in (0..8).chain(9..13).chain(15..18) {
            self.text[place] = DIGITS[usize::try_from(rest & 15).unwrap_or_default()];
            rest >>= 4;
        }
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_where_two_renderings_differ_and_nowhere_else() {
        let (one, other) = ("11111111-0000-4000-8000-00000000000a", "11111111-0000-4000-8000-00000000000b");
        let text = |id: &str| format!("{{\"id\":\"{id}\",\"x\":1}}");
        assert_eq!(ids(text(one).as_bytes(), text(other).as_bytes()), Some(vec![7]));
        assert_eq!(ids(b"abc", b"abc"), Some(vec![]));
        assert_eq!(ids(b"abc", b"abd"), None);
        assert_eq!(ids(b"abc", b"abcd"), None);
    }

    #[test]
    fn fresh_ids_differ_and_look_like_uuids() {
        let mut fresh = Ids::new(7);
        let all: std::collections::BTreeSet<_> = (0..10_000).map(|_| fresh.next()).collect();
        assert_eq!(all.len(), 10_000);
        assert!(all.iter().all(|id| is_id(id, 0) && id[14] == b'4'));
    }
}
