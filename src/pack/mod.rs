//! A protocol as data: manifest, schemas, requirements, rules, machines, scenarios, faults; and the one matcher and template language.
//!
//! Loading checks every cross-reference once; a [`Pack`] that exists is sound. Nothing here does I/O but [`Library`], which reads files.

pub mod fault;
mod load;
pub mod machine;
pub mod manifest;
pub mod matcher;
mod observe;
pub mod parameter;
pub mod pattern;
pub mod requirement;
pub mod rule;
pub mod scenario;
mod schema;
mod settings;
pub mod template;

use indexmap::IndexMap;

pub use load::{DOCUMENTED, FORMATS, Form, Library, LoadError, Mistakes, Remark};
pub use observe::{Hearing, Observation, Observer, RESERVED, SETS};
pub use schema::{Breach, Schema, SchemaError};
pub use settings::{Band, Fit, Lack, Settings};

pub use crate::verdict::Origin;

use crate::transcript::Role;
use fault::{Fault, Faults, Variant};
use machine::Machines;
use manifest::Manifest;
use requirement::Requirement;
use scenario::Scenario;

/// A sound protocol pack.
#[derive(Clone, Debug)]
pub struct Pack {
    /// `pack.yaml`.
    pub manifest: Manifest,
    /// The protocol's own requirements and scenarios, then those of the layers it stands on.
    pub layers: Vec<Layer>,
    /// `machine.yaml`.
    pub machines: Machines,
    /// The compiled schema of every frame of the catalogue.
    pub schemas: IndexMap<String, Schema>,
}

/// Requirements and scenarios that are reported as one group.
#[derive(Clone, Debug)]
pub struct Layer {
    /// `protocol`, or the name of the shared folder: `websocket`.
    pub group: String,
    /// Its requirements, in file order.
    pub requirements: Vec<Requirement>,
    /// Scenarios that test a server, by name.
    pub server: IndexMap<String, Scenario>,
    /// Scenarios that test a client, by name.
    pub client: IndexMap<String, Scenario>,
    /// Its `faults.yaml`.
    pub faults: Faults,
    /// Where each scenario stands, by `server/<name>` or `client/<name>`.
    pub origins: IndexMap<String, Origin>,
}

impl Pack {
    /// The pack's id.
    pub fn id(&self) -> &str {
        &self.manifest.id
    }

    /// Every requirement of every layer, with its group.
    pub fn requirements(&self) -> impl Iterator<Item = (&str, &Requirement)> {
        self.layers.iter().flat_map(|layer| layer.requirements.iter().map(|requirement| (layer.group.as_str(), requirement)))
    }

    /// The wrong behaviours of every layer.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.layers.iter().flat_map(|layer| &layer.faults.faults)
    }

    /// The legal but unusual behaviours of every layer.
    pub fn variants(&self) -> impl Iterator<Item = &Variant> {
        self.layers.iter().flat_map(|layer| &layer.faults.variants)
    }

    /// The requirement of this id.
    pub fn requirement(&self, id: &str) -> Option<&Requirement> {
        self.requirements().map(|(_, requirement)| requirement).find(|requirement| requirement.id == id)
    }
}

impl Layer {
    /// Where this scenario stands.
    pub fn origin(&self, side: Role, name: &str) -> Option<&Origin> {
        self.origins.get(&format!("{}/{name}", side.as_str()))
    }

    /// The scenarios that test this side.
    pub fn scenarios(&self, side: Role) -> &IndexMap<String, Scenario> {
        match side {
            Role::Server => &self.server,
            Role::Client => &self.client,
        }
    }
}
