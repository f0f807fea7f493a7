//! What a campaign writes down so that it can be killed and go on: one line that says which campaign it is, then one line a checkpoint. A
//! line that was cut off is as if it had not been written.

use serde::{Deserialize, Serialize};

use super::campaign::{Orders, Progress};
use super::summary::Summary;
use crate::transcript::Role;

/// Which campaign it is. One that differs in any of this has other tries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Version of this program.
    pub version: String,
    /// Id of the pack.
    pub protocol: String,
    /// What is tested, credentials taken out.
    pub target: String,
    /// The sides under test.
    pub sides: Vec<Role>,
    /// The seed.
    pub seed: u64,
    /// This part of so many, from 0.
    pub part: (u64, u64),
}

/// A checkpoint.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    next: u64,
    found: Summary,
}

/// A journal that cannot be gone on with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// Its first line is no header.
    #[error("its first line does not say which campaign it is: {0}")]
    Header(String),
    /// It is of another campaign.
    #[error("it is the journal of another campaign: {0}")]
    Other(String),
    /// It has no whole line.
    #[error("it is empty")]
    Empty,
}

impl Header {
    /// The header of this campaign.
    pub fn new(protocol: &str, target: &str, orders: &Orders) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            protocol: protocol.to_owned(),
            target: target.to_owned(),
            sides: orders.sides.clone(),
            seed: orders.seed,
            part: orders.part,
        }
    }

    /// The first line.
    pub fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }

    /// True if both are parts of one campaign.
    pub fn is_sibling(&self, other: &Self) -> bool {
        let whole = |header: &Self| Self { part: (0, header.part.1), ..header.clone() };
        whole(self) == whole(other)
    }
}

/// The line of a checkpoint.
pub fn line(next: u64, found: &Summary) -> String {
    // The summary is cloned into its file form; checkpoints are rare.
    serde_json::to_string(&Line { next, found: found.clone() }).unwrap_or_default() + "\n"
}

/// Reads a journal: its header, where the campaign stands, and how many bytes of the text are whole lines.
pub fn read(text: &str) -> Result<(Header, Progress, usize), JournalError> {
    let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
    let mut lines = whole.lines();
    let header = lines.next().ok_or(JournalError::Empty)?;
    let header = serde_json::from_str(header).map_err(|error| JournalError::Header(error.to_string()))?;
    let mut progress = Progress::default();
    let mut length = whole.find('\n').map_or(0, |end| end + 1);
    for text in lines {
        let Ok(Line { next, found }) = serde_json::from_str(text) else { break };
        progress.next = next;
        progress.found.merge(found);
        length += text.len() + 1;
    }
    Ok((header, progress, length))
}

/// Reads the journal of this campaign and no other.
pub fn resume(text: &str, expected: &Header) -> Result<(Progress, usize), JournalError> {
    let (header, progress, length) = read(text)?;
    if header == *expected {
        return Ok((progress, length));
    }
    Err(JournalError::Other(format!("it says {}, and this one is {}", header.line().trim_end(), expected.line().trim_end())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header::new("demo", "embedded", &crate::fuzz::tests::orders())
    }

    #[test]
    fn a_line_that_was_cut_off_is_as_if_it_were_not_there() {
        let found = Summary { tries: 3, ..Summary::default() };
        let whole = header().line() + &line(10, &found) + &line(20, &found);
        let cut = &whole[..whole.len() - 5];
        let (progress, length) = resume(cut, &header()).unwrap();
        assert_eq!((progress.next, progress.found.tries), (10, 3));
        assert_eq!(length, (header().line() + &line(10, &found)).len());
        assert_eq!(resume(&whole, &header()).unwrap().0.found.tries, 6);
    }

    #[test]
    fn the_journal_of_another_campaign_is_refused() {
        let other = Header { seed: 99, ..header() };
        assert!(matches!(resume(&other.line(), &header()), Err(JournalError::Other(_))));
        assert_eq!(resume("", &header()).unwrap_err(), JournalError::Empty);
        assert!(matches!(resume("{}\n", &header()), Err(JournalError::Header(_))));
        assert!(header().is_sibling(&Header { part: (0, 1), ..header() }) && !header().is_sibling(&other));
    }
}
