//! Campaigns on embedded peers.

use std::path::Path;
use std::sync::Arc;

use super::arena::{Arena, Reference};
use super::campaign::{Orders, Progress, Unwatched, run};
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
    Orders { sides: vec![Role::Server, Role::Client], seed: 1, tries: None, part: (0, 1), jobs: 2 }
}

fn campaign(bound: &Bound, orders: &Orders, arena: &dyn Arena) -> Summary {
    run(bound, orders, arena, Progress::default(), &Unwatched)
}

#[test]
fn nothing_is_found_on_reference_peers() {
    let bound = demo();
    let summary = campaign(&bound, &orders(), &Reference);
    for (fingerprint, cause) in summary.broken() {
        println!("{fingerprint:?}\n  {cause:?}\n{}", cause.reproducer.as_deref().unwrap_or_default());
    }
    println!("{:#?} {:?}", summary.coverage.reasons, summary.diagnosis);
    for ((side, state, class), cell) in summary.coverage.by_class() {
        println!("{side} {state} {class}: {cell:?}");
    }
    assert_eq!(summary.exit_code(), 0);
    assert_eq!(summary.coverage.total().missed, 0);
}
