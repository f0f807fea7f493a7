//! Two peers talk through a queue of events in virtual time; and what the peers of the demo pack say then.

use std::sync::{Arc, LazyLock};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::pack::{Pack, Settings};

/// The demo pack with what its reference peers have.
pub(super) fn demo() -> (Arc<Pack>, Arc<Settings>) {
    static DEMO: LazyLock<(Arc<Pack>, Arc<Settings>)> = LazyLock::new(|| {
        let pack = read();
        let settings = Settings::embedded(&pack.manifest);
        (Arc::new(pack), Arc::new(settings))
    });
    DEMO.clone()
}
