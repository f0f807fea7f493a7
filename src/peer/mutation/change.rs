//! What each change makes of a unit.

use serde_json::Value;

use super::unit::Unit;
use super::{Mutated, Mutation};
use crate::pack::fault::{Bend, Change, Cut, Select};
use crate::pack::matcher::fits;
use crate::pack::scenario::{Raw, RawFrame};
use crate::peer::outgoing::{self, SendError};
use crate::peer::quirks::Quirks;
use crate::peer::scope::{Memory, View};
use crate::peer::{Action, Peer};
use crate::transcript::{Close, ConnectionId, Frame, Mark, Width};

impl<P: Peer> Mutated<P> {
    /// The units that stand for this one once every change has had its turn.
    pub(super) fn change(&mut self, unit: Unit) -> Vec<Unit> {
        let mut changes = std::mem::take(&mut self.changes);
        let mut units = vec![unit];
        for mutation in &mut changes {
            units = units.into_iter().flat_map(|unit| self.apply(mutation, unit)).collect();
        }
        self.changes = changes;
        units
    }

    fn apply(&mut self, mutation: &mut Mutation, unit: Unit) -> Vec<Unit> {
        let Mutation { change, met, first } = mutation;
        if let Some(select) = selection(change)
            && !is_selected(select, &unit, met)
        {
            return vec![unit];
        }
        match change {
            Change::Drop(_) => {
                self.mute(&unit);
                self.drop()
            }
            Change::Repeat(_) => self.repeat(unit),
            Change::Delay(delay) => {
                let delay = Some(self.settings.duration(&delay.by));
                self.differently(Unit { delay, ..unit })
            }
            Change::Swap(_) if unit.is_message() => self.differently(Unit { is_swapped: true, ..unit }),
            Change::Set(set) => self.edit(unit, |value| outgoing::merge(value, set.tree.clone())),
            Change::Unset(unset) => self.edit(unit, |value| {
                outgoing::remove(value, &unset.at);
            }),
            Change::Freeze(freeze) => self.edit(unit, |value| {
                if let Some(place) = value.pointer_mut(&freeze.at) {
                    place.clone_from(first.get_or_insert_with(|| place.clone()));
                }
            }),
            Change::Put(put) => self.edit(unit, |value| {
                if let Some(place) = value.pointer_mut(&put.at) {
                    place.clone_from(&put.value);
                }
            }),
            Change::Double(_) => self.double(unit),
            Change::AddFrame(add) => self.add_frame(unit, &add.frame),
            Change::Bend(bend) => self.bend(unit, bend),
            Change::Replace(replace) => self.replace(unit, &replace.with),
            Change::Precede(precede) => self.add(unit, &precede.with).into_iter().rev().collect(),
            Change::Add(add) => self.add(unit, &add.with),
            Change::Fragment(fragment) => self.fragment(unit, fragment.size),
            Change::Cut(cut) => self.cut(unit, cut),
            Change::CloseCode(code) if unit.is("close") => self.edit(unit, |value| value["code"] = Value::from(*code)),
            Change::CloseBare(true) if unit.is("close") => {
                let end = Action::End(unit.connection);
                self.differently(Unit { is_final: true, actions: vec![end], seen: None, ..unit })
            }
            Change::CloseNever(true) if unit.is("close") => self.drop(),
            Change::CloseNever(true) | Change::EndNever(true) if unit.ends() => self.stay(unit),
            Change::CloseAfter(close) => self.close_after(unit, close.code),
            Change::PongNever(true) if unit.is("pong") => self.drop(),
            Change::PongPayload(payload) if unit.is("pong") => self.edit(unit, |value| value["payload"] = Value::from(payload.as_str())),
            Change::Leak(_) => self.leak(unit),
            // Inside the machine, or not for this unit.
            _ => vec![unit],
        }
    }

    fn drop(&self) -> Vec<Unit> {
        self.applied.add();
        Vec::new()
    }

    fn differently(&self, unit: Unit) -> Vec<Unit> {
        self.applied.add();
        vec![unit]
    }

    /// HTTP is said once a connection, so only frames are said twice.
    fn repeat(&self, unit: Unit) -> Vec<Unit> {
        if !unit.is_frame() {
            return vec![unit];
        }
        self.applied.add();
        vec![unit.clone(), unit]
    }

    /// Says something else where the edit makes a difference.
    fn edit(&mut self, mut unit: Unit, edit: impl FnOnce(&mut Value)) -> Vec<Unit> {
        let Some(seen) = &unit.seen else { return vec![unit] };
        let mut value = seen.value.clone();
        edit(&mut value);
        if value == seen.value {
            return vec![unit];
        }
        if let Some(frame) = unit.rewrite(value) {
            let frame = self.masked(frame);
            unit.say([frame]);
        }
        self.differently(unit)
    }

