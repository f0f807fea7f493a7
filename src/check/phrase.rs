//! Observations, patterns and times as phrases that the author of a peer can act on.

use std::time::Duration;

use crate::pack::matcher::brief;
use crate::pack::pattern::{Names, Pattern};
use crate::pack::scenario::Meaning;
use crate::pack::{Band, Observation};
use crate::transcript::Role;

use super::expectation::Wanted;
use super::reading::{Ending, How};

/// Longest quotation of a value.
const QUOTE: usize = 160;

/// `` `reply` from the server that fits {…} ``
pub(super) fn pattern(pattern: &Pattern) -> String {
    let from = pattern.from.map(|side| format!(" from the {side}")).unwrap_or_default();
    let tree = pattern.tree.as_ref().map(|tree| format!(" that fits {}", brief(tree, QUOTE))).unwrap_or_default();
    format!("{}{from}{tree}", names(&pattern.is))
}

/// `` `a`, `b` or `c` ``
pub(super) fn names(Names(names): &Names) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    listed(&quoted, "or")
}

/// `a, b and c`
pub(super) fn listed(items: &[String], word: &str) -> String {
    match items {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [head @ .., last] => format!("{} {word} {last}", head.join(", ")),
    }
}

/// `` `reply` {…} ``
pub(super) fn observation(seen: &Observation) -> String {
    format!("`{}` {}", seen.name, brief(&seen.value, QUOTE))
}

/// What a side did to end a connection: `the server closed with code 1000`.
pub(super) fn ending(ending: &Ending) -> String {
    let by = ending.by;
    match &ending.how {
        How::Close(Some(code)) => format!("the {by} closed with code {code}"),
        How::Close(None) => format!("the {by} closed without a code"),
        How::End(how) if how == "finished" => format!("the {by} ended the stream"),
        How::End(how) => format!("the {by} ended the stream ({how})"),
        How::Refused => "the upgrade was refused".to_owned(),
    }
}

/// `that the server closes with code 1002 or 1007`, or whatever codes there are.
pub(super) fn close_codes(by: Role, codes: &[u16]) -> String {
    let codes: Vec<_> = codes.iter().map(u16::to_string).collect();
    if codes.is_empty() { format!("the {by} closes") } else { format!("the {by} closes with code {}", listed(&codes, "or")) }
}

/// A time in whole milliseconds where it has any.
pub(super) fn time(time: Duration) -> String {
    let milliseconds = Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    if milliseconds.is_zero() { format!("{time:?}") } else { format!("{milliseconds:?}") }
}

/// What passes: `5s`, or `25s to 35s`.
pub(super) fn band(band: &Band) -> String {
    let (low, high) = band.pass;
    if low.is_zero() { time(high) } else { format!("{} to {}", time(low), time(high)) }
}

/// What a step waits for, its alternatives that are as good included.
pub(super) fn wanted(wanted: &[Wanted], within: &str) -> String {
    let is_good = |wanted: &&Wanted| matches!(wanted.meaning, None | Some((Meaning::Pass, _)));
    let good: Vec<_> = wanted.iter().filter(is_good).map(|wanted| pattern(&wanted.pattern)).collect();
    format!("{} within {within}", listed(&good, "or"))
}
