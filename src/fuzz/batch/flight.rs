//! Many shots on one connection, several of them on their way at a time, and which of the frames that come back belongs to which.
//!
//! Servers answer in order and once, so each message is taken for the answer to the oldest message of a shot that has none. Where that cannot be told (a shot is
//! ignored, or answered twice), each shot is followed by a fence: a ping whose pong ends what belongs to it. It names what came back and
//! judges nothing.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::ops::Range;
use std::time::Duration;

use super::shot::{ID, Ids, Shot};
use crate::fuzz::conversation::BEFORE;
use crate::runner::wire::encode;
use crate::runner::{Channel, Tide};
use crate::transcript::{Frame, Opcode};

/// The most that is kept of what comes back to one batch.
const MOST: usize = 8 * 1024 * 1024;
/// How long a shot without a fence is waited for before it is taken to be ignored.
const IGNORED: Duration = Duration::from_millis(20);

const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// How shots are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Manner {
    /// How many may be on their way at a time.
    pub(super) depth: usize,
    /// True for a ping after each.
    pub(super) is_fenced: bool,
    /// True for a ping before the first, which shows that the state is reached.
    pub(super) confirms: bool,
    /// How long nothing may come before the server counts as silent.
    pub(super) patience: Duration,
}

/// How a batch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Each shot has what came back to it.
    Told,
    /// What came back cannot be told apart.
    Confused,
    /// The connection is over.
    Over,
    /// Nothing comes any more.
    Silent,
    /// More came than can be kept.
    Flooded,
    /// The run is to end.
    Stopped,
}

/// What came back to one shot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Echo {
    /// A hash of it that does not know the shot's own ids.
    pub(super) hash: u64,
    /// Its frames in the recording.
    pub(super) frames: Range<usize>,
    /// Where the shot's bytes stand in the recording.
    pub(super) sent: Range<usize>,
    /// When it was sent.
    pub(super) at: Duration,
}

/// What was said in one batch. It is used again and again, so that no try costs memory of its own.
#[derive(Debug, Default)]
pub(super) struct Recording {
    /// All that was sent.
    pub(super) sent: Vec<u8>,
    /// All that came back and is no control frame that the fences explain.
    pub(super) heard: Vec<u8>,
    /// Its frames, and when they came.
    pub(super) frames: Vec<(Range<usize>, Duration)>,
    /// One for each shot that was told apart, in order.
    pub(super) echoes: Vec<Echo>,
    /// True if the ping before the first shot was answered.
    pub(super) is_confirmed: bool,
    /// True if the server has sent a close frame.
    pub(super) is_closed: bool,
    /// How the stream ended, if it has: true for a reset.
    pub(super) was_reset: Option<bool>,
    ids: Vec<[u8; ID]>,
    loaded: Vec<(Range<usize>, Range<usize>, Duration)>,
}

impl Recording {
    fn clear(&mut self) {
        self.sent.clear();
        self.heard.clear();
        self.frames.clear();
        self.echoes.clear();
        self.ids.clear();
        self.loaded.clear();
        (self.is_confirmed, self.is_closed, self.was_reset) = (false, false, None);
    }
}

/// Sends the shots and takes what comes back. Of the shots after the last echo nothing is known.
pub(super) fn fly(
    channel: &mut Channel,
    shots: &[&Shot],
    manner: Manner,
    fresh: &mut Ids,
    random: &RandomState,
    recording: &mut Recording,
) -> End {
    recording.clear();
    let hasher = random.build_hasher();
    Flight {
        channel,
        shots,
        manner,
        fresh,
        random,
        recording,
        hasher,
        answered: 0,
        first: 0,
        now: Duration::ZERO,
        told_at: Duration::ZERO,
        pongs: Vec::new(),
    }
    .run()
}

struct Flight<'a> {
    channel: &'a mut Channel,
    shots: &'a [&'a Shot],
    manner: Manner,
    fresh: &'a mut Ids,
    random: &'a RandomState,
    recording: &'a mut Recording,
    /// Of what came back to the oldest shot so far.
    hasher: <RandomState as std::hash::BuildHasher>::Hasher,
    /// How many messages that was.
    answered: usize,
    /// Where its frames begin.
    first: usize,
    now: Duration,
    /// When a shot was last told.
    told_at: Duration,
    /// Pongs that are owed.
    pongs: Vec<u8>,
}

