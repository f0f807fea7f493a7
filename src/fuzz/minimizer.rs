//! Shorter conversations that still fail: steps are dropped, texts halved, fields cut, by playing again. The same conversation gives the same
//! result, since nothing here is left to chance.

use serde_json::Value;

use super::generator::state::unrolled;
use super::pointer;
use crate::pack::Pack;
use crate::pack::scenario::{Raw, Repeat, Scenario, Step};
use crate::transcript::Role;

/// How often a conversation is played again at most.
const PLAYS: usize = 600;

/// Makes a conversation shorter as long as it `fails` in the same way and is still `negative` in what it claims.
pub fn minimize(
    pack: &Pack,
    side: Role,
    scenario: &Scenario,
    negative: &dyn Fn(&[Step]) -> bool,
    fails: &mut dyn FnMut(&Scenario) -> bool,
) -> Scenario {
    let mut search = Search { best: scenario.clone(), negative, fails, plays: 0 };
    let expanded = unrolled(pack, side, &scenario.steps);
    if !search.keep(expanded) {
        return scenario.clone();
    }
    loop {
        let before = search.best.steps.clone();
        search.drop_steps();
        search.fold_runs();
        search.simplify_steps();
        if search.best.steps == before || search.plays >= PLAYS {
            break;
        }
    }
    let mut shortest = search.best;
    shortest.steps = folded(pack, side, shortest.steps);
    shortest
}

/// How many frames, or pieces of raw bytes, stand in these steps as something the harness sends. What is repeated stands there once.
pub fn frames(pack: &Pack, side: Role, steps: &[Step]) -> usize {
    let count = |step: &Step| match step {
        Step::Send(_) | Step::Message(_) | Step::Bytes(_) | Step::Frame(_) | Step::Ping(_) | Step::Pong(_) | Step::Close(_) => 1,
        Step::Repeat(repeat) => frames(pack, side, &repeat.steps),
        _ => 0,
    };
    unrolled(pack, side, steps).iter().map(count).sum()
}

struct Search<'a> {
    best: Scenario,
    negative: &'a dyn Fn(&[Step]) -> bool,
    fails: &'a mut dyn FnMut(&Scenario) -> bool,
    plays: usize,
}

impl Search<'_> {
    /// Plays these steps, and keeps them if they fail too.
    fn keep(&mut self, steps: Vec<Step>) -> bool {
        if self.plays >= PLAYS || !(self.negative)(&steps) {
            return false;
        }
        self.plays += 1;
        let candidate = Scenario { steps, ..self.best.clone() };
        let is_kept = (self.fails)(&candidate);
        if is_kept {
            self.best = candidate;
        }
        is_kept
    }

    /// Drops runs of steps, long ones first, from the end on: what comes late matters least.
    fn drop_steps(&mut self) {
        let mut size = self.best.steps.len().div_ceil(2);
        while size > 0 {
            let mut end = self.best.steps.len();
            while end > 0 {
                let start = end.saturating_sub(size);
                let mut steps = self.best.steps.clone();
                steps.drain(start..end.min(steps.len()));
                self.keep(steps);
                end = start.min(self.best.steps.len());
            }
            size /= 2;
        }
    }

    /// Says one message of a long run of messages again and again in their place: where only their number matters.
    fn fold_runs(&mut self) {
        const LONG: usize = 4;
        let is_message = |step: &Step| matches!(step, Step::Message(_));
        let mut at = 0;
        while at < self.best.steps.len() {
            let length = self.best.steps[at..].iter().take_while(|step| is_message(step)).count();
            if length >= LONG {
                let one = self.best.steps[at].clone();
                let mut steps = self.best.steps.clone();
                steps.splice(at..at + length, [Step::Repeat(Repeat { times: length, steps: vec![one] })]);
                self.keep(steps);
            }
            at += length.max(1);
        }
    }

    fn simplify_steps(&mut self) {
        let mut index = 0;
        while index < self.best.steps.len() {
            let mut tried = 0;
            // Each candidate that is kept gives new ones.
            while let Some(simpler) = candidates(&self.best.steps[index]).into_iter().nth(tried) {
                let mut steps = self.best.steps.clone();
                steps.splice(index..=index, simpler);
                if !self.keep(steps) {
                    tried += 1;
                } else if index >= self.best.steps.len() {
                    return;
                }
                if self.plays >= PLAYS {
                    return;
                }
            }
            index += 1;
        }
    }
}

/// Simpler steps that may stand in the place of one, the boldest first.
fn candidates(step: &Step) -> Vec<Vec<Step>> {
    match step {
        Step::Repeat(repeat) if repeat.times > 1 => {
            let fewer = |times: usize| vec![Step::Repeat(Repeat { times, ..repeat.clone() })];
            vec![repeat.steps.clone(), fewer(repeat.times / 2), fewer(repeat.times - 1)]
        }
        Step::Repeat(repeat) => vec![repeat.steps.clone()],
        Step::Message(raw) => messages(raw).into_iter().map(|raw| vec![Step::Message(raw)]).collect(),
        _ => Vec::new(),
    }
}

