//! Credentials taken out of a conversation while it goes on.

use std::collections::BTreeSet;

use super::{ConnectionId, Event, Opcode, Redaction, Role, Transcript, What};

/// Events that are held back at most, while a message in fragments goes on.
const MOST_HELD: usize = 10_000;

/// Events on their way to somebody who must see no credential. A message in fragments is held back until it is whole, since a credential may
/// be split over them.
#[derive(Debug, Default)]
pub struct Redacting {
    redaction: Redaction,
    unfinished: BTreeSet<(ConnectionId, Role)>,
    held: Transcript,
}

impl Redacting {
    /// Takes these credentials out.
    pub fn new(redaction: Redaction) -> Self {
        Self { redaction, ..Self::default() }
    }

    /// Takes an event; what may be shown now, in order.
    pub fn event(&mut self, event: &Event) -> Transcript {
        self.held.events.push(event.clone());
        self.follow(event);
        if self.unfinished.is_empty() || self.held.events.len() >= MOST_HELD { self.rest() } else { Transcript::default() }
    }

    /// What was held back.
    pub fn rest(&mut self) -> Transcript {
        let mut events = std::mem::take(&mut self.held);
        self.redaction.transcript(&mut events);
        events
    }

    fn follow(&mut self, event: &Event) {
        let side = (event.connection, event.from);
        match &event.what {
            What::Frame(frame) if frame.opcode.is_control() => {}
            What::Frame(frame) if !frame.fin => drop(self.unfinished.insert(side)),
            What::Frame(frame) if frame.opcode == Opcode::CONTINUATION => drop(self.unfinished.remove(&side)),
            What::Ended(_) => self.unfinished.retain(|(connection, _)| *connection != event.connection),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::transcript::{Ending, Frame};

    fn said(what: What) -> Event {
        Event { at: Duration::ZERO, connection: 1, from: Role::Client, what }
    }

    fn fragment(opcode: Opcode, text: &str, fin: bool) -> Event {
        said(What::Frame(Frame { fin, ..Frame::new(opcode, text.as_bytes().to_vec()) }))
    }

    fn redacting() -> Redacting {
        Redacting::new(Redaction::new([("token", "s3cret-token")]))
    }

    #[test]
    fn a_credential_in_fragments_goes_and_what_was_said_between_them_stays() {
        let mut redacting = redacting();
        assert!(redacting.event(&fragment(Opcode::TEXT, "my s3cret", false)).events.is_empty());
        assert!(redacting.event(&fragment(Opcode::PING, "still here", true)).events.is_empty());
        let shown = redacting.event(&fragment(Opcode::CONTINUATION, "-token", true));
        assert_eq!(shown.events.len(), 3);
        let lines = shown.to_json_lines();
        assert!(lines.contains("still here") && lines.contains("my ") && !lines.contains("s3cret") && !lines.contains("-token"), "{lines}");
    }

    #[test]
    fn what_is_whole_is_shown_at_once_and_the_rest_when_the_connection_ends() {
        let mut redacting = redacting();
        assert_eq!(redacting.event(&fragment(Opcode::TEXT, "hello", true)).events.len(), 1);
        assert!(redacting.event(&fragment(Opcode::TEXT, "never whole", false)).events.is_empty());
        assert_eq!(redacting.event(&said(What::Ended(Ending::Reset))).events.len(), 2);
        assert!(redacting.rest().events.is_empty());
    }
}
