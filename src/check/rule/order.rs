//! `first`, `last` and `before`: what comes before what.

use std::collections::HashSet;

use crate::check::phrase;
use crate::check::tally::{Tally, Violation};
use crate::pack::Observation;
use crate::pack::pattern::{Names, Pattern};
use crate::pack::rule::Before;
use crate::transcript::Role;

use super::Ground;
use super::stretch::Stretch;
use super::value::{earlier_key, later_key};

/// It is the first message of its side.
pub(super) fn first(ground: &Ground<'_>, pattern: &Pattern, stretch: &Stretch<'_>) -> Tally {
    let mut tally = Tally::default();
    let side = side_of(ground, pattern);
    let counts = |seen: &&&Observation| seen.from == side && (seen.is_message() || seen.is_any(&pattern.is));
    if let Some(first) = stretch.observations.iter().find(counts) {
        tally.exercise();
        if !first.is(pattern) {
            let expected = format!("{} as the first message of the {side}", phrase::pattern(pattern));
            tally.add(Violation::at(first.event, expected, format!("{} came first", phrase::observation(first))));
        }
    }
    tally
}

/// Its side sends no message after it.
pub(super) fn last(ground: &Ground<'_>, pattern: &Pattern, stretch: &Stretch<'_>) -> Tally {
    let mut tally = Tally::default();
    let side = side_of(ground, pattern);
    let mut last: Option<&Observation> = None;
    for seen in &stretch.observations {
        if let Some(last) = last.filter(|_| seen.is_message() && seen.from == side) {
            let expected = format!("no message of the {side} after `{}` (event {})", last.name, last.event);
            tally.add(Violation::at(seen.event, expected, phrase::observation(seen)));
        }
        if last.is_none() && seen.is(pattern) {
            last = Some(seen);
            tally.exercise();
        }
    }
    tally
}

/// Each `then` has an earlier `first` with the same key.
pub(super) fn before(before: &Before, stretch: &Stretch<'_>) -> Tally {
    let mut tally = Tally::default();
    let mut met = HashSet::new();
    for seen in &stretch.observations {
        if let Some(key) = later_key(before.by.as_ref(), seen).filter(|_| seen.is(&before.then)) {
            tally.exercise();
            if !met.contains(&key) {
                let with = before.by.as_ref().map(|by| format!(" with {key} at `{}`", by.earlier)).unwrap_or_default();
                let expected = format!("{}{with} before {}", phrase::pattern(&before.first), phrase::pattern(&before.then));
                tally.add(Violation::at(seen.event, expected, format!("{} without it", phrase::observation(seen))));
            }
        }
        if seen.is(&before.first) {
            met.extend(earlier_key(before.by.as_ref(), seen));
        }
    }
    tally
}

/// The side that a pattern speaks of: its own word, the catalogue's, or the side under test.
fn side_of(ground: &Ground<'_>, pattern: &Pattern) -> Role {
    let Names(names) = &pattern.is;
    let by_catalogue = || names.iter().find_map(|name| ground.pack.manifest.frames.get(name)).map(|kind| kind.from);
    pattern.from.or_else(by_catalogue).unwrap_or(ground.reading.side)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::check::sample::{Client, Server, Talk, check_rule};
    use crate::verdict::Outcome::{NotExercised, Satisfied, Violated};

    #[test]
    fn first_speaks_of_the_messages_of_its_side_alone() {
        let hello = json!({"type": "hello", "name": "a"});
        check_rule(
            &json!({"first": {"is": "hello"}}),
            &[
                ("first", Talk::with_client().tick(1).client(1, &hello).ask(1), Satisfied),
                ("second", Talk::with_client().ask(1).client(1, &hello), Violated),
                ("a binary message is one too", Talk::with_client().text(1, Client, "[]").client(1, &hello), Violated),
                ("a ping is none", Talk::with_client().ping(Client).client(1, &hello), Satisfied),
                ("nothing", Talk::with_client().tick(1).ping(Client), NotExercised),
            ],
        );
        let close = json!({"first": {"is": "close", "from": "server"}, "after": {"is": "malformed", "from": "client"}});
        check_rule(
            &close,
            &[
                ("closes first", Talk::with_server().tick(1).text(1, Client, "{").close(Server, 1007), Satisfied),
                ("speaks first", Talk::with_server().text(1, Client, "{").tick(1).close(Server, 1007), Violated),
            ],
        );
    }

    #[test]
    fn last_forbids_messages_of_its_side_after_it() {
        let bye = json!({"type": "bye"});
        check_rule(
            &json!({"last": {"is": "bye"}}),
            &[
                ("last", Talk::with_server().tick(1).server(1, &bye).ask(1).close(Server, 1000), Satisfied),
                ("not last", Talk::with_server().server(1, &bye).tick(1), Violated),
                ("twice", Talk::with_server().server(1, &bye).server(1, &bye), Violated),
                ("on another connection", Talk::with_server().server(1, &bye).connect(2).server(2, &json!({"type": "tick"})), Satisfied),
                ("never", Talk::with_server().tick(1), NotExercised),
            ],
        );
    }

    #[test]
    fn before_asks_for_an_earlier_one_with_the_same_key() {
        check_rule(
            &json!({"before": {"first": {"is": "ask"}, "then": {"is": "reply"}, "by": "/id"}}),
            &[
                ("asked", Talk::with_server().ask(1).reply(1), Satisfied),
                ("asked once, answered twice", Talk::with_server().ask(1).reply(1).reply(1), Satisfied),
                ("asked something else", Talk::with_server().ask(1).reply(2), Violated),
                ("asked later", Talk::with_server().reply(1).ask(1), Violated),
                ("a whole number is a whole number", Talk::with_server().ask(1).text(1, Server, r#"{"type":"reply","id":1.0}"#), Satisfied),
                ("without a key", Talk::with_server().server(1, &json!({"type": "reply"})), NotExercised),
                ("no answer", Talk::with_server().ask(1), NotExercised),
            ],
        );
        check_rule(
            &json!({"before": {"first": {"is": "accept"}, "then": {"is": "message", "from": "server"}}}),
            &[("without a key anything earlier will do", Talk::with_server().tick(1), Satisfied)],
        );
    }

    #[test]
    fn keys_may_stand_at_different_places() {
        check_rule(
            &json!({"before": {"first": {"is": "tick"}, "then": {"is": "ask"}, "by": ["/seq", "/id"]}}),
            &[("same", Talk::with_client().tick(7).ask(7), Satisfied), ("other", Talk::with_client().tick(7).ask(8), Violated)],
        );
    }
}
