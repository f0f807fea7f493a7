//! Violations of the class `schema`: one keyword of one frame, broken.

use super::constraint::constraints;
use super::{Ground, saying};
use crate::fuzz::violation::{Claim, Class, Violation};

pub(super) fn violations(ground: &Ground<'_>) -> Vec<Violation> {
    let mut found: Vec<Violation> = Vec::new();
    for sample in ground.samples {
        let Some(schema) = ground.pack.schemas.get(&sample.frame) else { continue };
        for constraint in constraints(schema.source(), &sample.value) {
            let operator = format!("{}-{}", constraint.keyword, constraint.operator);
            let is_known = found.iter().any(|known| known.frame == sample.frame && known.at == constraint.at && known.operator == operator);
            let mut template = sample.template.clone();
            let literal = match &constraint.change {
                super::constraint::Change::Set(value) => super::constraint::Change::Set(saying::literal_json(value)),
                unset @ super::constraint::Change::Unset => unset.clone(),
            };
            if is_known || !literal.apply(&mut template, &constraint.place) {
                continue;
            }
            let claim = Claim::Schema { frame: sample.frame.clone(), at: constraint.at.clone(), keyword: constraint.keyword.to_owned() };
            let steps = vec![saying::json(template)];
            found.push(Violation::new(Class::Schema, operator, &sample.frame, &constraint.at, steps).claiming(claim));
        }
    }
    found
}
