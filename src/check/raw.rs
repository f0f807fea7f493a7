//! What only the raw messages show and parsed observations hide: keys that stand twice, and messages that the harness did not keep whole.

use std::collections::{HashMap, HashSet};

use crate::transcript::json::duplicate_key;
use crate::transcript::{Assembler, ConnectionId, Event, Message, Opcode, Role, What};

/// Text messages of this side in which an object has a key twice. Frames hide that once they are parsed.
pub(super) fn duplicates(side: Role, events: &[Event]) -> HashMap<usize, String> {
    messages(side, events).filter_map(|(event, message)| Some((event, duplicate_key(message.payload.text()?)?))).collect()
}

/// Events that complete a message of which the harness kept only the beginning: what it says cannot be judged.
pub(super) fn cut_off(events: &[Event]) -> HashSet<usize> {
    let mut open: HashSet<(ConnectionId, Role)> = HashSet::new();
    let mut cut = HashSet::new();
    for (index, event) in events.iter().enumerate() {
        let What::Frame(frame) = &event.what else { continue };
        let line = (event.connection, event.from);
        let is_cut = (frame.payload.len() as u64) < frame.arrived;
        if frame.opcode.is_control() {
            continue;
        }
        if frame.opcode != Opcode::CONTINUATION {
            open.remove(&line);
        }
        if is_cut {
            open.insert(line);
        }
        if frame.fin && open.remove(&line) {
            cut.insert(index);
        }
    }
    cut
}

fn messages(side: Role, events: &[Event]) -> impl Iterator<Item = (usize, Message)> {
    let mut assemblers: HashMap<ConnectionId, Assembler> = HashMap::new();
    let of_side = events.iter().enumerate().filter(move |(_, event)| event.from == side);
    of_side.filter_map(move |(index, event)| {
        let What::Frame(frame) = &event.what else { return None };
        let (message, _) = assemblers.entry(event.connection).or_insert_with(|| Assembler::new(side)).push(frame);
        message.filter(|message| message.opcode == Opcode::TEXT).map(|message| (index, message))
    })
}
