//! A transcript as a judge reads it: observations in order, who ended which connection, where the judged part ends, where the harness
//! was late. Not what any of it means.

use std::collections::HashMap;
use std::time::Duration;

use indexmap::IndexMap;
use serde_json::Value;

use crate::pack::{Observation, Observer, Pack};
use crate::transcript::{ConnectionId, Mark, Process, Role, Transcript, What};

use super::raw;

/// A point in a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) at: Duration,
    pub(super) event: usize,
}

/// Everything a judge needs to know of a transcript.
#[derive(Debug)]
pub(super) struct Reading {
    /// The side under test.
    pub(super) side: Role,
    /// What both sides did, in order, marks left out; beyond the horizon too.
    pub(super) observations: Vec<Observation>,
    /// Connections in the order in which they are first heard of.
    pub(super) connections: IndexMap<ConnectionId, Connection>,
    /// Where the judged part ends.
    pub(super) horizon: Moment,
    /// What the script noted about itself.
    pub(super) script: Script,
    /// How the process under test ended, if it did.
    pub(super) process: Option<Process>,
    stalls: Vec<Stall>,
}

/// What is known of one connection.
#[derive(Debug, Default)]
pub(super) struct Connection {
    /// Label of its session.
    pub(super) session: String,
    /// Who opened it, and when.
    pub(super) opened: Option<(Role, Moment)>,
    /// When its upgrade was accepted.
    pub(super) accepted: Option<Moment>,
    /// Why it could never be used, if it could not.
    pub(super) unreachable: Option<String>,
    /// Close frames, ends of the stream and refusals, in order.
    endings: Vec<Ending>,
    /// Events in which the harness sent what its side must not send.
    improper: Vec<usize>,
}

/// One act that ends a connection.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ending {
    pub(super) moment: Moment,
    /// The side whose act it was. A refusal and an overflow count as the harness's: the target owes nothing after them.
    pub(super) by: Role,
    pub(super) how: How,
}

/// How a connection was ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum How {
    /// A close frame with this code.
    Close(Option<u64>),
    /// The stream ended: finished, reset, overflow.
    End(String),
    /// The upgrade was refused.
    Refused,
}

/// What the script noted.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// When each step began.
    pub(super) steps: HashMap<usize, Moment>,
    /// The step at which the script gave up.
    pub(super) stopped: Option<(usize, Moment)>,
    /// The case's deadline passed.
    pub(super) deadline: Option<Moment>,
    /// What the harness failed to do.
    pub(super) failures: Vec<(usize, String)>,
}

/// A time in which the harness did not get to run.
#[derive(Debug)]
struct Stall {
    from: Duration,
    to: Duration,
}

impl Reading {
    /// Reads a transcript.
    pub(super) fn new(pack: &Pack, side: Role, transcript: &Transcript) -> Self {
        let cut_off = raw::cut_off(&transcript.events);
        let is_judged = |seen: &Observation| seen.name != "mark" && !(seen.is_message() && cut_off.contains(&seen.event));
        let observations: Vec<_> = Observer::observe_all(&pack.manifest.frames, &transcript.events).into_iter().filter(is_judged).collect();
        let mut reading = Self {
            side,
            connections: IndexMap::new(),
            horizon: end_of(transcript),
            script: Script::default(),
            process: None,
            stalls: Vec::new(),
            observations: Vec::new(),
        };
        for (index, event) in transcript.events.iter().enumerate() {
            match &event.what {
                What::Mark(mark) => reading.note(Moment { at: event.at, event: index }, mark),
                What::Exited(process) => reading.process = Some(process.clone()),
                _ => {}
            }
        }
        for seen in &observations {
            reading.meet(pack, seen);
        }
        reading.observations = observations;
        reading
    }

    fn note(&mut self, moment: Moment, mark: &Mark) {
        let script = &mut self.script;
        match mark {
            Mark::Step(step) => {
                script.steps.entry(*step).or_insert(moment);
            }
            Mark::Stopped(step) => {
                script.stopped.get_or_insert((*step, moment));
            }
            Mark::Deadline => {
                script.deadline.get_or_insert(moment);
            }
            Mark::Failed(what) => script.failures.push((moment.event, what.clone())),
            Mark::Late { milliseconds } => {
                let from = moment.at.saturating_sub(Duration::from_millis(*milliseconds));
                self.stalls.push(Stall { from, to: moment.at });
            }
            Mark::Finished | Mark::Omitted { .. } | Mark::Stimulus(_) => {}
        }
    }

