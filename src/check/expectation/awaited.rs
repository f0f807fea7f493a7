//! One wait: which observation ends it, or why none does.

use std::collections::HashSet;
use std::time::Duration;

use crate::check::harness;
use crate::check::phrase;
use crate::check::reading::{Moment, Reading};
use crate::check::tally::Weight;
use crate::pack::matcher;
use crate::pack::pattern::Pattern;
use crate::pack::scenario::Meaning;
use crate::pack::{Band, Observation};
use crate::transcript::ConnectionId;

use super::names::Place;

/// How many observations an unmet wait quotes.
const QUOTED: usize = 3;

/// The script counts a wait from when it began the step, which on a busy machine is a little before the mark of the step: one part in this
/// many may be missing at the end.
const SKEW: u32 = 20;

/// Observations that may still come though a connection is over: they belong to another one, or to the process.
const ELSEWHERE: [&str; 4] = ["exit", "opened", "upgrade", "request"];

/// Something that ends a wait: what was expected, or an alternative with its meaning and the reason for it.
#[derive(Clone, Debug)]
pub(in crate::check) struct Wanted {
    pub(in crate::check) pattern: Pattern,
    pub(in crate::check) meaning: Option<(Meaning, String)>,
    /// False if its tree names something that was never kept, so that nothing can fit it.
    pub(in crate::check) is_filled: bool,
}

/// How a wait ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// This observation was waited for, or is as good. `late` if it took longer than passes without a warning.
    Met { index: usize, late: Option<String> },
    /// An alternative that is not as good came instead.
    Instead { index: usize, weight: Weight, because: String },
    /// Nothing that was waited for came. Without a weight it cannot be told whether it would have come.
    Unmet { event: Option<usize>, actual: String, weight: Option<Weight> },
}

/// A wait and everything that bears on it.
pub(super) struct Awaited<'a> {
    pub(super) reading: &'a Reading,
    pub(super) taken: &'a HashSet<usize>,
    pub(super) place: Place,
    pub(super) since: Option<usize>,
    pub(super) begin: Moment,
    pub(super) step: usize,
    pub(super) band: Band,
    pub(super) patience: Duration,
    pub(super) wanted: &'a [Wanted],
    pub(super) next: bool,
}

