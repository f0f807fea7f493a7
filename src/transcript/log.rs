//! A transcript: events in order, kept as JSON Lines.

use std::fmt::Write as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Event;

/// Everything that was said in one case, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Transcript {
    /// The events; their index is the frame number that findings quote.
    pub events: Vec<Event>,
}

/// A line of a transcript file that is no event.
#[derive(Debug, thiserror::Error)]
#[error("line {line} of the transcript is not an event: {source}")]
pub struct ReadError {
    /// Its number, from 1.
    pub line: usize,
    /// What the parser says.
    pub source: serde_json::Error,
}

impl Transcript {
    /// The time of the last event: how long the conversation took by its own clock.
    pub fn duration(&self) -> Duration {
        self.events.last().map(|event| event.at).unwrap_or_default()
    }

    /// One JSON object a line.
    ///
    /// # Panics
    /// Never: an event has only string keys and finite numbers.
    pub fn to_json_lines(&self) -> String {
        self.events.iter().fold(String::new(), |mut lines, event| {
            let line = serde_json::to_string(event).expect("an event has only string keys and finite numbers");
            let _ = writeln!(lines, "{line}");
            lines
        })
    }

    /// Reads what [`Transcript::to_json_lines`] wrote. Empty lines are skipped.
    pub fn from_json_lines(lines: &str) -> Result<Self, ReadError> {
        let numbered = lines.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let events = numbered
            .map(|(index, line)| serde_json::from_str(line).map_err(|source| ReadError { line: index + 1, source }))
            .collect::<Result<_, _>>()?;
        Ok(Self { events })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::{Ending, Frame, Mark, Opcode, Role, What};

    fn event(what: What) -> Event {
        Event { at: Duration::from_millis(5), connection: 1, from: Role::Client, what }
    }

    #[test]
    fn a_transcript_survives_its_own_file_format() {
        let events = vec![
            event(What::Frame(Frame::text("{\"a\":1}").masked([1, 2, 3, 4]))),
            event(What::Frame(Frame { rsv: 2, ..Frame::new(Opcode::BINARY, vec![0xFF, 0]) })),
            event(What::Mark(Mark::Step(3))),
            event(What::Ended(Ending::Unreachable("connection refused".to_owned()))),
        ];
        let transcript = Transcript { events };
        assert_eq!(Transcript::from_json_lines(&transcript.to_json_lines()).unwrap(), transcript);
    }

    #[test]
    fn a_broken_line_is_named_by_its_number() {
        let error = Transcript::from_json_lines("\n{}\n").unwrap_err();
        assert_eq!(error.line, 2);
    }
}
