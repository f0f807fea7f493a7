//! A transcript that is too long to be kept whole becomes one that still shows how it began, what decided, and how it ended.

use super::{Bytes, Event, Mark, Transcript, What};

/// How many events at the beginning and at the end stay.
const HEAD: usize = 100;
const TAIL: usize = 50;

/// How many events before and after one that decides stay.
const AROUND: usize = 3;

/// How much of a payload or body stays.
const PAYLOAD: usize = 512;

impl Transcript {
    /// What it takes in memory, about.
    pub fn size(&self) -> usize {
        self.events.iter().map(|event| size_of::<Event>() + carried(&event.what).map_or(0, |bytes| bytes.0.len())).sum()
    }

    /// Leaves out what lies between the beginning, the events of these indices, and the end; and most of what is large. A mark stands for
    /// each gap. Gives where the events of these indices stand now.
    pub fn shorten(&mut self, deciding: &[usize]) -> Vec<usize> {
        let length = self.events.len();
        let is_near = |index: usize| deciding.iter().any(|decides| decides.abs_diff(index) <= AROUND);
        let stays = |index: usize| index < HEAD || index + TAIL >= length || is_near(index);
        let mut places = vec![0; deciding.len()];
        let mut kept: Vec<Event> = Vec::new();
        for (index, mut event) in std::mem::take(&mut self.events).into_iter().enumerate() {
            if stays(index) {
                deciding.iter().zip(&mut places).filter(|(decides, _)| **decides == index).for_each(|(_, place)| *place = kept.len());
                shorten_event(&mut event);
                kept.push(event);
            } else if let Some(Event { what: What::Mark(Mark::Omitted { events }), .. }) = kept.last_mut() {
                *events += 1;
            } else {
                kept.push(Event { connection: 0, what: What::Mark(Mark::Omitted { events: 1 }), ..event });
            }
        }
        kept.shrink_to_fit();
        self.events = kept;
        places
    }
}

fn shorten_event(event: &mut Event) {
    let bytes = match &mut event.what {
        What::Frame(frame) => &mut frame.payload,
        What::Request(request) => &mut request.body,
        What::Response(response) => &mut response.body,
        _ => return,
    };
    bytes.0.truncate(PAYLOAD);
    bytes.0.shrink_to_fit();
}

fn carried(what: &What) -> Option<&Bytes> {
    match what {
        What::Frame(frame) => Some(&frame.payload),
        What::Request(request) => Some(&request.body),
        What::Response(response) => Some(&response.body),
        What::Garbage { bytes, .. } => Some(bytes),
        What::Opened { .. } | What::Ended(_) | What::Exited(_) | What::Mark(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::transcript::{Frame, Role};

    fn flood(count: usize, payload: &str) -> Transcript {
        let event = |index| Event {
            at: Duration::from_millis(index as u64),
            connection: 1,
            from: Role::Server,
            what: What::Frame(Frame::text(format!("{index} {payload}"))),
        };
        Transcript { events: (0..count).map(event).collect() }
    }

    #[test]
    fn beginning_end_and_what_decides_stay_and_gaps_are_marked() {
        let mut transcript = flood(10_000, "");
        let (middle, last) = (transcript.events[5000].clone(), transcript.events[9999].clone());
        let places = transcript.shorten(&[5000, 9999]);
        assert_eq!((&transcript.events[places[0]], &transcript.events[places[1]]), (&middle, &last));
        let omitted = transcript.events.iter().filter_map(|event| match event.what {
            What::Mark(Mark::Omitted { events }) => Some(events),
            _ => None,
        });
        let stay = HEAD + TAIL + 2 * AROUND + 1;
        assert_eq!((omitted.clone().count(), omitted.sum::<usize>()), (2, 10_000 - stay));
        assert_eq!(transcript.events.len(), stay + 2);
    }

    #[test]
    fn a_large_payload_is_cut_and_says_how_large_it_was() {
        let mut transcript = flood(1, &"x".repeat(100_000));
        assert_eq!(transcript.shorten(&[0]), [0]);
        let What::Frame(frame) = &transcript.events[0].what else { panic!() };
        assert_eq!((frame.payload.len(), frame.arrived), (PAYLOAD, 100_002));
    }
}
