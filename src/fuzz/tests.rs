//! Campaigns on embedded peers.

use std::path::Path;
use std::sync::Arc;

use super::arena::{Arena, Reference};
use super::campaign::{Orders, Progress, Unwatched, run};
use super::cause::{Cause, Fingerprint};
use super::summary::Summary;
use crate::pack::{Library, Settings};
use crate::suite::Bound;
use crate::transcript::Role;

/// The demo pack, bound to its reference peers.
pub(super) fn demo() -> Bound {
    let library = Library::open(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packs/demo"))).unwrap();
    let pack = Arc::new(library.load("demo").unwrap());
    let settings = Arc::new(Settings::embedded(&pack.manifest));
    Bound { pack, settings }
}

pub(super) fn orders() -> Orders {
    Orders { sides: vec![Role::Server, Role::Client], seed: 1, tries: None, part: (0, 1), jobs: 2, enough: None }
}

fn campaign(bound: &Bound, orders: &Orders, arena: &dyn Arena) -> Summary {
    run(bound, orders, arena, Progress::default(), &Unwatched)
}

#[test]
fn nothing_is_found_on_reference_peers() {
    let bound = demo();
    let summary = campaign(&bound, &orders(), &Reference);
    assert_eq!(told(&summary), Vec::<String>::new());
    assert_eq!((summary.exit_code(), summary.coverage.total().missed), (0, 0));
}

/// What was found, for people.
fn told(summary: &Summary) -> Vec<String> {
    let cut = |text: &str| text.chars().take(300).collect::<String>();
    summary
        .broken()
        .map(|(fingerprint, cause)| {
            let Cause { finding, count, ways, .. } = cause;
            let way = ways.keys().next().map(String::as_str).unwrap_or_default();
            let Fingerprint { side, requirement, reaction } = fingerprint;
            format!("{side} {requirement} ({reaction}) {count} times: {}; {}; {}", cut(&finding.expected), cut(&finding.actual), cut(way))
        })
        .collect()
}

fn builtin(id: &str) -> Bound {
    let pack = Arc::new(Library::builtin().load(id).unwrap());
    let settings = Arc::new(Settings::embedded(&pack.manifest));
    Bound { pack, settings }
}

#[test]
fn probe_packs() {
    for id in std::env::var("FUZZ_PACK").unwrap_or_default().split(',').filter(|id| !id.is_empty()) {
        let begun = std::time::Instant::now();
        let bound = builtin(id);
        let summary = campaign(&bound, &orders(), &Reference);
        println!("{id}: {:?} {:?} in {:?}", summary.tries, summary.coverage.total(), begun.elapsed());
        for line in told(&summary).iter().chain(&summary.diagnosis).chain(summary.coverage.reasons.keys().take(30)) {
            println!("  {line}");
        }
    }
}

#[test]
fn probe_one() {
    let Ok(wanted) = std::env::var("FUZZ_WAY") else { return };
    let bound = builtin(&std::env::var("FUZZ_PACK").unwrap());
    for side in [Role::Server, Role::Client] {
        let front = super::Tries::new(&bound.pack, &bound.settings, &[side], 1).fronts()[0].clone();
        let survey = super::survey::survey(&bound, front, &Reference, &mut Summary::default());
        for (state, field) in survey.front.fields.iter().enumerate() {
            for violation in &field.violations {
                let way = format!("{} {} {} {} {}", field.state.name, violation.class, violation.frame, violation.at, violation.operator);
                if way != wanted {
                    continue;
                }
                let scenario = super::conversation::scenario(&bound.pack, side, &field.state, &[violation], survey.grounds[state].probes);
                let case = crate::plan::bind(&bound.pack, &bound.settings, side, "x", &scenario).remove(0);
                let result = Reference.play(&bound, &case);
                for (index, event) in result.transcript.events.iter().enumerate() {
                    println!(
                        "{index}: {}",
                        format!("{:?} {} {} {:?}", event.at, event.connection, event.from, event.what)
                            .chars()
                            .take(260)
                            .collect::<String>()
                    );
                }
                println!("{:#?}", super::oracle::judge(&bound, &case, &result));
            }
        }
    }
}
