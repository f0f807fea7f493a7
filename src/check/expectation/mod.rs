//! The steps of a case against its transcript: what each expected, and what came. Judged anew, whatever the script itself made of it.

mod awaited;
mod names;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::pack::parameter::Span;
use crate::pack::pattern::{Names as Kinds, Pattern};
use crate::pack::scenario::{Absent, Expect, Send, Step};
use crate::pack::template::{self, Scope};
use crate::pack::{Observation, Settings};
use crate::plan::Case;

use super::harness;
use super::phrase;
use super::reading::{Moment, Reading};
use super::rule::Declared;
use super::tally::{Tally, Violation, Weight};
pub(super) use awaited::Wanted;
use awaited::{Awaited, End};
use names::{Names, Place};

/// What the steps of a case say.
#[derive(Debug, Default)]
pub(super) struct Steps {
    /// What they say of each requirement that they prove.
    pub(super) tallies: IndexMap<String, Tally>,
    /// Requirements of optional steps that nothing came of: neither proved nor missed.
    pub(super) waived: HashSet<String>,
    /// The first thing that kept the conversation from going where it was to go.
    pub(super) obstacle: Option<Obstacle>,
    /// Events that an expectation took.
    pub(super) taken: HashSet<usize>,
}

/// What kept a conversation from going where it was to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Obstacle {
    pub(super) step: Option<usize>,
    pub(super) event: Option<usize>,
    pub(super) expected: String,
    pub(super) actual: String,
}

impl Obstacle {
    /// The obstacle as a reason: `step 3 waited for …; …`.
    pub(super) fn reason(&self) -> String {
        match self.step {
            Some(step) => format!("step {step} expected {}; {}", self.expected, self.actual),
            None => format!("expected {}; {}", self.expected, self.actual),
        }
    }
}

/// Goes through the steps that the script began.
pub(super) fn judge(settings: &Settings, case: &Case, reading: &Reading) -> Steps {
    let mut walk = Walk {
        settings,
        reading,
        names: Names::default(),
        marks: HashMap::new(),
        saved: Map::new(),
        taken: HashSet::new(),
        steps: Steps::default(),
    };
    for (index, step) in case.steps.iter().enumerate() {
        if let Some(begin) = reading.script.steps.get(&index) {
            walk.step(index, step, *begin);
        }
    }
    let taken = walk.taken.iter().map(|index| reading.observations[*index].event).collect();
    let mut steps = walk.steps;
    steps.taken = taken;
    steps.obstacle = steps.obstacle.or_else(|| interruption(reading));
    steps
}

/// What ended the script, if no step explains it.
fn interruption(reading: &Reading) -> Option<Obstacle> {
    let obstacle =
        |step, event, expected: &str, actual: String| Some(Obstacle { step, event: Some(event), expected: expected.to_owned(), actual });
    if let Some((event, what)) = reading.script.failures.first() {
        return obstacle(None, *event, "that the harness does its work", what.clone());
    }
    if let Some(deadline) = reading.script.deadline {
        let last = reading.script.steps.keys().max().copied();
        let actual = format!("the deadline of the case passed after {}", phrase::time(deadline.at));
        return obstacle(last, deadline.event, "that the conversation goes on", actual);
    }
    let (step, moment) = reading.script.stopped?;
    obstacle(Some(step), moment.event, "that the conversation goes on", "the script gave up there".to_owned())
}

struct Walk<'a> {
    settings: &'a Settings,
    reading: &'a Reading,
    names: Names,
    /// Events of the marks that steps have set.
    marks: HashMap<&'a str, usize>,
    saved: Map<String, Value>,
    /// Indices of the observations that an expectation has taken.
    taken: HashSet<usize>,
    steps: Steps,
}

impl<'a> Walk<'a> {
    fn step(&mut self, index: usize, step: &'a Step, begin: Moment) {
        let reading = self.reading;
        match step {
            Step::Open(open) => self.names.open(reading, open.connection.as_deref(), begin),
            Step::Accept(accept) => self.meet(index, accept.connection.as_deref(), begin),
            Step::Refuse(refuse) => self.meet(index, refuse.connection.as_deref(), begin),
            Step::Send(send) => self.send(send, begin),
            Step::Expect(expect) => self.expect(index, expect, begin),
            Step::Absent(absent) => self.absent(index, absent, begin),
            Step::Mark(name) => {
                self.marks.insert(name, begin.event);
            }
            _ => {}
        }
    }

