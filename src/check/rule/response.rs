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
        // Nothing is owed to what comes after the end, whoever ended it.
        if reading.is_ended_before(request.connection, request.event) {
            return;
        }
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::check::sample::{Client, RULE, Server, Talk, check_rule, only};
    use crate::verdict::Outcome::{NotExercised, Satisfied, Violated};
    use crate::verdict::Severity;

    fn keyed() -> Value {
        json!({"answers": {"request": {"is": "ask"}, "reply": {"is": "reply"}, "by": "/id", "within": "5s"}})
    }

    #[test]
    fn each_request_gets_its_reply_in_time() {
        check_rule(
            &keyed(),
            &[
                ("answered", Talk::with_server().ask(1).at(5000).reply(1).finish(), Satisfied),
                ("answered out of order", Talk::with_server().ask(1).ask(2).reply(2).reply(1).finish(), Satisfied),
                ("too late", Talk::with_server().ask(1).at(5001).reply(1).finish(), Violated),
                ("never, though there was time", Talk::with_server().ask(1).at(5000).finish(), Violated),
                ("never, but there was no time", Talk::with_server().ask(1).at(4999).finish(), NotExercised),
                ("another one", Talk::with_server().ask(1).reply(2).at(6000).finish(), Violated),
                ("nothing asked", Talk::with_server().reply(1).at(6000).finish(), NotExercised),
                ("asked after the end", Talk::with_server().close(Server, 1000).ask(1).end(Server).at(9000).finish(), NotExercised),
                (
                    "asked after the harness's own end",
                    Talk::with_server().close(Client, 1000).ask(1).end(Server).at(9000).finish(),
                    NotExercised,
                ),
                ("asked without a key", Talk::with_server().client(1, &json!({"type": "ask"})).at(6000).finish(), NotExercised),
            ],
        );
    }

    #[test]
    fn a_second_reply_breaks_it_unless_repeated_is_allowed() {
        let mut rule = keyed();
        let talk = Talk::with_server().ask(1).reply(1).reply(1).finish();
        check_rule(&rule, &[("twice", talk.clone(), Violated)]);
        check_rule(&rule, &[("asked twice", Talk::with_server().ask(1).reply(1).ask(1).reply(1).finish(), Satisfied)]);
        rule["answers"]["repeated"] = json!(true);
        check_rule(&rule, &[("twice", talk, Satisfied)]);
    }

    #[test]
    fn without_a_key_the_next_reply_answers_the_oldest_request() {
        let rule = json!({"answers": {"request": {"is": "ask"}, "reply": {"is": "reply"}, "within": "5s"}});
        check_rule(
            &rule,
            &[
                ("both", Talk::with_server().ask(1).ask(2).reply(8).reply(9).finish(), Satisfied),
                ("the second has none", Talk::with_server().ask(1).ask(2).reply(8).at(6000).finish(), Violated),
                ("unasked before any request", Talk::with_server().reply(1).finish(), NotExercised),
            ],
        );
    }

    #[test]
    fn whoever_ends_the_connection_first_bears_the_blame() {
        check_rule(
            &keyed(),
            &[
                ("the server closes", Talk::with_server().ask(1).close(Server, 1000).finish(), Violated),
                ("the server hangs up", Talk::with_server().ask(1).end(Server).finish(), Violated),
                ("the harness closes", Talk::with_server().ask(1).close(Client, 1000).close(Server, 1000).at(9000).finish(), NotExercised),
                ("the harness hangs up", Talk::with_server().ask(1).end(Client).end(Server).at(9000).finish(), NotExercised),
                ("the harness echoes", Talk::with_server().ask(1).close(Server, 1000).close(Client, 1000).finish(), Violated),
                ("too late for that", Talk::with_server().ask(1).at(6000).end(Client).finish(), Violated),
                ("answered all the same", Talk::with_server().ask(1).close(Client, 1000).reply(1).finish(), Satisfied),
                ("answered late, but after that", Talk::with_server().ask(1).close(Client, 1000).at(9000).reply(1).finish(), NotExercised),
                ("driven away", Talk::with_server().ask(1).text(1, Client, "{").close(Server, 1007).finish(), NotExercised),
            ],
        );
    }

    #[test]
    fn a_close_is_an_answer_where_the_rule_says_so() {
        let mut rule = keyed();
        rule["answers"]["or_close"] = json!(true);
        check_rule(
            &rule,
            &[
                ("closes", Talk::with_server().ask(1).close(Server, 1000).finish(), Satisfied),
                ("closes too late", Talk::with_server().ask(1).at(5001).close(Server, 1000).finish(), Violated),
                ("the harness closes", Talk::with_server().ask(1).close(Client, 1000).finish(), NotExercised),
                ("does neither", Talk::with_server().ask(1).at(5000).finish(), Violated),
            ],
        );
    }

    #[test]
    fn the_echo_of_a_close_is_owed_after_the_harness_closed() {
        let rule =
            json!({"answers": {"request": {"is": "close", "from": "client"}, "reply": {"is": "close", "from": "server"}, "within": "5s"}});
        check_rule(
            &rule,
            &[
                ("echoed", Talk::with_server().close(Client, 1000).close(Server, 1000).finish(), Satisfied),
                ("not echoed", Talk::with_server().close(Client, 1000).at(5000).finish(), Violated),
                ("hangs up instead", Talk::with_server().close(Client, 1000).end(Server).finish(), Violated),
                ("no patience", Talk::with_server().close(Client, 1000).at(100).end(Client).at(9000).finish(), NotExercised),
            ],
        );
    }

    #[test]
    fn over_a_run_a_client_may_answer_on_another_connection() {
        let rule = json!({
            "answers": {"request": {"is": "close", "from": "server"}, "reply": {"is": "upgrade"}, "within": "5s"}, "scope": "run",
        });
        let closed = || Talk::with_client().close(Server, 1012).close(Client, 1012).end(Server).end(Client);
        check_rule(
            &rule,
            &[
                ("dials again", closed().at(3000).open(2).finish(), Satisfied),
                ("dials too late", closed().at(6000).open(2).finish(), Violated),
                ("never dials", closed().at(5000).finish(), Violated),
                ("not yet", closed().at(4000).finish(), NotExercised),
            ],
        );
    }

    #[test]
    fn bands_warn_at_their_edges_and_break_outside_of_them() {
        let rule = json!({"answers": {"request": {"is": "ask"}, "reply": {"is": "reply"}, "by": "/id", "within": "beat"}});
        let reply_at = |at: u64| Talk::with_server().ask(1).at(at).reply(1).finish();
        check_rule(
            &rule,
            &[("early", reply_at(7999), Violated), ("in the band", reply_at(10_000), Satisfied), ("late", reply_at(12_001), Violated)],
        );
        for edge in [8500, 11_500] {
            let judgement = reply_at(edge).judged(&rule);
            assert_eq!((judgement.outcomes[RULE], only(&judgement).severity), (Satisfied, Severity::Warn), "{edge}");
        }
    }

    #[test]
    fn a_harness_that_was_late_itself_blames_nobody() {
        let late_reply = Talk::with_server().ask(1).at(5600).late(1000).reply(1).finish();
        let judgement = late_reply.judged(&keyed());
        assert_eq!((judgement.outcomes[RULE], only(&judgement).severity), (NotExercised, Severity::Inconclusive));
        let far_too_late = Talk::with_server().ask(1).at(9000).late(1000).reply(1).finish();
        check_rule(&keyed(), &[("later than that explains", far_too_late, Violated)]);
        let a_moment = Talk::with_server().ask(1).at(2000).late(20).at(5000).finish();
        check_rule(&keyed(), &[("a moment is no excuse for silence", a_moment, Violated)]);
    }

    #[test]
    fn the_finding_says_what_was_owed_and_how_long_it_was_waited_for() {
        let judgement = Talk::with_server().ask(1).at(6000).finish().judged(&keyed());
        let finding = only(&judgement);
        assert_eq!(finding.event, Some(3));
        assert_eq!(finding.expected, "`reply` in answer to `ask` of event 3 within 5s");
        assert_eq!(finding.actual, "none in 6s");
    }
}
