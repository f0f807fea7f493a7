//! A conversation shown or written down while it goes on, without credentials.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use framegate::report::{duration, event_line};
use framegate::transcript::{Event, Redacting, Redaction, Transcript};

use super::Failure;
use super::output::note;

/// Columns of an event on standard error.
const COLUMNS: usize = 160;

/// Where a conversation goes.
pub(crate) struct Recording {
    redacting: Redacting,
    file: Option<(PathBuf, File)>,
    is_shown: bool,
    problem: Option<io::Error>,
}

impl Recording {
    /// Begins the file, if there is one, anew.
    pub(crate) fn new(redaction: Redaction, path: Option<&Path>, is_shown: bool) -> Result<Self, Failure> {
        let create = |path: &Path| match File::create(path) {
            Ok(file) => Ok((path.to_owned(), file)),
            Err(source) => Err(Failure::Write { path: path.to_owned(), source }),
        };
        Ok(Self { redacting: Redacting::new(redaction), file: path.map(create).transpose()?, is_shown, problem: None })
    }

    /// Adds an event.
    pub(crate) fn event(&mut self, event: &Event) {
        let shown = self.redacting.event(event);
        self.write(&shown);
    }

    /// Adds what was held back; fails if anything could not be written.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        let rest = self.redacting.rest();
        self.write(&rest);
        match (self.file, self.problem) {
            (Some((path, _)), Some(source)) => Err(Failure::Write { path, source }),
            _ => Ok(()),
        }
    }

    fn write(&mut self, events: &Transcript) {
        if let (Some((_, file)), None) = (&mut self.file, &self.problem) {
            self.problem = file.write_all(events.to_json_lines().as_bytes()).err();
        }
        for event in events.events.iter().filter(|_| self.is_shown) {
            note(&format!("{:>10}  {}  {}\n", duration(event.at), event.from, event_line(event, COLUMNS)));
        }
    }
}
