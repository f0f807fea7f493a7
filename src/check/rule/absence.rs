//! `never` and `once`: what must not occur, and what must not occur twice.

use crate::check::phrase;
use crate::check::tally::{Tally, Violation};
use crate::pack::pattern::Names;
use crate::pack::rule::{Never, Once};

use super::Ground;
use super::stretch::{Cause, Stretch};
use super::timing;

/// It does not occur.
pub(super) fn never(ground: &Ground<'_>, never: &Never, stretch: &Stretch<'_>) -> Tally {
    let mut tally = Tally::default();
    let enough = never.window.as_ref().is_none_or(|window| stretch.lasted(ground.reading) >= ground.settings.duration(window));
    // A side that said nothing at all proves nothing about what it does not say.
    tally.exercise_if(enough && stretch.heard);
    for seen in stretch.observations.iter().filter(|seen| seen.is(&never.of)) {
        let after = phrase::time(seen.at.saturating_sub(stretch.begin.moment.at));
        let actual = format!("{} {after} after the beginning", phrase::observation(seen));
        tally.add(Violation::at(seen.event, format!("no {}", phrase::pattern(&never.of)), actual));
    }
    tally
}

/// It occurs at most once, or exactly once.
pub(super) fn once(ground: &Ground<'_>, once: &Once, stretch: &Stretch<'_>) -> Tally {
    let mut tally = Tally::default();
    let mut occurrences = stretch.observations.iter().filter(|seen| seen.is(&once.of));
    let what = phrase::pattern(&once.of);
    let Some(first) = occurrences.next() else {
        if once.required {
            missing(ground, once, stretch, &mut tally);
        }
        return tally;
    };
    tally.exercise();
    for again in occurrences {
        let actual = format!("{} again, after the one of event {}", phrase::observation(again), first.event);
        tally.add(Violation::at(again.event, format!("{what} only once"), actual));
    }
    if let Some(within) = once.within.as_ref().filter(|_| once.required) {
        let band = ground.settings.bound(within);
        let begin = stretch.begin.moment.at;
        if let Some(weight) = timing::weigh(ground.reading, band, begin, first.at) {
            let expected = format!("{what} within {}", phrase::band(&band));
            let actual = format!("it came after {}", phrase::time(first.at.saturating_sub(begin)));
            tally.add(Violation::at(first.event, expected, actual).weighing(weight));
        }
    }
    tally
}

/// It was required, and did not come. With a time limit only the time decides; without one, that the span is over.
fn missing(ground: &Ground<'_>, once: &Once, stretch: &Stretch<'_>, tally: &mut Tally) {
    let reading = ground.reading;
    let begin = stretch.begin;
    if !begin.accepted && !is_before_frames(&once.of.is) || stretch.begins_too_late(reading) {
        return;
    }
    let cut = stretch.cut(reading, begin.connection, begin.moment);
    let what = phrase::pattern(&once.of);
    if let Some(within) = &once.within {
        let band = ground.settings.bound(within);
        if let Some(weight) = timing::weigh_silence(reading, band, begin.moment.at, cut.moment.at) {
            let expected = format!("{what} within {}", phrase::band(&band));
            tally.add(Violation::at(begin.moment.event, expected, "none came").weighing(weight));
        }
        return;
    }
    let provoked = reading.is_provoked(begin.connection, begin.moment.event, cut.moment.event);
    match cut.cause {
        Cause::Until => tally.add(Violation::at(cut.moment.event, what, "none had come when the span was over")),
        Cause::Target if !provoked => {
            let ending = reading.next_ending(begin.connection, begin.moment.event).map(phrase::ending).unwrap_or_default();
            tally.add(Violation::at(cut.moment.event, what, format!("{ending} without it")));
        }
        Cause::Target | Cause::Harness | Cause::Horizon => {}
    }
}

