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