impl Flight<'_> {
    fn run(mut self) -> End {
        self.now = self.channel.now();
        self.told_at = self.now;
        while self.recording.echoes.len() < self.shots.len() {
            if let Some(end) = self.hear() {
                return end;
            }
            // Why it cannot be written, the reading half knows.
            let _ = self.send();
            if self.recording.echoes.len() == self.shots.len() {
                break;
            }
            let tide = self.channel.read();
            self.now = self.channel.now();
            match tide {
                Tide::Nothing if self.channel.is_stopped() => return End::Stopped,
                Tide::Nothing if !self.manner.is_fenced && self.waited() >= IGNORED => return End::Confused,
                Tide::Bytes | Tide::Nothing => {}
                Tide::Finished => return self.over(false),
                Tide::Reset => return self.over(true),
                Tide::Flood => return End::Flooded,
            }
            // Pings and strange messages may come for ever.
            if self.waited() >= self.manner.patience {
                return End::Silent;
            }
        }
        End::Told
    }

    /// The time since a shot was told.
    fn waited(&self) -> Duration {
        self.now.saturating_sub(self.told_at)
    }

    /// Sends more, once half of what may be on its way has come back.
    fn send(&mut self) -> std::io::Result<()> {
        let done = self.recording.echoes.len();
        let sent = self.recording.loaded.len();
        let begin = self.recording.sent.len();
        if !self.pongs.is_empty() {
            self.channel.write(&self.pongs)?;
            self.pongs.clear();
        }
        if sent < self.shots.len() && sent - done <= self.manner.depth / 2 {
            let until = (done + self.manner.depth).min(self.shots.len());
            if sent == 0 && self.manner.confirms {
                encode(&ping(BEFORE), &mut self.recording.sent);
            }
            for index in sent..until {
                self.load(index);
            }
        }
        if self.recording.sent.len() > begin { self.channel.write(&self.recording.sent[begin..]) } else { Ok(()) }
    }

    fn load(&mut self, index: usize) {
        let recording = &mut *self.recording;
        let (begin, ids) = (recording.sent.len(), recording.ids.len());
        self.shots[index].load(self.fresh, &mut recording.sent, &mut recording.ids);
        recording.loaded.push((begin..recording.sent.len(), ids..recording.ids.len(), self.now));
        if self.manner.is_fenced {
            encode(&fence(index), &mut recording.sent);
        }
    }

    /// Takes the frames that have come.
    fn hear(&mut self) -> Option<End> {
        while self.recording.echoes.len() < self.shots.len() {
            let piece = match self.channel.take_frame() {
                Ok(Some(piece)) => piece,
                Ok(None) => return None,
                Err(_) => return Some(End::Flooded),
            };
            let current = self.recording.echoes.len();
            match (piece.whole[0], piece.whole[1] & 0x80) {
                (head, 0) if head == 0x80 | PING => {
                    let frame = Frame::new(Opcode::PONG, piece.payload()).masked([0x5a, 0xa5, 0x0f, 0xf0]);
                    encode(&frame, &mut self.pongs);
                    continue;
                }
                (head, 0) if head == 0x80 | PONG && self.manner.confirms && piece.payload() == BEFORE.as_bytes() => {
                    self.recording.is_confirmed = true;
                    continue;
                }
                (head, 0) if head == 0x80 | PONG && self.manner.is_fenced => {
                    let Some(index) = fenced(piece.payload()).filter(|index| *index >= current && *index < self.shots.len()) else {
                        return Some(End::Confused);
                    };
                    // RFC 6455 § 5.5.3: of several pings only the last need be answered.
                    if index > current {
                        return Some(End::Confused);
                    }
                    self.told();
                    continue;
                }
                _ => {}
            }
            let opcode = piece.opcode();
            let is_end = piece.ends_message();
            let ids = self.recording.loaded.get(current).map_or(0..0, |(_, ids, _)| ids.clone());
            blank(&mut self.hasher, piece.whole, &self.recording.ids[ids]);
            let begin = self.recording.heard.len();
            self.recording.heard.extend_from_slice(piece.whole);
            let range = begin..self.recording.heard.len();
            self.recording.frames.push((range, self.now));
            if self.recording.loaded.len() <= current {
                return Some(End::Confused);
            }
            if opcode == CLOSE {
                self.recording.is_closed = true;
                self.told();
                return Some(End::Over);
            }
            if self.recording.heard.len() > MOST {
                return Some(End::Flooded);
            }
            self.answered += usize::from(is_end);
            if !self.manner.is_fenced && self.answered == self.shots[current].messages {
                self.told();
            }
        }
        None
    }

    /// The stream ended: that is what came back to the oldest shot.
    fn over(mut self, was_reset: bool) -> End {
        self.recording.was_reset = Some(was_reset);
        self.hasher.write_u8(u8::from(was_reset) + 1);
        if self.recording.loaded.len() > self.recording.echoes.len() {
            self.told();
        }
        End::Over
    }

    fn told(&mut self) {
        let Some((sent, _, at)) = self.recording.loaded.get(self.recording.echoes.len()).cloned() else { return };
        let hasher = std::mem::replace(&mut self.hasher, self.random.build_hasher());
        (self.answered, self.told_at) = (0, self.now);
        let frames = self.first..self.recording.frames.len();
        self.first = frames.end;
        self.recording.echoes.push(Echo { hash: hasher.finish(), frames, sent, at });
    }
}

/// Hashes a frame as if the ids in it were always the same.
fn blank(hasher: &mut impl std::hash::Hasher, whole: &[u8], ids: &[[u8; ID]]) {
    let mut begin = 0;
    let mut at = 0;
    while let Some(window) = whole.get(at..at + ID).filter(|_| !ids.is_empty()) {
        if let Some(which) = ids.iter().position(|id| window[0] == id[0] && window == id) {
            hasher.write(&whole[begin..at]);
            hasher.write_usize(which);
            at += ID;
            begin = at;
        } else {
            at += 1;
        }
    }
    hasher.write(&whole[begin..]);
    hasher.write_usize(whole.len());
}

fn fence(index: usize) -> Frame {
    ping(&format!("framegate {index}"))
}

fn ping(text: &str) -> Frame {
    Frame::new(Opcode::PING, text).masked([0x5a, 0xa5, 0x0f, 0xf0])
}

fn fenced(payload: &[u8]) -> Option<usize> {
    std::str::from_utf8(payload).ok()?.strip_prefix("framegate ")?.parse().ok()
}
