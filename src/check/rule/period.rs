//! `every`: something recurs with a period.

use crate::check::phrase;
use crate::check::reading::Moment;
use crate::check::tally::{Tally, Violation};
use crate::pack::Observation;
use crate::pack::rule::Every;
use crate::transcript::ConnectionId;

use super::Ground;
use super::absence::is_before_frames;
use super::stretch::{Stretch, moment};
use super::timing;

/// Judges each gap, the first from the beginning and the last to where the stretch was cut off.
pub(super) fn every(ground: &Ground<'_>, every: &Every, stretch: &Stretch<'_>) -> Tally {
    let mut tally = Tally::default();
    let reading = ground.reading;
    if !stretch.begin.accepted && !is_before_frames(&every.of.is) || stretch.begins_too_late(reading) {
        return tally;
    }
    let mut last = (stretch.begin.connection, stretch.begin.moment);
    for seen in stretch.observations.iter().filter(|seen| seen.is(&every.of)) {
        if stretch.cut(reading, last.0, last.1).moment.event < seen.event {
            break;
        }
        tally.exercise();
        gap(ground, every, last.1, seen, &mut tally);
        last = (seen.connection, moment(seen));
    }
    silence(ground, every, stretch, last, &mut tally);
    tally
}

fn gap(ground: &Ground<'_>, every: &Every, last: Moment, seen: &Observation, tally: &mut Tally) {
    let band = ground.settings.period(&every.period);
    if let Some(weight) = timing::weigh(ground.reading, band, last.at, seen.at) {
        let expected = format!("{} every {}", phrase::pattern(&every.of), phrase::band(&band));
        let actual = format!("{} after event {}", phrase::time(seen.at.saturating_sub(last.at)), last.event);
        tally.add(Violation::at(seen.event, expected, actual).weighing(weight));
    }
}

fn silence(ground: &Ground<'_>, every: &Every, stretch: &Stretch<'_>, last: (ConnectionId, Moment), tally: &mut Tally) {
    let band = ground.settings.period(&every.period);
    let cut = stretch.cut(ground.reading, last.0, last.1).moment.at;
    // What is due at the very end of the judged part may come in the same instant.
    if cut.saturating_sub(last.1.at) == band.end() {
        return;
    }
    if let Some(weight) = timing::weigh_silence(ground.reading, band, last.1.at, cut) {
        let expected = format!("{} every {}", phrase::pattern(&every.of), phrase::band(&band));
        let actual = format!("none for {} after event {}", phrase::time(cut.saturating_sub(last.1.at)), last.1.event);
        tally.add(Violation::at(last.1.event, expected, actual).weighing(weight));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::check::sample::{Client, RULE, Server, Talk, check_rule, only};
    use crate::verdict::Outcome::{NotExercised, Satisfied, Violated};
    use crate::verdict::Severity;

    fn beats(at: &[u64]) -> Talk {
        at.iter().fold(Talk::with_server(), |talk, at| talk.at(*at).tick(*at))
    }

    #[test]
    fn each_gap_lies_in_the_band_from_the_beginning_on() {
        let rule = json!({"every": {"of": {"is": "tick"}, "period": "beat"}});
        check_rule(
            &rule,
            &[
                ("regular", beats(&[10_000, 20_000, 29_500]).at(31_000).finish(), Satisfied),
                ("the first too early", beats(&[1000]).finish(), Violated),
                ("the second too early", beats(&[10_000, 17_000]).finish(), Violated),
                ("the second too late", beats(&[10_000, 23_000]).finish(), Violated),
                ("stopped", beats(&[10_000]).at(22_001).finish(), Violated),
                ("due at the very end", beats(&[10_000]).at(22_000).finish(), Satisfied),
                ("never began", beats(&[]).at(13_000).finish(), Violated),
                ("too short to tell", beats(&[]).at(9000).finish(), NotExercised),
                ("the server left", beats(&[10_000]).close(Server, 1000).at(60_000).finish(), Satisfied),
                ("the harness left", beats(&[]).close(Client, 1000).at(60_000).finish(), NotExercised),
                ("never accepted", Talk::testing(Server).open(1).at(60_000).finish(), NotExercised),
            ],
        );
        let judgement = beats(&[8500]).finish().judged(&rule);
        assert_eq!((judgement.outcomes[RULE], only(&judgement).severity), (Satisfied, Severity::Warn));
    }

    #[test]
    fn a_gap_that_the_harness_slept_through_is_inconclusive() {
        let judgement =
            beats(&[10_000]).at(22_500).late(3000).tick(2).finish().judged(&json!({"every": {"of": {"is": "tick"}, "period": "beat"}}));
        assert_eq!((judgement.outcomes[RULE], only(&judgement).severity), (Satisfied, Severity::Inconclusive));
    }
}
