//! Two peers talk through a queue of events in virtual time; and what the peers of the demo pack say then.

mod anything;
mod machine;
mod mutation;
mod null;
mod pair;
mod script;

use std::path::Path;
use std::sync::{Arc, LazyLock};

use crate::pack::{Library, Pack, Settings};

/// The demo pack with what its reference peers have.
pub(super) fn demo() -> (Arc<Pack>, Arc<Settings>) {
    static DEMO: LazyLock<(Arc<Pack>, Arc<Settings>)> = LazyLock::new(|| {
        let library = Library::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/packs/demo")).unwrap();
        let pack = library.load("demo").unwrap_or_else(|error| panic!("{error}"));
        let settings = Settings::embedded(&pack.manifest);
        (Arc::new(pack), Arc::new(settings))
    });
    DEMO.clone()
}

/// The demo pack with another machine on one side, as YAML would give it.
pub(super) fn with_machine(side: crate::transcript::Role, machine: serde_json::Value) -> (Arc<Pack>, Arc<Settings>) {
    let (pack, settings) = demo();
    let mut pack = Pack::clone(&pack);
    let machine = serde_json::from_value(machine).unwrap();
    match side {
        crate::transcript::Role::Server => pack.machines.server = machine,
        crate::transcript::Role::Client => pack.machines.client = machine,
    }
    (Arc::new(pack), settings)
}
