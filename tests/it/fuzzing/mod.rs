//! Campaigns on embedded peers, good and faulty.

mod blackbox;
mod campaigns;
mod mutant;
mod mutants;
mod process;
mod program;
mod regressions;
mod shared;

use std::path::Path;
use std::sync::Arc;

use framegate::fuzz::arena::Arena;
use framegate::fuzz::campaign::{Orders, Progress, Unwatched, run};
use framegate::fuzz::{Cause, Fingerprint, Summary};
use framegate::pack::machine::Reaction;
use framegate::pack::{Library, Settings};
use framegate::suite::Bound;
use framegate::transcript::Role;
use serde_json::json;

/// The demo pack. Its server is made to refuse calls that it would answer with frames that break their own schema.
fn demo() -> Bound {
    let library = Library::open(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packs/demo"))).unwrap();
    let mut pack = library.load("demo").unwrap();
    let strange = json!({"$any": [
        {"id": {"$not": {"$type": "string", "$length": {"$min": 1, "$max": 64}}}},
        {"method": {"$not": {"$type": "string"}}},
        {"params": {"$all": [{"$present": true}, {"$not": {"$type": "object"}}]}},
    ]});
    let refusal: Reaction =
        serde_json::from_value(json!({"on": {"is": "call", "match": strange}, "do": [{"close": {"code": 1008, "reason": "bad call"}}]}))
            .unwrap();
    pack.machines.server.states.get_mut("ready").unwrap().on.insert(0, refusal);
    let settings = Arc::new(Settings::embedded(&pack.manifest));
    Bound { pack: Arc::new(pack), settings }
}

fn orders(sides: &[Role], tries: Option<u64>) -> Orders {
    Orders { sides: sides.to_vec(), seed: 7, tries, part: (0, 1), jobs: 2, depth: 64, enough: None }
}

fn campaign(bound: &Bound, orders: &Orders, arena: &dyn Arena) -> Summary {
    run(bound, orders, arena, Progress::default(), &Unwatched)
}

/// What was found, a line a cause.
fn told(summary: &Summary) -> Vec<String> {
    let line = |(fingerprint, cause): (&Fingerprint, &Cause)| {
        let Fingerprint { side, requirement, reaction } = fingerprint;
        let cut = |text: &str| text.chars().take(200).collect::<String>();
        let way = cause.ways.keys().next().map(|way| cut(way)).unwrap_or_default();
        format!("{side} {requirement} ({reaction}): expected {}; {}; by {way}", cut(&cause.finding.expected), cut(&cause.finding.actual))
    };
    summary.broken().map(line).collect()
}
