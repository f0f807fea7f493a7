//! Declared values that break the protocol where the harness says them: the harness would be the one who is wrong.

use serde_json::Value;

use super::Bound;
use crate::pack::Breach;
use crate::pack::scenario::{Send, Step};
use crate::peer;
use crate::plan::Case;

/// A credential or a stimulus that is not what the protocol has there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// `credential` or `stimulus`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// The frame that holds it.
    pub frame: String,
    /// What its schema says of it.
    pub breach: Breach,
}

/// The first thing that is wrong with what this target declares, as the cases would say it. What has to come from a conversation is not looked at.
pub fn misfit(bound: &Bound, cases: &[Case]) -> Option<Misfit> {
    let mut said: Vec<&Send> = Vec::new();
    for case in cases.iter().filter(|case| case.skipped.is_none()) {
        for step in &case.steps {
            let Step::Send(send) = step else { continue };
            if send.invalid || send.pad.is_some() || said.contains(&send) {
                continue;
            }
            said.push(send);
            let found =
                peer::value(&bound.pack, &bound.settings, case.side.other(), send).and_then(|value| find(bound, &send.frame, &value));
            if found.is_some() {
                return found;
            }
        }
    }
    None
}

fn find(bound: &Bound, frame: &str, value: &Value) -> Option<Misfit> {
    let credentials = bound.settings.credentials.iter().map(|declared| ("credential", declared));
    let declared: Vec<_> = credentials.chain(bound.settings.stimuli.iter().map(|declared| ("stimulus", declared))).collect();
    bound.pack.schemas.get(frame)?.breaches(value).into_iter().find_map(|breach| {
        let text = value.pointer(&breach.at)?.as_str()?;
        let (kind, (name, _)) = declared.iter().find(|(_, (_, value))| value.as_str() == text)?;
        Some(Misfit { kind, name: (*name).clone(), frame: frame.to_owned(), breach })
    })
}
