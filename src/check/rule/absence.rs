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
    if !begin.accepted && !is_before_frames(&once.of.is) {
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