fn messages(raw: &Raw) -> Vec<Raw> {
    let mut simpler = Vec::new();
    if !raw.fragments.is_empty() {
        simpler.push(Raw { fragments: Vec::new(), ..raw.clone() });
    }
    if let Some(times) = raw.times.filter(|times| *times > 1) {
        simpler.push(Raw { times: None, ..raw.clone() });
        simpler.push(Raw { times: Some(times / 2), ..raw.clone() });
    }
    if let Some(text) = raw.text.as_ref().filter(|text| !text.is_empty()) {
        let halves = halves(text);
        simpler.extend(halves.into_iter().map(|text| Raw { text: Some(text), ..raw.clone() }));
    }
    if let Some(json) = &raw.json {
        simpler.extend(smaller(json).into_iter().map(|json| Raw { json: Some(json), ..raw.clone() }));
    }
    simpler
}

/// The text without its second half, without its first, and without its last character.
fn halves(text: &str) -> Vec<String> {
    let middle = (0..=text.len() / 2).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let all_but_last = text.char_indices().next_back().map_or("", |(at, _)| &text[..at]);
    let mut parts = vec![text[..middle].to_owned(), text[middle..].to_owned(), all_but_last.to_owned()];
    // A placeholder that is cut in two is no template any more.
    parts.retain(|part| part.len() < text.len() && part.matches("${").count() == part.matches('}').count().min(part.matches("${").count()));
    parts.dedup();
    parts
}

/// The value without one member, or with one long text cut.
fn smaller(value: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    for at in members(value) {
        let mut without = value.clone();
        if pointer::unset(&mut without, &at) {
            found.push(without);
        }
    }
    for (at, leaf) in pointer::leaves(value) {
        let Some(text) = leaf.as_str().filter(|text| text.len() > 8 && !text.contains("${")) else { continue };
        for part in halves(text) {
            let mut shorter = value.clone();
            pointer::set(&mut shorter, &at, Value::from(part));
            found.push(shorter);
        }
    }
    found
}

/// Pointers to every member of every object and list, the outer ones first.
fn members(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![(String::new(), value)];
    while let Some((at, value)) = open.pop() {
        let inner: Vec<(String, &Value)> = match value {
            Value::Object(entries) => entries.iter().map(|(name, value)| (pointer::below(&at, name), value)).collect(),
            Value::Array(items) => items.iter().enumerate().map(|(index, value)| (format!("{at}/{index}"), value)).collect(),
            _ => Vec::new(),
        };
        found.extend(inner.iter().map(|(at, _)| at.clone()));
        open.extend(inner);
    }
    found
}

/// The steps with each whole phase in them as an `include`, the longest first.
fn folded(pack: &Pack, side: Role, mut steps: Vec<Step>) -> Vec<Step> {
    let phases = pack.manifest.phases.of(side);
    let mut known: Vec<(&String, Vec<Step>)> = phases.iter().map(|(name, own)| (name, unrolled(pack, side, own))).collect();
    known.sort_by_key(|(_, own)| std::cmp::Reverse(own.len()));
    for (name, own) in known.into_iter().filter(|(_, own)| own.len() > 1) {
        while let Some(at) = steps.windows(own.len()).position(|window| window == own.as_slice()) {
            steps.splice(at..at + own.len(), [Step::Include(name.clone())]);
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::pack::Library;

    fn goal(scenario: &Scenario) -> bool {
        scenario.steps.iter().any(|step| matches!(step, Step::Message(raw) if raw.json.as_ref().is_some_and(|json| json["b"]["bad"] == 1)))
    }

    #[test]
    fn what_is_not_needed_is_dropped_and_what_is_left_still_fails() {
        let library = Library::open(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packs/demo"))).unwrap();
        let pack = library.load("demo").unwrap();
        let steps = json!([
            {"include": "connected"},
            {"mark": "violation"},
            {"message": {"json": {"a": "x".repeat(100), "b": {"bad": 1, "c": [1, 2]}}}},
            {"ping": {"text": "x"}},
        ]);
        let scenario = Scenario::new("t", serde_json::from_value(steps).unwrap());
        let mut plays = 0;
        let shortest = minimize(&pack, Role::Server, &scenario, &|_| true, &mut |scenario| {
            plays += 1;
            goal(scenario)
        });
        let expected: Vec<Step> = serde_json::from_value(json!([{"message": {"json": {"b": {"bad": 1}}}}])).unwrap();
        assert_eq!(shortest.steps, expected);
        assert!(plays < 100, "{plays}");
        assert_eq!(frames(&pack, Role::Server, &scenario.steps), 3);
    }

    #[test]
    fn a_step_that_makes_it_positive_is_not_taken() {
        let library = Library::open(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packs/demo"))).unwrap();
        let pack = library.load("demo").unwrap();
        let steps = json!([{"message": {"text": "{\"a\":1}"}}, {"ping": {}}]);
        let scenario = Scenario::new("t", serde_json::from_value(steps).unwrap());
        let keeps_message = |steps: &[Step]| steps.iter().any(|step| matches!(step, Step::Message(_)));
        let shortest = minimize(&pack, Role::Server, &scenario, &keeps_message, &mut |_| true);
        assert!(matches!(shortest.steps.as_slice(), [Step::Message(_)]), "{:?}", shortest.steps);
    }
}