impl Awaited<'_> {
    /// How it ended.
    pub(super) fn end(&self) -> End {
        let deadline = self.begin.at.saturating_add(self.band.end());
        let in_time = |seen: &Observation| seen.at <= deadline;
        let ending = if self.next { self.next_message() } else { self.candidates().find(|(_, seen)| self.fitting(seen).is_some()) };
        match ending {
            Some((index, seen)) if in_time(seen) => match self.fitting(seen) {
                Some(wanted) => self.met(index, seen, wanted),
                None => self.wrong(seen),
            },
            Some((_, seen)) if self.fitting(seen).is_some() => self.too_late(seen),
            _ => self.nothing(deadline),
        }
    }

    /// What the target did there that no earlier step took.
    fn candidates(&self) -> impl Iterator<Item = (usize, &Observation)> {
        let meant = |(index, seen): &(usize, &Observation)| {
            seen.from == self.reading.side
                && self.place.holds(seen.connection)
                && self.since.is_none_or(|since| seen.event > since)
                && !self.taken.contains(index)
        };
        self.reading.judged().iter().enumerate().filter(meant)
    }

    /// The first message among them, or the first of what the patterns name if that is no message.
    fn next_message(&self) -> Option<(usize, &Observation)> {
        let is_named = |seen: &Observation| self.wanted.iter().any(|wanted| seen.is_any(&wanted.pattern.is));
        self.candidates().find(|(_, seen)| seen.is_message() || is_named(seen))
    }

    fn fitting(&self, seen: &Observation) -> Option<&Wanted> {
        self.wanted.iter().find(|wanted| wanted.is_filled && seen.is(&wanted.pattern))
    }

    fn met(&self, index: usize, seen: &Observation, wanted: &Wanted) -> End {
        let time = seen.at.saturating_sub(self.begin.at);
        match &wanted.meaning {
            Some((Meaning::Warn, because)) => End::Instead { index, weight: Weight::Warn, because: because.clone() },
            Some((Meaning::Fail, because)) => End::Instead { index, weight: Weight::Full, because: because.clone() },
            Some((Meaning::Pass, _)) | None => End::Met { index, late: (time > self.band.pass.1).then(|| phrase::time(time)) },
        }
    }

    fn wrong(&self, seen: &Observation) -> End {
        let actual = self.mismatch(seen).unwrap_or_else(|| format!("{} came next", phrase::observation(seen)));
        End::Unmet { event: Some(seen.event), actual, weight: Some(Weight::Full) }
    }

    fn too_late(&self, seen: &Observation) -> End {
        let waited = seen.at.saturating_sub(self.begin.at);
        let lost = self.reading.stalled(self.begin.at, seen.at);
        let is_sure = waited.saturating_sub(lost) > self.band.end();
        let actual = format!("`{}` came after {}", seen.name, phrase::time(waited));
        End::Unmet { event: Some(seen.event), actual, weight: Some(if is_sure { Weight::Full } else { Weight::Unsure }) }
    }

    /// Nothing came. That is sure if the whole time was waited, or if nothing could come any more.
    fn nothing(&self, deadline: Duration) -> End {
        let horizon = self.reading.horizon;
        let waited = horizon.at.min(deadline).saturating_sub(self.begin.at);
        let patience = self.patience.saturating_sub(self.patience / SKEW);
        let gave_up = self.reading.script.stopped.is_some_and(|(step, _)| step == self.step) && waited >= patience;
        let is_over = self.is_over();
        let weight = if is_over {
            Some(Weight::Full)
        } else if horizon.at >= deadline || gave_up {
            Some(self.silence_weight())
        } else {
            None
        };
        let cut = if weight.is_none() { format!("; the case was over after {}", phrase::time(waited)) } else { String::new() };
        let (event, came) = self.came(deadline, waited);
        End::Unmet { event, actual: format!("{came}{cut}"), weight }
    }

    fn silence_weight(&self) -> Weight {
        let lost = self.reading.stalled(self.begin.at, self.begin.at.saturating_add(self.band.end()));
        let measured = self.reading.horizon.at.saturating_sub(self.begin.at);
        let is_unsure = lost > self.band.end() / 10 && measured.saturating_sub(lost) < self.band.end();
        if is_unsure { Weight::Unsure } else { Weight::Full }
    }

    /// True if the connection, or the process under test, had ended, so that waiting longer would have shown nothing.
    fn is_over(&self) -> bool {
        if self.reading.judged().iter().any(|seen| seen.name == "exit") {
            return true;
        }
        let Place::One(connection) = self.place else { return false };
        let mut names = self.wanted.iter().flat_map(|wanted| &wanted.pattern.is.0);
        !names.any(|name| ELSEWHERE.contains(&name.as_str()))
            && self.reading.judged().iter().any(|seen| seen.connection == connection && seen.name == "end")
    }

    /// What came instead, the closest first.
    fn came(&self, deadline: Duration, waited: Duration) -> (Option<usize>, String) {
        let judged: Vec<_> = self.candidates().map(|(_, seen)| seen).filter(|seen| seen.at <= deadline).collect();
        let closest = judged.iter().rev().find_map(|seen| Some((seen.event, self.mismatch(seen)?)));
        if let Some((event, mismatch)) = closest {
            return (Some(event), mismatch);
        }
        // What `joined` holds came in the message before it.
        let recent: Vec<_> = judged.iter().filter(|seen| seen.event > self.begin.event && seen.name != "joined").copied().collect();
        let ended = self.ended();
        let quoted: Vec<_> = recent.iter().filter(|seen| !is_ending(seen)).take(QUOTED).map(|seen| phrase::observation(seen)).collect();
        let more = recent.iter().filter(|seen| !is_ending(seen)).count().saturating_sub(QUOTED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let event = recent.first().map(|seen| seen.event);
        match (quoted.is_empty(), ended) {
            (false, None) => (event, format!("{}{more} came instead", phrase::listed(&quoted, "and"))),
            (false, Some((_, ended))) => (event, format!("{}{more} came instead, and {ended}", phrase::listed(&quoted, "and"))),
            (true, Some((event, ended))) => (event, ended),
            (true, None) if self.place == Place::Nowhere => (None, "there was no such connection".to_owned()),
            (true, None) => (event, format!("nothing came in {}", phrase::time(waited))),
        }
    }

    /// How an observation of a name that was waited for differs from what was waited for.
    fn mismatch(&self, seen: &Observation) -> Option<String> {
        let wanted = self.wanted.iter().find(|wanted| wanted.pattern.is.0.contains(&seen.name))?;
        let mismatch = matcher::explain(wanted.pattern.tree.as_ref()?, &seen.value).err()?;
        let at = if mismatch.at.is_empty() { String::new() } else { format!(" at `{}`", mismatch.at) };
        Some(format!("`{}` came with {}{at} instead of {}", seen.name, mismatch.actual, mismatch.expected))
    }

    /// How the connection, or the process, ended.
    fn ended(&self) -> Option<(Option<usize>, String)> {
        let connections: Vec<ConnectionId> = match self.place {
            Place::One(connection) => vec![connection],
            Place::Any => self.reading.connections.keys().copied().collect(),
            Place::Nowhere => Vec::new(),
        };
        let endings = connections.iter().filter_map(|connection| self.reading.first_ending(*connection));
        let before = endings.rev().find(|ending| ending.moment.event < self.reading.horizon.event);
        let process = || self.reading.process.as_ref().filter(|process| !process.killed).map(|process| (None, harness::exit(process)));
        before.map(|ending| (Some(ending.moment.event), phrase::ending(ending))).or_else(process)
    }
}

fn is_ending(seen: &Observation) -> bool {
    matches!(seen.name.as_str(), "close" | "end" | "exit")
}
