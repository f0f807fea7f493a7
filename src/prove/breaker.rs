//! Coarse deviations that nobody names: hanging, closing, or keeping silent at each thing that can be heard or said. Where no mutant breaks a
//! requirement, one of these may; where none does, nothing can.

use crate::pack::Pack;
use crate::pack::fault::{Change, CloseOn, Select};
use crate::pack::pattern::{Names, Pattern};
use crate::transcript::Role;

/// What either side may hear beside frames of the catalogue.
const HEARD: [&str; 8] = ["malformed", "unknown", "binary", "fragmented", "violation", "close", "pong", "end"];

/// Every coarse deviation of this side.
pub(super) fn breakers(pack: &Pack, side: Role) -> Vec<Change> {
    let frames = |from: Role| pack.manifest.frames.iter().filter(move |(_, kind)| kind.from == from).map(|(name, _)| name.as_str());
    let heard = HEARD.into_iter().chain(frames(side.other())).map(|name| Pattern { is: one(name), from: Some(side.other()), tree: None });
    let at_hearing = heard.flat_map(|on| {
        let closing = |code| Change::CloseOn(CloseOn { on: on.clone(), code });
        [Change::DeafAfter(on.clone()), Change::Ignore(on.clone()), closing(1011), closing(1002), closing(0)]
    });
    let said = frames(side).flat_map(|name| [Change::Drop(select(name)), Change::Repeat(select(name))]);
    let always = [
        Change::Credulous(true),
        Change::CloseNever(true),
        Change::CloseBare(true),
        Change::CloseCode(4999),
        Change::EndNever(true),
        Change::Timers(0.2),
        Change::Timers(5.0),
        Change::Drop(select("accept")),
        Change::Drop(select("upgrade")),
    ];
    at_hearing.chain(said).chain(always).collect()
}

fn one(name: &str) -> Names {
    Names(vec![name.to_owned()])
}

fn select(name: &str) -> Select {
    Select { is: one(name), tree: None, nth: None, connection: None }
}
