//! `conforms`: frames against their schemas, and which requirement a breach belongs to.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use serde_json::Value;

use crate::pack::matcher::brief;
use crate::pack::rule::{Conforms, Kind, Rule};
use crate::pack::{Breach, Observation, Pack};
use crate::transcript::{Event, Role};

use super::raw;
use super::tally::{Tally, Violation};

/// What of the frames of one side breaks their schemas.
#[derive(Debug)]
pub(super) struct Conformance<'a> {
    pack: &'a Pack,
    side: Role,
    /// Rules that claim a part of a frame for themselves.
    claims: Vec<&'a Conforms>,
    /// Breaches by event; a frame is validated once, however many rules ask.
    breaches: RefCell<HashMap<usize, Rc<Vec<Breach>>>>,
    /// The key that stands twice in a text message, by the event that completed it.
    duplicates: HashMap<usize, String>,
}

impl<'a> Conformance<'a> {
    /// Prepares to judge the frames of this side in these events.
    pub(super) fn new(pack: &'a Pack, side: Role, events: &[Event]) -> Self {
        let rules = pack.requirements().filter(|(_, requirement)| requirement.side == side && requirement.excluded.is_none());
        let claims = rules.filter_map(|(_, requirement)| claim(requirement.rule.as_ref()?)).collect();
        Self { pack, side, claims, breaches: RefCell::default(), duplicates: raw::duplicates(side, events) }
    }

    /// Judges one observation by one rule.
    pub(super) fn judge(&self, rule: &Conforms, seen: &Observation, tally: &mut Tally) {
        if seen.from != self.side || !seen.is_any(&rule.frames) || !self.pack.schemas.contains_key(&seen.name) {
            return;
        }
        let is_exercised = rule.at.is_empty() || rule.at.iter().any(|pointer| has_parent(pointer, &seen.value));
        tally.exercise_if(is_exercised);
        for breach in self.breaches(seen).iter().filter(|breach| self.belongs(breach, rule, seen)) {
            let at = if breach.at.is_empty() { String::new() } else { format!(" at `{}`", breach.at) };
            let expected = format!("`{}`{at}: {}", seen.name, breach.expected);
            tally.add(Violation::at(seen.event, expected, found(breach, &seen.value)));
        }
        if let Some(key) = self.duplicates.get(&seen.event).filter(|_| rule.at.is_empty()) {
            let expected = format!("each key of `{}` once in its object", seen.name);
            tally.add(Violation::at(seen.event, expected, format!("the key `{key}` twice")));
        }
    }

    fn belongs(&self, breach: &Breach, rule: &Conforms, seen: &Observation) -> bool {
        if rule.at.is_empty() {
            !self.claims.iter().any(|claim| seen.is_any(&claim.frames) && covers(claim, &breach.at))
        } else {
            covers(rule, &breach.at)
        }
    }

    fn breaches(&self, seen: &Observation) -> Rc<Vec<Breach>> {
        let mut breaches = self.breaches.borrow_mut();
        let validate = || {
            let schema = self.pack.schemas.get(&seen.name).filter(|schema| !schema.accepts(&seen.value));
            Rc::new(schema.map(|schema| schema.breaches(&seen.value)).unwrap_or_default())
        };
        Rc::clone(breaches.entry(seen.event).or_insert_with(validate))
    }
}

/// A rule that claims parts of frames wherever they occur. One that is bound to circumstances claims nothing, so that nothing is lost
/// where they do not hold.
fn claim(rule: &Rule) -> Option<&Conforms> {
    let is_plain = [&rule.when, &rule.unless, &rule.after, &rule.until].iter().all(|pattern| pattern.is_none()) && rule.per.is_none();
    match &rule.kind {
        Kind::Conforms(conforms) if is_plain && !conforms.at.is_empty() => Some(conforms),
        _ => None,
    }
}

fn covers(rule: &Conforms, at: &str) -> bool {
    rule.at.iter().any(|pointer| {
        let mut steps = at.split('/');
        pointer.split('/').all(|wanted| steps.next().is_some_and(|step| wanted == step || wanted == "*"))
    })
}

/// True if what the pointer points into is there, so that what it points at could be.
fn has_parent(pointer: &str, value: &Value) -> bool {
    let steps: Vec<_> = pointer.split('/').skip(1).collect();
    let parents = steps.len().saturating_sub(1);
    let mut values = vec![value];
    for step in &steps[..parents] {
        values = values.into_iter().flat_map(|value| children(step, value)).collect();
    }
    values.iter().any(|value| value.is_object() || value.is_array()) || (steps.is_empty() && !values.is_empty())
}