/// True if it can be asked for on a connection whose upgrade nobody accepted.
pub(super) fn is_before_frames(names: &Names) -> bool {
    const HANDSHAKE: [&str; 9] = ["opened", "upgrade", "request", "accept", "refuse", "response", "end", "garbage", "exit"];
    names.0.iter().any(|name| HANDSHAKE.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::check::sample::{Client, Server, Talk, check_rule, only};
    use crate::transcript::{Ending, What};
    use crate::verdict::Outcome::{NotExercised, Satisfied, Violated};

    #[test]
    fn never_is_broken_by_one_occurrence_and_holds_in_any_scope_in_which_the_side_was_heard() {
        let bye = json!({"type": "bye"});
        check_rule(
            &json!({"never": {"of": {"is": "bye"}}}),
            &[
                ("nothing of it", Talk::with_server().tick(1), Satisfied),
                ("it occurs", Talk::with_server().server(1, &bye), Violated),
                ("a client that says the same is no server", Talk::with_server().client(1, &bye), Satisfied),
                ("a mute server", Talk::testing(Server).open(1).at(60_000).finish(), NotExercised),
                ("after the script was over", Talk::with_server().finish().server(1, &bye), Satisfied),
            ],
        );
    }

    #[test]
    fn never_for_a_time_proves_nothing_in_a_shorter_one() {
        check_rule(
            &json!({"never": {"of": {"is": "bye"}, "for": "10s"}, "after": {"is": "tick"}}),
            &[
                ("long enough", Talk::with_server().tick(1).at(10_000).finish(), Satisfied),
                ("too short", Talk::with_server().tick(1).at(9_999).finish(), NotExercised),
                ("cut off", Talk::with_server().tick(1).at(3000).end(Client).at(20_000).finish(), NotExercised),
                ("never begun", Talk::with_server().at(20_000).finish(), NotExercised),
                ("broken at once", Talk::with_server().tick(1).server(1, &json!({"type": "bye"})).finish(), Violated),
            ],
        );
    }

    #[test]
    fn once_allows_one_and_is_exercised_by_it() {
        check_rule(
            &json!({"once": {"of": {"is": "tick"}}}),
            &[
                ("none", Talk::with_server().finish(), NotExercised),
                ("one", Talk::with_server().tick(1).finish(), Satisfied),
                ("two", Talk::with_server().tick(1).tick(2).finish(), Violated),
                ("one on each connection", Talk::with_server().tick(1).connect(2).server(2, &json!({"type": "tick"})), Satisfied),
            ],
        );
    }

    #[test]
    fn once_required_must_come_in_time() {
        check_rule(
            &json!({"once": {"of": {"is": "tick"}, "required": true, "within": "5s"}}),
            &[
                ("in time", Talk::with_server().at(5000).tick(1).finish(), Satisfied),
                ("too late", Talk::with_server().at(5001).tick(1).finish(), Violated),
                ("not at all", Talk::with_server().at(5000).finish(), Violated),
                ("not yet", Talk::with_server().at(4999).finish(), NotExercised),
                ("the harness left", Talk::with_server().at(1000).close(Client, 1000).at(9000).finish(), NotExercised),
                ("refused", Talk::testing(Server).open(1).answer(1, 401).at(9000).finish(), NotExercised),
                ("never accepted", Talk::testing(Server).open(1).at(9000).finish(), NotExercised),
            ],
        );
        let rule = json!({"once": {"of": {"is": ["accept", "refuse"]}, "required": true, "within": "5s"}});
        check_rule(&rule, &[("no answer at all", Talk::testing(Server).open(1).at(9000).finish(), Violated)]);
    }

    #[test]
    fn once_required_without_a_time_is_owed_until_the_span_is_over() {
        let rule = json!({"once": {"of": {"is": "tick"}, "required": true}, "after": {"is": "ask"}, "until": {"is": "reply"}});
        check_rule(
            &rule,
            &[
                ("missing at the end", Talk::with_server().ask(1).reply(1).finish(), Violated),
                ("there", Talk::with_server().ask(1).tick(1).reply(1).finish(), Satisfied),
                ("outside", Talk::with_server().tick(1).ask(1).reply(1).tick(1).finish(), Violated),
                ("not over", Talk::with_server().ask(1).at(60_000).finish(), NotExercised),
                ("the server leaves", Talk::with_server().ask(1).end(Server).finish(), Violated),
                ("asked after the goodbye", Talk::with_server().close(Client, 1000).ask(1).close(Server, 1000).finish(), NotExercised),
                ("the server is driven away", Talk::with_server().ask(1).text(1, Client, "{").end(Server).finish(), NotExercised),
            ],
        );
    }

    #[test]
    fn a_connection_that_could_not_be_used_is_no_scope() {
        let unreachable = What::Ended(Ending::Unreachable("refused".to_owned()));
        let talk = Talk::testing(Server).open(1).add(1, Server, unreachable).finish();
        check_rule(&json!({"never": {"of": {"is": "bye"}}}), &[("unreachable", talk, NotExercised)]);
    }

    #[test]
    fn the_finding_names_the_deciding_event_and_what_came() {
        let talk = Talk::with_server().at(1500).server(1, &json!({"type": "bye", "why": "tired"}));
        let judgement = talk.judged(&json!({"never": {"of": {"is": "bye"}}}));
        let finding = only(&judgement);
        assert_eq!(finding.event, Some(3));
        assert_eq!(finding.expected, "no `bye`");
        assert_eq!(finding.actual, r#"`bye` {"type":"bye","why":"tired"} 1.5s after the beginning"#);
        assert_eq!(finding.source, "page, One");
    }
}
