//! Rules over a transcript: what each says of it. Not how severe that is (that is `finding`).

mod absence;
mod closing;
mod order;
mod period;
#[cfg(test)]
mod properties;
mod rendering;
mod response;
mod stretch;
mod timing;
mod value;

pub(super) use rendering::Declared;

use crate::pack::requirement::Requirement;
use crate::pack::rule::{Kind, Rule};
use crate::pack::{Pack, Settings};

use super::reading::Reading;
use super::schema::Conformance;
use super::tally::Tally;
use stretch::{Scopes, Stretch};

/// What a rule may look at.
pub(super) struct Ground<'a> {
    pub(super) pack: &'a Pack,
    pub(super) settings: &'a Settings,
    pub(super) reading: &'a Reading,
    pub(super) conformance: &'a Conformance<'a>,
}

/// Judges every requirement that has a rule and binds the side under test.
pub(super) fn judge<'a>(ground: &Ground<'a>) -> Vec<(&'a Requirement, Tally)> {
    let scopes = Scopes::new(ground.reading);
    let requirements = ground.pack.requirements().map(|(_, requirement)| requirement);
    requirements
        .filter(|requirement| requirement.side == ground.reading.side && requirement.excluded.is_none())
        .filter_map(|requirement| Some((requirement, judge_rule(ground, &scopes, requirement.rule.as_ref()?))))
        .collect()
}

fn judge_rule(ground: &Ground<'_>, scopes: &Scopes<'_>, rule: &Rule) -> Tally {
    let rule = rendering::rendered(rule, ground.settings);
    scopes.stretches(&rule).iter().fold(Tally::default(), |mut tally, stretch| {
        tally.merge(judge_stretch(ground, &rule.kind, stretch));
        tally
    })
}

fn judge_stretch(ground: &Ground<'_>, kind: &Kind, stretch: &Stretch<'_>) -> Tally {
    match kind {
        Kind::Never(never) => absence::never(ground, never, stretch),
        Kind::Once(once) => absence::once(ground, once, stretch),
        Kind::First(pattern) => order::first(ground, pattern, stretch),
        Kind::Before(before) => order::before(before, stretch),
        Kind::Answers(answers) => response::answers(ground, answers, stretch),
        Kind::Unique(keyed) => value::unique(keyed, stretch),
        Kind::Increasing(keyed) => value::increasing(keyed, stretch),
        Kind::Last(pattern) => order::last(ground, pattern, stretch),
        Kind::Closes(closes) => closing::closes(ground, closes, stretch),
        Kind::Every(every) => period::every(ground, every, stretch),
        Kind::Equals(equals) => value::equals(equals, stretch),
        Kind::Conforms(conforms) => {
            let mut tally = Tally::default();
            stretch.observations.iter().for_each(|seen| ground.conformance.judge(conforms, seen, &mut tally));
            tally
        }
    }
}
