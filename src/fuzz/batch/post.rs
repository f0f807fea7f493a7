//! One state of a server as shots are fired from it: the way there, connections that stand in it, and what a try from it looks like as a
//! transcript of its own.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::flight::{Echo, Recording};
use super::shot::Shot;
use crate::fuzz::conversation::{self, AFTER, BEFORE, Probes, VIOLATION};
use crate::fuzz::generator::State;
use crate::pack::scenario::Step;
use crate::peer::{Genesis, Script};
use crate::plan::{self, Case};
use crate::runner::wire::Decoder;
use crate::runner::{Channel, Pause, ServerTarget, Stop};
use crate::suite::Bound;
use crate::transcript::{Ending, Event, Frame, Mark, Opcode, Role, Transcript, What};

/// How often the server may be asked for a sign of life on one connection, before the next takes its place.
const ROUNDS: usize = 64;
/// How long the way to a state may take.
const WAY: Duration = Duration::from_secs(30);
/// What the script asks for when it is the shots' turn.
const TURN: &str = "framegate";

/// A state, and the case of a try that does nothing wrong in it.
#[derive(Debug)]
pub(super) struct Post {
    case: Case,
    /// Index of the step that marks the violation.
    at: usize,
    /// Batches that are to be fenced.
    pub(super) fenced: u32,
    /// Shots that are to have connections of their own.
    pub(super) direct: u32,
}

/// A connection that stands in a state.
pub(super) struct Link {
    pub(super) channel: Channel,
    /// What led there.
    way: Vec<Event>,
    /// What was said in the last sign of life.
    proof: Vec<Event>,
    rounds: usize,
    /// How many messages a sign of life has.
    words: usize,
}

impl Post {
    /// The state. Nothing if the pack has no case to begin with.
    pub(super) fn new(bound: &Bound, state: &State) -> Option<Self> {
        let scenario = conversation::scenario(&bound.pack, Role::Server, state, &[], Probes::default());
        let case = plan::bind(&bound.pack, &bound.settings, Role::Server, "fuzz", &scenario).into_iter().next()?;
        let at = case.steps.iter().position(|step| matches!(step, Step::Mark(name) if name == VIOLATION))?;
        (at >= 2).then_some(Self { case, at, fenced: 0, direct: 0 })
    }

    /// The steps after the violation.
    fn tail(&self) -> &[Step] {
        &self.case.steps[self.at + 1..]
    }

    /// True if a sign of life has a good request.
    fn has_question(&self) -> bool {
        self.tail().iter().any(|step| matches!(step, Step::Send(_)))
    }

    /// A connection that stands here and has given a sign of life.
    pub(super) fn link(&self, bound: &Bound, server: &ServerTarget, stop: &Stop, seed: u64) -> Option<Link> {
        let mut link = self.stand(bound, server, stop, seed)?;
        link.prove(self).then_some(link)
    }

    /// A connection that stands here.
    pub(super) fn stand(&self, bound: &Bound, server: &ServerTarget, stop: &Stop, seed: u64) -> Option<Link> {
        let turn = || Step::Stimulus(TURN.to_owned());
        let mut steps = self.case.steps[..self.at].to_vec();
        for _ in 0..=ROUNDS {
            steps.push(turn());
            steps.extend_from_slice(self.tail());
        }
        steps.push(turn());
        let mut link = Link::open(bound, server, stop, seed, steps)?;
        let is_way = |event: &Event| !matches!(event.what, What::Mark(Mark::Step(index)) if index >= self.at);
        link.way.retain(is_way);
        Some(link)
    }

    /// A connection for one shot, about to be in this state.
    pub(super) fn single(&self, bound: &Bound, server: &ServerTarget, stop: &Stop, seed: u64) -> Option<Link> {
        let steps = [&self.case.steps[..self.at - 2], &[Step::Stimulus(TURN.to_owned())]].concat();
        let mut link = Link::open(bound, server, stop, seed, steps)?;
        let is_way = |event: &Event| !matches!(event.what, What::Mark(Mark::Step(index)) if index >= self.at - 2);
        link.way.retain(is_way);
        Some(link)
    }