    /// The client is to dial. If it does not, the script stops there.
    fn meet(&mut self, index: usize, name: Option<&str>, begin: Moment) {
        let place = self.names.meet(self.reading, name, begin);
        if self.reading.script.stopped.is_some_and(|(step, _)| step == index) {
            let actual = match (place, &self.reading.process) {
                (Place::Nowhere, Some(process)) => format!("none came; {}", harness::exit(process)),
                (Place::Nowhere, None) => "none came".to_owned(),
                _ => "what came on the connection was no upgrade request".to_owned(),
            };
            self.hinder(index, None, "that the client opens a connection and asks for the upgrade".to_owned(), actual);
        }
    }

    fn hinder(&mut self, step: usize, event: Option<usize>, expected: String, actual: String) {
        self.steps.obstacle.get_or_insert(Obstacle { step: Some(step), event, expected, actual });
    }

    /// Keeps what the harness sent in this step, if the step names it.
    fn send(&mut self, send: &Send, begin: Moment) {
        let Some(name) = &send.name else { return };
        let place = self.names.place(self.reading, send.connection.as_deref(), &[]);
        let steps = self.reading.script.steps.values().map(|moment| moment.event);
        let end = steps.filter(|event| *event > begin.event).min().unwrap_or(usize::MAX);
        let within = |seen: &&Observation| begin.event < seen.event && seen.event < end && seen.from != self.reading.side;
        let message = self.reading.observations.iter().filter(within).find(|seen| seen.is_message() && place.holds(seen.connection));
        self.saved.extend(message.map(|message| (name.clone(), message.value.clone())));
    }

    fn expect(&mut self, index: usize, expect: &Expect, begin: Moment) {
        let kinds: Vec<_> = std::iter::once(&expect.is).chain(expect.or.iter().map(|other| &other.is)).collect();
        let place = self.names.await_any(self.reading, expect.connection.as_deref(), &kinds);
        let wanted = self.wanted(expect);
        let since = expect.since.as_ref().and_then(|name| self.marks.get(name.as_str())).copied();
        let within = expect.within.clone().unwrap_or_else(|| Span("reply_time".to_owned()));
        let awaited = Awaited {
            reading: self.reading,
            taken: &self.taken,
            place,
            since,
            begin,
            step: index,
            band: self.settings.bound(&within),
            patience: self.settings.duration(&within),
            wanted: &wanted,
            next: expect.next,
        };
        let end = awaited.end();
        if let End::Met { index, .. } | End::Instead { index, .. } = &end {
            let seen = &self.reading.observations[*index];
            // What `joined` holds goes on growing, and may hold what the next step waits for already.
            if seen.name != "joined" {
                self.taken.insert(*index);
            }
            let value = seen.value.clone();
            self.saved.extend(expect.name.clone().map(|name| (name, value)));
        }
        self.conclude(index, expect, end, phrase::wanted(&wanted, &awaited_time(&within, self.settings)));
    }

    /// The patterns that end the wait, with what earlier steps saved filled in.
    fn wanted(&self, expect: &Expect) -> Vec<Wanted> {
        let own = (&expect.is, expect.tree.as_ref(), None);
        let others = expect.or.iter().map(|other| (&other.is, other.tree.as_ref(), Some((other.means, other.because.clone()))));
        let fill = |(is, tree, meaning)| {
            let (pattern, is_filled) = self.pattern(is, tree);
            Wanted { pattern, meaning, is_filled }
        };
        std::iter::once(own).chain(others).map(fill).collect()
    }

    /// The pattern with what is known filled in, and whether that is all of it.
    fn pattern(&self, is: &Kinds, tree: Option<&Value>) -> (Pattern, bool) {
        let mut known = Known { saved: &self.saved, declared: Declared(self.settings), missed: false };
        let filled = tree.map(|tree| template::render_known(tree, &mut known)).transpose();
        let is_filled = filled.is_ok() && !known.missed;
        let tree = filled.unwrap_or_else(|_| tree.cloned());
        (Pattern { is: is.clone(), from: Some(self.reading.side), tree }, is_filled)
    }

