//! Peers that are unusual and right: no case may fail them. A false red is as bad as a missed fault.

use std::collections::HashSet;
use std::fmt::Write as _;

use framegate::pack::fault::Variant;
use framegate::peer;
use framegate::suite::{Bound, trial};
use framegate::transcript::Role;
use framegate::verdict::{CaseResult, Verdict};

use crate::bench::{Bench, Tried, in_parallel};

/// On each side of each pack. Fewer would not be an honest try.
const LEAST: usize = 8;

#[test]
fn every_legal_variant_deviates_and_passes_every_case() {
    let benches = Bench::all();
    let variants: Vec<_> = benches.iter().flat_map(|bench| bench.bound.pack.variants().map(move |variant| (bench, variant))).collect();
    let problems: String = in_parallel(&variants, |(bench, variant)| problems(bench, variant)).concat();
    assert!(problems.is_empty(), "{problems}");
    for bench in benches {
        for side in [Role::Server, Role::Client] {
            let count = bench.bound.pack.variants().filter(|variant| variant.side == side).count();
            assert!(count >= LEAST, "{} has {count} legal variants of its {side}", bench.bound.pack.id());
        }
    }
}

fn problems(bench: &Bench, variant: &Variant) -> String {
    let Bound { pack, settings } = &bench.bound;
    let mut problems = String::new();
    let mut deviations = 0;
    for tried in sample(bench.cases(variant.side, &variant.changes)) {
        if tried.is_long() && deviations > 0 {
            break;
        }
        let (mut target, applied) = peer::faulty(pack.clone(), settings.clone(), variant.side, &variant.changes);
        let result = trial(&bench.bound, &tried.case, &mut *target);
        deviations += applied.count();
        if !is_clean(&bench.bound, variant, &result) {
            problems += &explain(variant, &result);
        }
    }
    if deviations == 0 {
        let _ = write!(problems, "\n{} never deviates in any case of {}", variant.id, pack.id());
    }
    problems
}

/// What shows almost everywhere is looked at in one row a scenario.
fn sample(mut cases: Vec<&Tried>) -> Vec<&Tried> {
    const MANY: usize = 60;
    if cases.len() > MANY {
        let mut seen = HashSet::new();
        cases.retain(|tried| seen.insert((&tried.case.group, &tried.case.scenario)));
    }
    cases
}

/// A warning is only for the unusual reading of a document.
fn is_clean(bound: &Bound, variant: &Variant, result: &CaseResult) -> bool {
    let mut readings = bound.pack.manifest.ambiguities.iter().flat_map(|ambiguity| &ambiguity.readings);
    match result.verdict() {
        Verdict::Pass => true,
        Verdict::Warn => readings.any(|reading| reading.shown == variant.id),
        _ => false,
    }
}

fn explain(variant: &Variant, result: &CaseResult) -> String {
    let mut text = format!("\n{} {} against {}", result.verdict().as_str(), result.id, variant.id);
    for finding in &result.findings {
        let _ = write!(text, "\n  {}: expected {}, actual {}", finding.requirement, finding.expected, finding.actual);
    }
    text
}
