//! Where a session writes down what happens: a transcript, an observer, or nowhere.

use crate::transcript::{Event, Request, Response, Transcript, What};

/// What an event costs besides the bytes it carries.
const EVENT: usize = size_of::<Event>();

/// Takes the events of one session, within a bound.
pub(super) struct Log<'a> {
    keep: Keep<'a>,
    size: usize,
    limit: usize,
}

enum Keep<'a> {
    Transcript(Transcript),
    Observer(&'a mut dyn FnMut(&Event)),
    Nothing,
}

impl<'a> Log<'a> {
    /// Keeps every event, up to this many bytes.
    pub(super) fn transcript(limit: usize) -> Self {
        Self { keep: Keep::Transcript(Transcript::default()), size: 0, limit }
    }

    /// Hands every event on and keeps none.
    pub(super) fn observer(observer: &'a mut dyn FnMut(&Event)) -> Self {
        Self { keep: Keep::Observer(observer), size: 0, limit: usize::MAX }
    }

    /// Forgets every event.
    pub(super) fn nothing() -> Self {
        Self { keep: Keep::Nothing, size: 0, limit: usize::MAX }
    }

    /// True if an event with this content still fits.
    pub(super) fn has_room_for(&self, what: &What) -> bool {
        !matches!(self.keep, Keep::Transcript(_)) || self.size.saturating_add(size(what)) <= self.limit
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn push(&mut self, event: Event) {
        match &mut self.keep {
            Keep::Transcript(transcript) => {
                self.size = self.size.saturating_add(size(&event.what));
                transcript.events.push(event);
            }
            Keep::Observer(observer) => observer(&event),
            Keep::Nothing => {}
        }
    }

    pub(super) fn into_transcript(self) -> Transcript {
        match self.keep {
            Keep::Transcript(transcript) => transcript,
            Keep::Observer(_) | Keep::Nothing => Transcript::default(),
        }
    }
}

fn size(what: &What) -> usize {
    let fields = |headers: &[(String, String)]| headers.iter().map(|(name, value)| 48 + name.len() + value.len()).sum::<usize>();
    EVENT
        + match what {
            What::Frame(frame) => frame.payload.len(),
            What::Garbage { bytes, .. } => bytes.len(),
            What::Request(Request { target, headers, body, .. }) => target.len() + fields(headers) + body.len(),
            What::Response(Response { reason, headers, body, .. }) => reason.len() + fields(headers) + body.len(),
            What::Opened { .. } | What::Ended(_) | What::Exited(_) | What::Mark(_) => 0,
        }
}
