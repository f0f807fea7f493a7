//! Where a session writes down what happens: a transcript, an observer, or nowhere.

use super::{Limits, Share};
use crate::transcript::{Event, Request, Response, Transcript, What};

/// What an event costs besides the bytes it carries, until it is judged: itself, and what is made of it on the way.
const EVENT: usize = 1024;

/// Takes the events of one session, within a bound.
pub(super) struct Log<'a> {
    keep: Keep<'a>,
    size: usize,
    limit: usize,
    share: Share,
}

enum Keep<'a> {
    Transcript(Transcript),
    Observer(&'a mut dyn FnMut(&Event)),
    Nothing,
}

impl<'a> Log<'a> {
    /// Keeps every event, as far as these limits go.
    pub(super) fn transcript(limits: &Limits) -> Self {
        Self { keep: Keep::Transcript(Transcript::default()), size: 0, limit: limits.transcript, share: limits.share.clone() }
    }

    /// Hands every event on and keeps none.
    pub(super) fn observer(observer: &'a mut dyn FnMut(&Event)) -> Self {
        Self { keep: Keep::Observer(observer), size: 0, limit: usize::MAX, share: Share::unlimited() }
    }

    /// Forgets every event.
    pub(super) fn nothing() -> Self {
        Self { keep: Keep::Nothing, size: 0, limit: usize::MAX, share: Share::unlimited() }
    }

    /// True if an event with this content still fits.
    pub(super) fn has_room_for(&self, what: &What) -> bool {
        let size = size(what);
        !matches!(self.keep, Keep::Transcript(_)) || self.size.saturating_add(size) <= self.limit && self.share.has_room_for(size)
    }

    /// What is full when there is no room, as a phrase.
    pub(super) fn bound(&self) -> String {
        if self.share.has_room_for(0) {
            format!("a transcript of more than {} bytes", self.limit)
        } else {
            format!("more than all conversations of a run may hold together, {} bytes of it here", self.size)
        }
    }

    pub(super) fn push(&mut self, event: Event) {
        match &mut self.keep {
            Keep::Transcript(transcript) => {
                let size = size(&event.what);
                self.size = self.size.saturating_add(size);
                self.share.take(size);
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