fn children<'v>(step: &str, value: &'v Value) -> Vec<&'v Value> {
    match (step, value) {
        ("*", Value::Array(items)) => items.iter().collect(),
        ("*", Value::Object(entries)) => entries.values().collect(),
        (step, value) => value.pointer(&format!("/{step}")).into_iter().collect(),
    }
}

fn found(breach: &Breach, value: &Value) -> String {
    if breach.actual.is_empty() {
        value.pointer(&breach.at).map_or("nothing".to_owned(), |value| brief(value, 120))
    } else {
        breach.actual.clone()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::check::sample::{Client, Server, Talk, check_rule, only};
    use crate::transcript::{Frame, Opcode};
    use crate::verdict::Outcome::{NotExercised, Satisfied, Violated};

    fn reply(people: &Value) -> Talk {
        Talk::with_server().server(1, &json!({"type": "reply", "id": 1, "people": people}))
    }

    #[test]
    fn frames_of_the_side_must_fit_their_schema() {
        check_rule(
            &json!({"conforms": {"frames": "frame"}}),
            &[
                ("fits", Talk::with_server().reply(1), Satisfied),
                ("does not", Talk::with_server().server(1, &json!({"type": "reply", "id": "1"})), Violated),
                ("the harness's own do not count", Talk::with_server().client(1, &json!({"type": "hello"})), NotExercised),
                ("unknown ones are for other rules", Talk::with_server().server(1, &json!({"type": "nonsense"})), NotExercised),
            ],
        );
    }

    #[test]
    fn a_key_that_stands_twice_breaks_the_rule_without_pointers() {
        let twice = r#"{"type":"reply","id":1,"id":1}"#;
        let (head, tail) = twice.split_at(10);
        let fragmented = Talk::with_server().frame(1, Server, Frame { fin: false, ..Frame::text(head) }).ping(Server).frame(
            1,
            Server,
            Frame::new(Opcode::CONTINUATION, tail),
        );
        let whole = json!({"conforms": {"frames": "reply"}});
        check_rule(&whole, &[("whole", Talk::with_server().text(1, Server, twice), Violated), ("fragmented", fragmented, Violated)]);
        let part = json!({"conforms": {"frames": "reply", "at": ["/id"]}});
        check_rule(&part, &[("a part", Talk::with_server().text(1, Server, twice), Satisfied)]);
    }

    #[test]
    fn a_narrower_rule_takes_its_part_and_leaves_the_rest() {
        let requirements = json!([
            {"id": "demo-whole", "rule": {"conforms": {"frames": ["reply", "tick"]}}},
            {"id": "demo-age", "rule": {"conforms": {"frames": ["reply"], "at": ["/people/*/age"]}}},
        ]);
        let outcomes = |talk: &Talk| {
            let judgement = talk.judged_by(&requirements);
            (judgement.outcomes["demo-whole"], judgement.outcomes["demo-age"])
        };
        assert_eq!(outcomes(&reply(&json!([{"age": 1}, {"age": "old"}]))), (Satisfied, Violated));
        assert_eq!(outcomes(&reply(&json!(["nobody"]))), (Violated, NotExercised));
        assert_eq!(outcomes(&reply(&json!([{"age": 1}]))), (Satisfied, Satisfied));
        assert_eq!(outcomes(&reply(&json!([]))), (Satisfied, NotExercised));
        assert_eq!(outcomes(&Talk::with_server().tick(1)), (Satisfied, NotExercised));
    }

    #[test]
    fn a_message_that_the_harness_did_not_keep_whole_is_not_judged() {
        let long = Frame { length: 5000, arrived: 5000, ..Frame::text("{\"type\":\"reply\",\"id\":") };
        let talk = Talk::with_server().frame(1, Server, long).tick(1);
        check_rule(&json!({"never": {"of": {"is": "malformed"}}}), &[("cut off", talk, Satisfied)]);
    }

    #[test]
    fn the_finding_says_where_and_what() {
        let judgement =
            Talk::with_server().server(1, &json!({"type": "reply", "id": "x"})).judged(&json!({"conforms": {"frames": "reply"}}));
        let finding = only(&judgement);
        assert_eq!(finding.event, Some(3));
        assert!(finding.expected.starts_with("`reply` at `/id`: "), "{}", finding.expected);
        assert!(finding.actual.contains("\"x\""), "{}", finding.actual);
        assert_eq!(Talk::with_server().ask(1).text(1, Client, "{}").judged(&json!({"conforms": {"frames": "frame"}})).findings, []);
    }
}
