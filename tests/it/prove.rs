//! The proof notices what is missing: checks are taken out of packs, and each hole is named.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use framegate::pack::scenario::Step;
use framegate::pack::{Library, Pack, Settings};
use framegate::prove::{Options, prove};
use framegate::suite::Bound;
use framegate::transcript::Role;
use framegate::verdict::Level;
use framegate::verdict::proof::Proof;

/// A pack without the layers that it stands on, whose proof is the same everywhere.
fn alone(library: &Library, id: &str) -> Pack {
    let mut pack = library.load(id).unwrap_or_else(|error| panic!("{error}"));
    pack.layers.truncate(1);
    pack
}

fn demo() -> Pack {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/packs/demo");
    alone(&Library::open(&folder).unwrap(), "demo")
}

fn proof(pack: &Pack) -> Proof {
    let settings = Arc::new(Settings::embedded(&pack.manifest));
    prove(&Bound { pack: Arc::new(pack.clone()), settings }, Options::default())
}

/// The requirements that nothing breaks.
fn holes(pack: &Pack) -> BTreeSet<String> {
    let proof = proof(pack);
    assert_eq!(proof.broken, Vec::<String>::new(), "the good peers pass");
    assert!(proof.holes.is_empty() || !proof.holds());
    proof.holes.into_iter().map(|hole| hole.requirement).collect()
}

/// The requirements that a rule judges, no step does, and a proof asks for.
fn ruled(pack: &Pack) -> Vec<String> {
    let mut proved = BTreeSet::new();
    each_proof(&mut pack.clone(), &mut |proves| proved.extend(proves.iter().cloned()));
    let asked = pack.requirements().map(|(_, requirement)| requirement).filter(|requirement| requirement.level > Level::May);
    asked.filter(|asked| asked.rule.is_some() && !proved.contains(&asked.id)).map(|asked| asked.id.clone()).collect()
}

/// The requirements that one step alone judges.
fn stepped(pack: &mut Pack) -> Vec<String> {
    let mut proved: Vec<String> = Vec::new();
    each_proof(pack, &mut |proves| proved.extend(proves.iter().cloned()));
    let is_alone = |id: &String| proved.iter().filter(|other| *other == id).count() == 1;
    let ids = proved.iter().filter(|id| is_alone(id)).cloned().collect::<Vec<_>>();
    ids.into_iter()
        .filter(|id| pack.requirement(id).is_some_and(|requirement| requirement.rule.is_none() && requirement.level > Level::May))
        .collect()
}

/// Calls this with what each step proves, in scenarios and phases.
fn each_proof(pack: &mut Pack, then: &mut dyn FnMut(&mut Vec<String>)) {
    let layer = &mut pack.layers[0];
    let scenarios = layer.server.values_mut().chain(layer.client.values_mut()).map(|scenario| &mut scenario.steps);
    let phases = pack.manifest.phases.server.values_mut().chain(pack.manifest.phases.client.values_mut());
    scenarios.chain(phases).for_each(|steps| each_step(steps, then));
}

fn each_step(steps: &mut [Step], then: &mut dyn FnMut(&mut Vec<String>)) {
    for step in steps {
        match step {
            Step::Expect(expect) => then(&mut expect.proves),
            Step::Absent(absent) => then(&mut absent.proves),
            Step::Repeat(repeat) => each_step(&mut repeat.steps, then),
            _ => {}
        }
    }
}

fn take_out_rule(pack: &mut Pack, id: &str) {
    let requirements = pack.layers.iter_mut().flat_map(|layer| &mut layer.requirements);
    requirements.filter(|requirement| requirement.id == id).for_each(|requirement| requirement.rule = None);
    // What a case covers it must exercise, and without its rule nothing can.
    let scenarios = pack.layers.iter_mut().flat_map(|layer| layer.server.values_mut().chain(layer.client.values_mut()));
    scenarios.for_each(|scenario| scenario.covers.retain(|covered| covered != id));
}

fn take_out_step(pack: &mut Pack, id: &str) {
    each_proof(pack, &mut |proves| proves.retain(|proved| proved != id));
}

#[test]
fn without_a_change_there_is_no_hole() {
    assert!(proof(&demo()).holds());
}

#[test]
fn each_rule_that_is_taken_out_leaves_a_hole_of_its_name() {
    let rules = ruled(&demo());
    assert!(rules.len() > 5, "{rules:?}");
    for id in rules {
        let mut pack = demo();
        take_out_rule(&mut pack, &id);
        assert_eq!(holes(&pack), BTreeSet::from([id]));
    }
}

#[test]
fn each_expectation_that_is_taken_out_leaves_a_hole_of_its_name() {
    let steps = stepped(&mut demo());
    assert!(steps.len() > 3, "{steps:?}");
    for id in steps {
        let mut pack = demo();
        take_out_step(&mut pack, &id);
        assert_eq!(holes(&pack), BTreeSet::from([id]));
    }
}

/// One side of it is enough, and short.
#[test]
fn in_a_real_pack_each_of_a_sample_leaves_its_hole() {
    let mut pack = alone(&Library::builtin(), "polyclaw");
    pack.layers[0].server.clear();
    let is_client = |id: &String| pack.requirement(id).is_some_and(|requirement| requirement.side == Role::Client);
    let sample = |ids: Vec<String>| ids.into_iter().filter(is_client).step_by(2).collect::<Vec<_>>();
    let (rules, steps) = (sample(ruled(&pack)), sample(stepped(&mut pack.clone())));
    assert!(rules.len() > 3 && steps.len() > 2, "{rules:?} {steps:?}");
    let of_client = |pack: &Pack| holes(pack).into_iter().filter(is_client).collect::<BTreeSet<_>>();
    assert_eq!(of_client(&pack), BTreeSet::new());
    let mut holed = pack.clone();
    for id in &rules {
        take_out_rule(&mut holed, id);
    }
    for id in &steps {
        take_out_step(&mut holed, id);
    }
    assert_eq!(of_client(&holed), rules.into_iter().chain(steps).collect());
}