    fn replace(&mut self, mut unit: Unit, with: &Raw) -> Vec<Unit> {
        match self.frames(&unit, with) {
            Ok(frames) if unit.is_frame() => unit.say(frames),
            // Where an HTTP head was due, bytes stand for it.
            Ok(frames) => {
                self.mute(&unit);
                let bytes = frames.into_iter().flat_map(|frame| frame.payload.0).collect();
                unit.actions = vec![Action::Bytes { connection: unit.connection, bytes }];
            }
            Err(error) => unit.actions = vec![failed(&error)],
        }
        unit.seen = None;
        self.differently(unit)
    }

    fn add(&mut self, unit: Unit, with: &Raw) -> Vec<Unit> {
        let actions = match self.frames(&unit, with) {
            Ok(frames) => frames.into_iter().map(|frame| Action::Send { connection: unit.connection, frame }).collect(),
            Err(error) => vec![failed(&error)],
        };
        self.applied.add();
        let added = Unit::of(unit.connection, actions, None);
        vec![unit, added]
    }

    /// Says the first key of an object twice, with the same value.
    fn double(&mut self, mut unit: Unit) -> Vec<Unit> {
        let first = unit.seen.as_ref().filter(|_| unit.is_message()).and_then(|seen| seen.value.as_object()?.iter().next());
        let Some((key, value)) = first else { return vec![unit] };
        let again = serde_json::json!({ key: value }).to_string();
        let Some((_, payload)) = unit.payload() else { return vec![unit] };
        let whole = String::from_utf8_lossy(&payload).into_owned();
        let frame = self.masked(Frame::text(format!("{},{}", again.trim_end_matches('}'), whole.trim_start_matches('{'))));
        unit.say([frame]);
        self.differently(unit)
    }

    fn add_frame(&mut self, unit: Unit, raw: &RawFrame) -> Vec<Unit> {
        let connection = unit.connection;
        let memory = Memory { connection, ..Memory::default() };
        let quirks = Quirks::default();
        let mut view = View { memory, settings: &self.settings, invention: &mut self.invention, quirks: &quirks, now: self.now };
        let action = match outgoing::frame(raw, &mut view) {
            Ok(frame) if raw.wrong_mask => Action::Send { connection, frame: self.masked_wrongly(frame) },
            Ok(frame) => Action::Send { connection, frame: self.masked(frame) },
            Err(error) => failed(&error),
        };
        self.applied.add();
        vec![unit, Unit::of(connection, vec![action], None)]
    }

    fn bend(&mut self, mut unit: Unit, bend: &Bend) -> Vec<Unit> {
        let connection = unit.connection;
        let Some(Action::Send { frame, .. }) = unit.actions.first().cloned() else { return vec![unit] };
        let mut wrong = if bend.wrong_mask { self.masked_wrongly(frame) } else { frame };
        wrong.rsv |= bend.rsv & 7;
        wrong.width = if bend.long { Width::Long } else { wrong.width };
        wrong.length += u64::from(bend.cut);
        unit.actions[0] = Action::Send { connection, frame: wrong };
        if bend.cut {
            unit.actions.push(Action::End(connection));
            unit.is_final = true;
        }
        self.differently(unit)
    }

    fn fragment(&mut self, mut unit: Unit, size: usize) -> Vec<Unit> {
        let Some((opcode, payload)) = unit.payload().filter(|_| unit.is_message()) else { return vec![unit] };
        let size = size.max(1);
        if payload.len() <= size {
            return vec![unit];
        }
        let cuts = vec![size; (payload.len() - 1) / size];
        let frames: Vec<_> = outgoing::fragments(opcode, payload, &cuts).into_iter().map(|frame| self.masked(frame)).collect();
        unit.say(frames);
        self.differently(unit)
    }

    /// Says a long text in several messages.
    fn cut(&mut self, unit: Unit, cut: &Cut) -> Vec<Unit> {
        let Some(seen) = unit.seen.clone() else { return vec![unit] };
        let Some(text) = seen.value.pointer(&cut.at).and_then(Value::as_str) else { return vec![unit] };
        let letters: Vec<char> = text.chars().collect();
        let pieces: Vec<String> = letters.chunks(cut.size.max(1)).map(|piece| piece.iter().collect()).collect();
        if pieces.len() < 2 {
            return vec![unit];
        }
        self.applied.add();
        pieces.into_iter().map(|piece| self.with_text(unit.clone(), seen.value.clone(), &cut.at, piece)).collect()
    }

