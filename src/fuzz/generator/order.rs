//! Violations of the class `order`: good frames too early, again, in another order, or after the end.

use super::sample::Sample;
use super::{Ground, saying};
use crate::fuzz::violation::{Class, Violation};
use crate::pack::scenario::{CloseStep, On, Step};

pub(super) fn violations(ground: &Ground<'_>) -> Vec<Violation> {
    let firsts = ground.firsts();
    let mut found: Vec<Violation> = firsts.iter().flat_map(|sample| alone(ground, sample)).collect();
    for first in &firsts {
        for second in firsts.iter().filter(|second| second.frame != first.frame) {
            let steps = vec![said(first), said(second)];
            found.push(violation(&format!("then-{}", second.frame), first, steps));
        }
    }
    found
}

fn alone(ground: &Ground<'_>, sample: &Sample) -> Vec<Violation> {
    let is_next = ground.state.next.as_ref() == Some(&sample.frame);
    let close = Step::Close(CloseStep { code: Some(1000), ..CloseStep::default() });
    let mut found = vec![
        violation("twice", sample, vec![said(sample), said(sample)]),
        violation("five-times", sample, vec![saying::again(5, vec![said(sample)])]),
        violation("after-close", sample, vec![close, said(sample)]).over(),
        violation("then-end", sample, vec![said(sample), Step::End(On::default())]).over(),
        violation("then-reset", sample, vec![said(sample), Step::Reset(On::default())]).over(),
    ];
    if !is_next {
        found.push(violation("out-of-turn", sample, vec![said(sample)]));
    }
    found
}

fn violation(operator: &str, sample: &Sample, steps: Vec<Step>) -> Violation {
    Violation::new(Class::Order, operator, &sample.frame, "", steps)
}

fn said(sample: &Sample) -> Step {
    saying::json(sample.template.clone())
}
