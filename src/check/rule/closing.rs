//! `closes`: a side closes in answer to something, with one of these codes, in time.

use crate::check::phrase;
use crate::check::reading::{Ending, How, Moment};
use crate::check::tally::{Tally, Violation};
use crate::pack::Band;
use crate::pack::rule::Closes;
use crate::transcript::ConnectionId;

use super::Ground;
use super::stretch::{Stretch, moment};
use super::timing;

/// What stands for a close frame without a code (RFC 6455 § 7.1.5).
const NO_CODE: u64 = 1005;

/// Judges the close that each trigger asks for.
pub(super) fn closes(ground: &Ground<'_>, closes: &Closes, stretch: &Stretch<'_>) -> Tally {
    let demand = Demand { ground, closes, stretch, band: ground.settings.bound(&closes.within) };
    let mut tally = Tally::default();
    match &closes.on {
        Some(pattern) => {
            let triggers = stretch.observations.iter().filter(|seen| seen.is(pattern));
            let is_open = |connection, event| !ground.reading.is_ended_before(connection, event);
            triggers
                .filter(|seen| is_open(seen.connection, seen.event))
                .for_each(|seen| demand.judge(seen.connection, moment(seen), &mut tally));
        }
        // Before the 101 there are no close frames; only the end of the stream can be asked for.
        None if stretch.begin.accepted || closes.bare => demand.judge(stretch.begin.connection, stretch.begin.moment, &mut tally),
        None => {}
    }
    tally
}

struct Demand<'a> {
    ground: &'a Ground<'a>,
    closes: &'a Closes,
    stretch: &'a Stretch<'a>,
    band: Band,
}

impl Demand<'_> {
    fn judge(&self, connection: ConnectionId, trigger: Moment, tally: &mut Tally) {
        let reading = self.ground.reading;
        match reading.next_ending(connection, trigger.event) {
            Some(ending) if ending.by == self.closes.by && !self.stretch.is_over_before(ending.moment.event) => {
                self.ended(trigger, ending, tally);
            }
            _ => {
                let cut = self.stretch.cut(reading, connection, trigger).moment;
                if let Some(weight) = timing::weigh_silence(reading, self.band, trigger.at, cut.at) {
                    let actual = format!("the connection was still open after {}", phrase::time(cut.at.saturating_sub(trigger.at)));
                    tally.add(Violation::at(trigger.event, self.expected(trigger), actual).weighing(weight));
                }
            }
        }
    }

    fn ended(&self, trigger: Moment, ending: &Ending, tally: &mut Tally) {
        tally.exercise();
        let after = phrase::time(ending.moment.at.saturating_sub(trigger.at));
        let violation = || {
            let actual = format!("{} after {after}", phrase::ending(ending));
            Violation::at(ending.moment.event, self.expected(trigger), actual)
        };
        if !self.is_right(&ending.how) {
            tally.add(violation());
        } else if let Some(weight) = timing::weigh(self.ground.reading, self.band, trigger.at, ending.moment.at) {
            tally.add(violation().weighing(weight));
        }
    }

    fn is_right(&self, how: &How) -> bool {
        let codes = &self.closes.codes;
        match how {
            How::Close(code) => codes.is_empty() || codes.iter().any(|allowed| u64::from(*allowed) == code.unwrap_or(NO_CODE)),
            How::End(_) | How::Refused => self.closes.bare,
        }
    }

    fn expected(&self, trigger: Moment) -> String {
        let bare = if self.closes.bare { " or just ends the stream" } else { "" };
        let closes = phrase::close_codes(self.closes.by, &self.closes.codes);
        format!("{closes}{bare} within {} of event {}", phrase::band(&self.band), trigger.event)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::check::sample::{Client, Server, Talk, check_rule};
    use crate::transcript::Frame;
    use crate::verdict::Outcome::{NotExercised, Satisfied, Violated};

    fn on_malformed() -> Value {
        json!({"closes": {"on": {"is": "malformed", "from": "client"}, "by": "server", "codes": [1003, 1007], "within": "5s"}})
    }

    fn provoked() -> Talk {
        Talk::with_server().text(1, Client, "{")
    }

    #[test]
    fn the_close_must_come_in_time_with_one_of_the_codes() {
        check_rule(
            &on_malformed(),
            &[
                ("closes", provoked().at(5000).close(Server, 1007).finish(), Satisfied),
                ("too late", provoked().at(5001).close(Server, 1007).finish(), Violated),
                ("another code", provoked().close(Server, 1000).finish(), Violated),
                ("no code", provoked().frame(1, Server, Frame::close(None)).finish(), Violated),
                ("no close frame", provoked().end(Server).finish(), Violated),
                ("stays", provoked().at(5000).finish(), Violated),
                ("not yet", provoked().at(4000).finish(), NotExercised),
                ("the harness left", provoked().close(Client, 1000).close(Server, 1000).at(9000).finish(), NotExercised),
                ("not provoked", Talk::with_server().close(Server, 1000).finish(), NotExercised),
                ("provoked after it had closed", Talk::with_server().close(Server, 1000).text(1, Client, "{").end(Server), NotExercised),
            ],
        );
    }

    #[test]
    fn a_bare_end_will_do_where_the_rule_says_so() {
        let mut rule = on_malformed();
        rule["closes"]["bare"] = json!(true);
        check_rule(
            &rule,
            &[
                ("hangs up", provoked().end(Server).finish(), Satisfied),
                ("a wrong code stays wrong", provoked().close(Server, 1000).end(Server).finish(), Violated),
            ],
        );
    }

    #[test]
    fn without_codes_any_close_will_do_and_without_a_trigger_the_span_is_one() {
        let rule = json!({"closes": {"by": "server", "within": "beat"}, "after": {"is": "tick"}, "until": {"is": "tick"}});
        check_rule(
            &rule,
            &[
                ("idle and closed", Talk::with_server().tick(1).at(10_000).close(Server, 4000).finish(), Satisfied),
                (
                    "each message begins anew",
                    Talk::with_server().tick(1).at(6000).tick(2).at(16_000).close(Server, 4000).finish(),
                    Satisfied,
                ),
                ("closed too early", Talk::with_server().tick(1).at(3000).close(Server, 4000).finish(), Violated),
                ("idle and open", Talk::with_server().tick(1).at(12_000).finish(), Violated),
                ("never idle", Talk::with_server().tick(1).at(7000).tick(2).at(14_000).tick(3).finish(), NotExercised),
                ("not begun", Talk::with_server().at(60_000).finish(), NotExercised),
            ],
        );
    }

    #[test]
    fn the_echo_is_owed_after_the_harness_closed_and_nothing_else_is() {
        let echo = json!({"closes": {"on": {"is": "close", "from": "client"}, "by": "server", "within": "5s"}});
        check_rule(
            &echo,
            &[
                ("echoed", Talk::with_server().close(Client, 1000).close(Server, 1000).finish(), Satisfied),
                ("hung up", Talk::with_server().close(Client, 1000).end(Server).finish(), Violated),
                ("silent", Talk::with_server().close(Client, 1000).at(5000).finish(), Violated),
                ("crossed", Talk::with_server().close(Server, 1001).close(Client, 1000).end(Server).finish(), NotExercised),
            ],
        );
        let late = Talk::with_server().close(Client, 1000).text(1, Client, "{").close(Server, 1000).finish();
        check_rule(&on_malformed(), &[("provoked after the harness closed", late, NotExercised)]);
    }
}