    fn meet(&mut self, pack: &Pack, seen: &Observation) {
        if seen.connection == 0 {
            return;
        }
        let harness = self.side.other();
        let connection = self.connections.entry(seen.connection).or_default();
        let moment = Moment { at: seen.at, event: seen.event };
        let mut end = |by, how| connection.endings.push(Ending { moment, by, how });
        match seen.name.as_str() {
            "opened" => {
                connection.opened.get_or_insert((seen.from, moment));
                connection.session = text_at(&seen.value, "/session");
            }
            "accept" => {
                connection.accepted.get_or_insert(moment);
            }
            "refuse" => end(harness, How::Refused),
            "close" => end(seen.from, How::Close(seen.value.get("code").and_then(Value::as_u64))),
            "end" => {
                let how = text_at(&seen.value, "/how");
                if matches!(how.as_str(), "unreachable" | "tls") {
                    connection.unreachable.get_or_insert_with(|| format!("{how}: {}", text_at(&seen.value, "/why")));
                }
                let by = if how == "overflow" { harness } else { seen.from };
                connection.endings.push(Ending { moment, by, how: How::End(how) });
            }
            _ => {}
        }
        if seen.from == harness && is_improper(pack, seen) {
            connection.improper.push(seen.event);
        }
    }

    /// The observations that are judged.
    pub(super) fn judged(&self) -> &[Observation] {
        let end = self.observations.partition_point(|seen| seen.event < self.horizon.event);
        &self.observations[..end]
    }

    /// The first act after this event, and before the horizon, that ends the connection.
    pub(super) fn next_ending(&self, connection: ConnectionId, event: usize) -> Option<&Ending> {
        let endings = &self.connections.get(&connection)?.endings;
        let next = endings.partition_point(|ending| ending.moment.event <= event);
        endings.get(next).filter(|ending| ending.moment.event < self.horizon.event)
    }

    /// True if some act ended the connection before this event.
    pub(super) fn is_ended_before(&self, connection: ConnectionId, event: usize) -> bool {
        self.first_ending(connection).is_some_and(|ending| ending.moment.event < event)
    }

    /// The first act that ends the connection.
    pub(super) fn first_ending(&self, connection: ConnectionId) -> Option<&Ending> {
        self.connections.get(&connection)?.endings.first()
    }

    /// True if between these events the harness sent something that a target may well answer by closing.
    pub(super) fn is_provoked(&self, connection: ConnectionId, after: usize, before: usize) -> bool {
        let improper = self.connections.get(&connection).map(|connection| connection.improper.as_slice()).unwrap_or_default();
        improper.get(improper.partition_point(|event| *event <= after)).is_some_and(|event| *event < before)
    }

    /// How long the harness stood still between these times.
    pub(super) fn stalled(&self, from: Duration, to: Duration) -> Duration {
        self.stalls.iter().filter(|stall| stall.from <= to && from <= stall.to).map(|stall| stall.to.saturating_sub(stall.from)).sum()
    }
}

/// Where the script says that it was over, or the end of the transcript.
fn end_of(transcript: &Transcript) -> Moment {
    let is_over = |what: &What| {
        matches!(what, What::Mark(Mark::Finished | Mark::Stopped(_) | Mark::Omitted { .. } | Mark::Deadline | Mark::Failed(_)))
    };
    let over = transcript.events.iter().position(|event| is_over(&event.what));
    match over {
        Some(event) => Moment { at: transcript.events[event].at, event },
        None => Moment { at: transcript.duration(), event: transcript.events.len() },
    }
}

fn is_improper(pack: &Pack, seen: &Observation) -> bool {
    match seen.name.as_str() {
        "violation" | "garbage" | "malformed" | "unknown" | "binary" => true,
        name => pack.schemas.get(name).is_some_and(|schema| !schema.accepts(&seen.value)),
    }
}

fn text_at(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}
