//! `answers`: each request gets exactly one reply, in time.

use std::collections::{HashMap, VecDeque};

use crate::check::phrase;
use crate::check::tally::{Tally, Violation};
use crate::pack::rule::Answers;
use crate::pack::{Band, Observation};

use super::Ground;
use super::stretch::{Cause, Stretch, moment};
use super::timing;
use super::value::{earlier_key, later_key};

/// Judges every request and every reply of the stretch.
pub(super) fn answers(ground: &Ground<'_>, answers: &Answers, stretch: &Stretch<'_>) -> Tally {
    let exchange = Exchange { ground, answers, stretch, band: ground.settings.bound(&answers.within) };
    let mut tally = Tally::default();
    let mut lines: HashMap<String, Line<'_>> = HashMap::new();
    for seen in stretch.observations.iter().copied() {
        // A reply may itself be a request; it answers what came before it, not itself.
        if let Some(line) = later_key(answers.by.as_ref(), seen).filter(|_| seen.is(&answers.reply)).and_then(|key| lines.get_mut(&key)) {
            exchange.reply(line, seen, &mut tally);
        }
        if let Some(key) = earlier_key(answers.by.as_ref(), seen).filter(|_| seen.is(&answers.request)) {
            lines.entry(key).or_default().open.push_back(seen);
        }
    }
    let mut unanswered: Vec<_> = lines.into_values().flat_map(|line| line.open).collect();
    unanswered.sort_by_key(|request| request.event);
    for request in unanswered {
        exchange.silence(request, &mut tally);
    }
    tally
}

/// Requests of one key.
#[derive(Default)]
struct Line<'a> {
    open: VecDeque<&'a Observation>,
    /// The last request that got its reply, and that reply.
    answered: Option<(&'a Observation, &'a Observation)>,
}

struct Exchange<'a> {
    ground: &'a Ground<'a>,
    answers: &'a Answers,
    stretch: &'a Stretch<'a>,
    band: Band,
}

impl Exchange<'_> {
    fn reply<'a>(&self, line: &mut Line<'a>, reply: &'a Observation, tally: &mut Tally) {
        let Some(request) = line.open.pop_front() else {
            if let Some((request, first)) = line.answered.filter(|_| !self.answers.repeated) {
                let expected = format!("one answer to `{}` of event {}", request.name, request.event);
                let actual = format!("{} after the answer of event {}", phrase::observation(reply), first.event);
                tally.add(Violation::at(reply.event, expected, actual));
            }
            return;
        };
        line.answered = Some((request, reply));
        let Some(weight) = timing::weigh(self.ground.reading, self.band, request.at, reply.at) else {
            return tally.exercise();
        };
        if self.is_excused(request, reply) {
            return;
        }
        let actual = format!("`{}` after {}", reply.name, phrase::time(reply.at.saturating_sub(request.at)));
        tally.add(Violation::at(reply.event, self.expected(request), actual).weighing(weight));
    }

    /// True if the reply is out of time, but the obligation had ended before the time was over.
    fn is_excused(&self, request: &Observation, reply: &Observation) -> bool {
        let cut = self.stretch.cut(self.ground.reading, request.connection, moment(request));
        let in_time = cut.moment.at.saturating_sub(request.at) < self.band.end();
        cut.cause == Cause::Harness && cut.moment.event < reply.event && in_time
    }

    fn silence(&self, request: &Observation, tally: &mut Tally) {
        let reading = self.ground.reading;
        if self.answers.or_close && self.closing(request, tally) {
            return;
        }
        let cut = self.stretch.cut(reading, request.connection, moment(request));
        if let Some(weight) = timing::weigh_silence(reading, self.band, request.at, cut.moment.at) {
            let actual = format!("none in {}", phrase::time(cut.moment.at.saturating_sub(request.at)));
            tally.add(Violation::at(request.event, self.expected(request), actual).weighing(weight));
        } else if cut.cause == Cause::Target && !reading.is_provoked(request.connection, request.event, cut.moment.event) {
            let ending = reading.next_ending(request.connection, request.event).map(phrase::ending).unwrap_or_default();
            let after = phrase::time(cut.moment.at.saturating_sub(request.at));
            tally.add(Violation::at(cut.moment.event, self.expected(request), format!("{ending} after {after} instead")));
        }
    }

    /// Takes the target's end of the connection for an answer; false if there was none.
    fn closing(&self, request: &Observation, tally: &mut Tally) -> bool {
        let reading = self.ground.reading;
        let ending = reading.next_ending(request.connection, request.event);
        let Some(ending) = ending.filter(|ending| ending.by == reading.side && !self.stretch.is_over_before(ending.moment.event)) else {
            return false;
        };
        match timing::weigh(reading, self.band, request.at, ending.moment.at) {
            None => tally.exercise(),
            Some(weight) => {
                let after = phrase::time(ending.moment.at.saturating_sub(request.at));
                let actual = format!("{} after {after}", phrase::ending(ending));
                tally.add(Violation::at(ending.moment.event, self.expected(request), actual).weighing(weight));
            }
        }
        true
    }

    fn expected(&self, request: &Observation) -> String {
        let or_close = if self.answers.or_close { ", or the connection closed," } else { "" };
        let reply = phrase::pattern(&self.answers.reply);
        let band = phrase::band(&self.band);
        format!("{reply}{or_close} in answer to `{}` of event {} within {band}", request.name, request.event)
    }
}