    fn with_text(&mut self, mut unit: Unit, mut value: Value, at: &str, text: String) -> Unit {
        if let Some(place) = value.pointer_mut(at) {
            *place = Value::from(text);
        }
        if let Some(frame) = unit.rewrite(value) {
            let frame = self.masked(frame);
            unit.say([frame]);
        }
        unit
    }

    fn close_after(&mut self, unit: Unit, code: u16) -> Vec<Unit> {
        self.applied.add();
        let closing = self.closing(unit.connection, code);
        vec![unit, closing]
    }

    /// An untimely close; code 0 ends the stream without a close frame.
    pub(super) fn closing(&mut self, connection: ConnectionId, code: u16) -> Unit {
        let action = match code {
            0 => Action::End(connection),
            code => Action::Send { connection, frame: self.masked(Frame::close(Some(&Close::code(code)))) },
        };
        Unit { is_final: true, ..Unit::of(connection, vec![action], None) }
    }

    fn leak(&mut self, unit: Unit) -> Vec<Unit> {
        let others = self.paths.iter().filter(|(number, path)| path.is_open && !path.is_ended && **number != unit.connection);
        let others: Vec<_> = others.map(|(number, _)| *number).collect();
        let Some((opcode, payload)) = unit.payload() else { return vec![unit] };
        let mut units = vec![unit];
        for other in others {
            self.applied.add();
            let frame = self.masked(Frame::new(opcode, payload.clone()));
            units.push(Unit::of(other, vec![Action::Send { connection: other, frame }], None));
        }
        units
    }

    /// The frames of a message that says something else; its template sees what it stands for as `frame`.
    fn frames(&mut self, unit: &Unit, raw: &Raw) -> Result<Vec<Frame>, SendError> {
        let frame = unit.seen.as_ref().map(|seen| &seen.value);
        let memory = Memory { frame, connection: unit.connection, ..Memory::default() };
        let quirks = Quirks::default();
        let mut view = View { memory, settings: &self.settings, invention: &mut self.invention, quirks: &quirks, now: self.now };
        let frames = outgoing::message(raw, &mut view)?;
        Ok(frames.into_iter().map(|frame| self.masked(frame)).collect())
    }

    /// Where there was no proper HTTP head, no frame can follow.
    fn mute(&mut self, unit: &Unit) {
        if !unit.is_frame() {
            self.paths.entry(unit.connection).or_default().has_closed = true;
        }
    }

    /// Keeps the stream open until the other side has left.
    fn stay(&mut self, unit: Unit) -> Vec<Unit> {
        let path = self.paths.entry(unit.connection).or_default();
        if path.is_left {
            return vec![unit];
        }
        path.owes_end = true;
        self.drop()
    }
}

/// What of the peer's own words a change is about; nothing where the change itself says it.
fn selection(change: &Change) -> Option<&Select> {
    match change {
        Change::Drop(select) | Change::Double(select) | Change::Repeat(select) | Change::Swap(select) | Change::Leak(select) => {
            Some(select)
        }
        Change::Delay(delay) => Some(&delay.of),
        Change::Set(set) => Some(&set.of),
        Change::Unset(unset) | Change::Freeze(unset) => Some(&unset.of),
        Change::Put(put) => Some(&put.of),
        Change::AddFrame(add) => Some(&add.of),
        Change::Bend(bend) => Some(&bend.of),
        Change::Replace(replace) | Change::Precede(replace) | Change::Add(replace) => Some(&replace.of),
        Change::Fragment(fragment) => Some(&fragment.of),
        Change::Cut(cut) => Some(&cut.of),
        Change::CloseAfter(close) => Some(&close.of),
        Change::CloseCode(_)
        | Change::CloseBare(_)
        | Change::CloseNever(_)
        | Change::CloseOn(_)
        | Change::DeafAfter(_)
        | Change::EndNever(_)
        | Change::Credulous(_)
        | Change::PongNever(_)
        | Change::PongPayload(_)
        | Change::Ignore(_)
        | Change::Without(_)
        | Change::Timers(_)
        | Change::Parameter(_) => None,
    }
}

/// True if the unit is meant. Counts those that look right, for the n-th.
fn is_selected(select: &Select, unit: &Unit, met: &mut usize) -> bool {
    let looks_right = unit.seen.as_ref().is_some_and(|seen| {
        seen.is_any(&select.is)
            && select.connection.is_none_or(|connection| connection == seen.connection)
            && select.tree.as_ref().is_none_or(|tree| fits(tree, &seen.value))
    });
    *met += usize::from(looks_right);
    looks_right && select.nth.is_none_or(|nth| nth == *met)
}

fn failed(error: &SendError) -> Action {
    Action::Mark(Mark::Failed(format!("a fault could not be played: {error}")))
}