    fn conclude(&mut self, index: usize, expect: &Expect, end: End, expected: String) {
        match end {
            End::Met { late: None, .. } => self.prove(&expect.proves, Tally::exercise),
            End::Met { index: seen, late: Some(after) } => {
                let event = self.reading.observations[seen].event;
                let violation = step_violation(index, Some(event), &expected, &format!("it came after {after}")).weighing(Weight::Warn);
                self.prove(&expect.proves, |tally| tally.add(violation.clone()));
            }
            End::Instead { index: seen, weight, because } => {
                let seen = &self.reading.observations[seen];
                let actual = format!("{}: {because}", phrase::observation(seen));
                let violation = step_violation(index, Some(seen.event), &expected, &actual).weighing(weight);
                if weight == Weight::Full {
                    self.hinder(index, Some(seen.event), expected, actual);
                }
                self.prove(&expect.proves, |tally| tally.add(violation.clone()));
            }
            End::Unmet { .. } if expect.optional => {
                self.prove(&expect.proves, |_| {});
                self.steps.waived.extend(expect.proves.iter().cloned());
            }
            End::Unmet { event, actual, weight } => {
                self.hinder(index, event, expected.clone(), actual.clone());
                let violation = step_violation(index, event, &expected, &actual);
                self.prove(&expect.proves, |tally| {
                    if let Some(weight) = weight {
                        tally.add(violation.clone().weighing(weight));
                    }
                });
            }
        }
    }

    fn absent(&mut self, index: usize, absent: &Absent, begin: Moment) {
        let place = self.names.place(self.reading, absent.connection.as_deref(), &[&absent.is]);
        let (pattern, is_filled) = self.pattern(&absent.is, absent.tree.as_ref());
        if !is_filled {
            self.prove(&absent.proves, |_| {});
            let expected = format!("no {}", phrase::pattern(&pattern));
            return self.hinder(index, Some(begin.event), expected, "what it speaks of never came".to_owned());
        }
        let since = absent.since.as_ref().and_then(|name| self.marks.get(name.as_str())).copied().unwrap_or(0);
        let meant =
            |seen: &&Observation| since <= seen.event && seen.event < begin.event && place.holds(seen.connection) && seen.is(&pattern);
        let Some(seen) = self.reading.observations.iter().find(meant) else {
            return self.prove(&absent.proves, Tally::exercise);
        };
        let expected = format!("no {}", phrase::pattern(&pattern));
        let actual = phrase::observation(seen);
        let violation = step_violation(index, Some(seen.event), &expected, &actual);
        self.hinder(index, Some(seen.event), expected, actual);
        self.prove(&absent.proves, |tally| tally.add(violation.clone()));
    }

    fn prove(&mut self, requirements: &[String], mut note: impl FnMut(&mut Tally)) {
        for requirement in requirements {
            note(self.steps.tallies.entry(requirement.clone()).or_default());
        }
    }
}

fn step_violation(step: usize, event: Option<usize>, expected: &str, actual: &str) -> Violation {
    Violation { event, step: Some(step), expected: expected.to_owned(), actual: actual.to_owned(), weight: Weight::Full }
}

fn awaited_time(within: &Span, settings: &Settings) -> String {
    phrase::time(settings.bound(within).end())
}

/// What a tree may speak of: what steps saved, and what the target declares. The plan has filled the rest.
struct Known<'a> {
    saved: &'a Map<String, Value>,
    declared: Declared<'a>,
    /// True once something was asked for that is not known.
    missed: bool,
}

impl Scope for Known<'_> {
    fn lookup(&mut self, path: &str) -> Option<Value> {
        let found = match path.strip_prefix("saved.") {
            Some(path) => {
                let (name, rest) = path.split_once('.').unwrap_or((path, ""));
                self.saved.get(name).and_then(|saved| template::descend(saved, rest))
            }
            None => self.declared.lookup(path),
        };
        self.missed |= found.is_none();
        found
    }
}