    /// The case of this shot and what was said in it, as if it had been played by itself.
    pub(super) fn slice(&self, link: &Link, shot: &Shot, violation: &[Step], recording: &Recording, echo: &Echo) -> (Case, Transcript) {
        let mut slice = Slice { events: link.way.clone(), back: Duration::ZERO };
        let reached = link.way.last().map_or(Duration::ZERO, |event| event.at);
        slice.back = echo.at.saturating_sub(reached);
        let is_single = !link.has_proof();
        if is_single {
            slice.step(echo.at, self.at - 2);
            slice.say(echo.at, What::Frame(Frame::new(Opcode::PING, BEFORE).masked([0; 4])));
            slice.step(echo.at, self.at - 1);
            slice.hear(echo.at, What::Frame(Frame::new(Opcode::PONG, BEFORE)));
        }
        slice.step(echo.at, self.at);
        for step in 0..shot.steps() {
            slice.step(echo.at, self.at + 1 + step);
            for what in shot.said(step, &recording.sent[echo.sent.clone()]) {
                slice.say(echo.at, what);
            }
        }
        let mut last = echo.at;
        let mut decoder = Decoder::new(usize::MAX);
        for (range, at) in &recording.frames[echo.frames.clone()] {
            let mut bytes = &recording.heard[range.clone()];
            while let Some(what) = decoder.next(&mut bytes) {
                slice.hear(*at, what);
            }
            last = *at;
        }
        let mut case = self.case.clone();
        let rest = case.steps.split_off(self.at + 1);
        case.steps.extend(violation.iter().cloned().chain(rest));
        let after = self.at + 1 + shot.steps();
        if is_single {
            let lives = end(&mut slice, last, after, recording, shot.is_over);
            case.steps.truncate(if lives { after + 2 } else { after });
        } else {
            link.prove_again(&mut slice, self, after);
        }
        slice.events.push(Event { at: slice.last(), connection: 0, from: Role::Client, what: What::Mark(Mark::Finished) });
        (case, Transcript { events: slice.events })
    }
}

impl Link {
    fn open(bound: &Bound, server: &ServerTarget, stop: &Stop, seed: u64, steps: Vec<Step>) -> Option<Self> {
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let script = Script::new(Arc::clone(&bound.pack), Arc::clone(&bound.settings), Role::Client, steps);
        let script = script.beginning(Genesis { epoch, seed });
        let mut channel = Channel::new(Box::new(script), server, stop)?;
        let is_there = channel.play(WAY) == Pause::Asked;
        let way = channel.take_events();
        is_there.then_some(Self { channel, way, proof: Vec::new(), rounds: 0, words: 0 })
    }

    /// True if it has given signs of life of its own.
    fn has_proof(&self) -> bool {
        self.rounds > 0
    }

    /// True if it may be asked for another sign of life.
    pub(super) fn is_fresh(&self) -> bool {
        self.rounds < ROUNDS
    }

    /// A sign of life: a ping is answered, and a good request as often as it was the first time, once at least. False if it is not so, or if
    /// more comes than that.
    pub(super) fn prove(&mut self, post: &Post) -> bool {
        let is_asked = self.channel.play(WAY) == Pause::Asked;
        let begin = post.at + self.rounds * (1 + post.tail().len());
        self.proof = self.channel.take_events();
        for event in &mut self.proof {
            if let What::Mark(Mark::Step(step)) = &mut event.what {
                *step = step.saturating_sub(begin + 1);
            }
        }
        self.rounds += 1;
        let is_word =
            |event: &&Event| matches!(&event.what, What::Frame(frame) if event.from == Role::Server && !frame.opcode.is_control());
        let words = self.proof.iter().filter(is_word).count();
        if self.rounds == 1 {
            self.words = words;
        }
        is_asked && words == self.words && (words > 0 || !post.has_question())
    }

    /// Puts the last sign of life at the end of a try.
    fn prove_again(&self, slice: &mut Slice, post: &Post, after: usize) {
        for event in &self.proof {
            let mut event = event.clone();
            if let What::Mark(Mark::Step(step)) = &mut event.what {
                if *step >= post.tail().len() {
                    continue;
                }
                *step += after;
            }
            event.at = event.at.saturating_sub(slice.back);
            slice.events.push(event);
        }
    }
}

/// How a connection of one shot went on after it. True if it was there to answer a ping.
fn end(slice: &mut Slice, at: Duration, after: usize, recording: &Recording, is_over: bool) -> bool {
    if let Some(was_reset) = recording.was_reset {
        slice.hear(at, What::Ended(if was_reset { Ending::Reset } else { Ending::Finished }));
    }
    let lives = !is_over && recording.was_reset.is_none() && !recording.is_closed;
    if lives {
        slice.step(at, after);
        slice.say(at, What::Frame(Frame::new(Opcode::PING, AFTER).masked([0; 4])));
        slice.step(at, after + 1);
        slice.hear(at, What::Frame(Frame::new(Opcode::PONG, AFTER)));
    }
    lives
}

/// A transcript that is being put together; its times follow the way to the state at once.
struct Slice {
    events: Vec<Event>,
    back: Duration,
}

impl Slice {
    fn push(&mut self, at: Duration, connection: u32, from: Role, what: What) {
        self.events.push(Event { at: at.saturating_sub(self.back), connection, from, what });
    }

    fn step(&mut self, at: Duration, step: usize) {
        self.push(at, 0, Role::Client, What::Mark(Mark::Step(step)));
    }

    fn say(&mut self, at: Duration, what: What) {
        self.push(at, 1, Role::Client, what);
    }

    fn hear(&mut self, at: Duration, what: What) {
        self.push(at, 1, Role::Server, what);
    }

    fn last(&self) -> Duration {
        self.events.last().map_or(Duration::ZERO, |event| event.at)
    }
}
