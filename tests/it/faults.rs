//! Known wrong peers: each is found out for what it is.

use framegate::pack::fault::Fault;
use framegate::peer;
use framegate::suite::{Bound, trial};
use framegate::verdict::Severity;

use crate::bench::{Bench, in_parallel};

#[test]
fn every_fault_breaks_a_requirement_that_it_must_trip() {
    let benches = Bench::all();
    let own: Vec<_> =
        benches.iter().flat_map(|bench| bench.bound.pack.layers[0].faults.faults.iter().map(move |fault| (bench, fault))).collect();
    let missed: Vec<_> = in_parallel(&own, |(bench, fault)| (!is_found_out(bench, fault)).then(|| name(bench, fault)));
    assert_eq!(missed.into_iter().flatten().collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn every_fault_of_a_layer_breaks_a_requirement_that_it_must_trip() {
    let benches = Bench::all();
    let layers = &benches[0].bound.pack.layers[1..];
    let faults: Vec<_> = layers.iter().flat_map(|layer| &layer.faults.faults).collect();
    let missed = in_parallel(&faults, |fault| (!benches.iter().any(|bench| is_found_out(bench, fault))).then(|| fault.id.clone()));
    assert_eq!(missed.into_iter().flatten().collect::<Vec<_>>(), Vec::<String>::new());
}

fn name(bench: &Bench, fault: &Fault) -> String {
    format!("{} {}", bench.bound.pack.id(), fault.id)
}

/// True if a case shows it: first those that say they look, then the others.
fn is_found_out(bench: &Bench, fault: &Fault) -> bool {
    let Bound { pack, settings } = &bench.bound;
    let changes = std::slice::from_ref(&fault.change);
    let mut cases = bench.cases(fault.side, changes);
    cases.sort_by_key(|tried| !tried.case.requirements().iter().any(|id| fault.trips.0.iter().any(|trip| trip == id)));
    cases.into_iter().any(|tried| {
        let mut target = peer::faulty(pack.clone(), settings.clone(), fault.side, changes).0;
        let result = trial(&bench.bound, &tried.case, &mut *target);
        let is_tripped = |id: &String| {
            let mut findings = result.findings.iter().filter(|finding| matches!(finding.severity, Severity::Warn | Severity::Fail));
            findings.any(|finding| finding.requirement == *id)
        };
        fault.trips.0.iter().any(is_tripped)
    })
}
