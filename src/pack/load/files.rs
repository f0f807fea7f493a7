//! The files of one pack: read, each by itself, and frozen into a pack once the lint has nothing to say.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::de::DeserializeOwned;

use super::diagnostic::{Mistake, Source};
use super::document::Document;
use super::library::{DIALECTS, Library, REGRESSIONS, SINGLE};
use super::{format, lint};
use crate::pack::fault::Faults;
use crate::pack::machine::Machines;
use crate::pack::manifest::{FrameKind, Manifest};
use crate::pack::requirement::Requirements;
use crate::pack::scenario::Scenario;
use crate::pack::{Layer, Origin, Pack, Schema};
use crate::transcript::Role;

/// A file in its type, with its places.
#[derive(Clone, Debug)]
pub(super) struct Read<T> {
    pub(super) document: Document,
    pub(super) value: T,
}

/// The files of one pack, each right by itself.
#[derive(Clone, Debug)]
pub(super) struct Files {
    pub(super) manifest: Read<Manifest>,
    pub(super) layers: Vec<LayerFiles>,
    pub(super) machines: Read<Machines>,
    /// By file name.
    pub(super) schemas: IndexMap<String, Document>,
}

/// The files of one layer.
#[derive(Clone, Debug)]
pub(super) struct LayerFiles {
    pub(super) group: String,
    /// First word of its requirements' ids.
    pub(super) prefix: String,
    pub(super) requirements: Read<Requirements>,
    pub(super) faults: Read<Faults>,
    pub(super) server: IndexMap<String, Read<Scenario>>,
    pub(super) client: IndexMap<String, Read<Scenario>>,
}

impl Files {
    /// Reads the files of a pack, and of the layers it stands on.
    pub(super) fn read(library: &Library, id: &str) -> Result<Self, Vec<Mistake>> {
        let mut reading = Reading { library, mistakes: Vec::new() };
        match reading.pack(id) {
            Some(files) if reading.mistakes.is_empty() => Ok(files),
            _ => Err(reading.mistakes),
        }
    }

    /// The pack, if the lint finds nothing.
    pub(super) fn freeze(self) -> Result<Pack, Vec<Mistake>> {
        let mistakes = lint::lint(&self);
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let others: Vec<_> = self.schemas.iter().map(|(name, document)| (name.clone(), document.value.clone())).collect();
        let compile = |kind: &FrameKind| Schema::compile(&self.schemas[&kind.schema].value, &others).ok();
        let frames = &self.manifest.value.frames;
        let schemas = frames.iter().filter_map(|(name, kind)| Some((name.clone(), compile(kind)?))).collect();
        let mut layers: Vec<_> = self.layers.into_iter().map(LayerFiles::freeze).collect();
        for requirement in layers.iter_mut().flat_map(|layer| &mut layer.requirements) {
            if let Some(why) = self.manifest.value.excluded.get(&requirement.id) {
                requirement.excluded = Some(why.clone());
                requirement.rule = None;
            }
        }
        Ok(Pack { manifest: self.manifest.value, layers, machines: self.machines.value, schemas })
    }
}

impl LayerFiles {
    fn freeze(self) -> Layer {
        let mut origins = IndexMap::new();
        for (side, scenarios) in [(Role::Server, &self.server), (Role::Client, &self.client)] {
            for (name, read) in scenarios {
                let lines = (0..read.value.steps.len()).map(|step| read.document.line(&format!("/steps/{step}"))).collect();
                let path = read.document.source.path.clone();
                origins.insert(format!("{}/{name}", side.as_str()), Origin { path, lines });
            }
        }
        let values = |scenarios: IndexMap<String, Read<Scenario>>| scenarios.into_iter().map(|(name, read)| (name, read.value)).collect();
        Layer {
            group: self.group,
            requirements: self.requirements.value.requirements,
            faults: self.faults.value,
            server: values(self.server),
            client: values(self.client),
            origins,
        }
    }
}

/// The parts of a path, as if the file of a dialect stood in the place that it takes.
fn without_dialect(path: &str) -> Vec<&str> {
    let mut parts: Vec<_> = path.split('/').collect();
    if parts.len() > 4 && parts[2] == DIALECTS {
        parts.drain(2..4);
    }
    parts
}

struct Reading<'a> {
    library: &'a Library,
    mistakes: Vec<Mistake>,
}

impl Reading<'_> {
    fn pack(&mut self, id: &str) -> Option<Files> {
        let folder = format!("scenarios/{id}");
        let manifest = self.yaml(&format!("{folder}/pack.yaml"), "pack");
        let mut layers = vec![self.layer(id, "protocol")];
        let library = self.library;
        layers.extend(library.folders().into_iter().filter(|folder| !library.is_pack(folder)).map(|layer| self.layer(layer, layer)));
        let machines = self.yaml(&format!("{folder}/machine.yaml"), "machine");
        let schemas = self.schemas(id);
        self.strays(id);
        Some(Files { manifest: manifest?, layers: layers.into_iter().collect::<Option<_>>()?, machines: machines?, schemas })
    }

    fn layer(&mut self, name: &str, group: &str) -> Option<LayerFiles> {
        let folder = format!("scenarios/{name}");
        let requirements = self.yaml(&format!("{folder}/requirements.yaml"), "requirements");
        let faults = self.yaml(&format!("{folder}/faults.yaml"), "faults");
        let server = self.both(&folder, "server");
        let client = self.both(&folder, "client");
        Some(LayerFiles { group: group.to_owned(), prefix: name.to_owned(), requirements: requirements?, faults: faults?, server, client })
    }

    /// The scenarios of a side, and the reproducers that campaigns have saved.
    fn both(&mut self, folder: &str, side: &str) -> IndexMap<String, Read<Scenario>> {
        let mut scenarios = self.scenarios(&format!("{folder}/{side}"));
        let saved = self.scenarios(&format!("{folder}/{REGRESSIONS}/{side}"));
        scenarios.extend(saved.into_iter().map(|(name, read)| (format!("{REGRESSIONS}/{name}"), read)));
        scenarios
    }

    fn scenarios(&mut self, folder: &str) -> IndexMap<String, Read<Scenario>> {
        let names = self.library.names(folder, ".yaml");
        let read = names.into_iter().filter_map(|name| Some((name.to_owned(), self.yaml(&format!("{folder}/{name}.yaml"), "scenario")?)));
        read.collect()
    }

    fn schemas(&mut self, id: &str) -> IndexMap<String, Document> {
        let folder = format!("schemas/{id}");
        let names = self.library.names(&folder, ".json");
        let read = names.into_iter().filter_map(|name| {
            let source = self.source(&format!("{folder}/{name}.json"))?;
            Some((format!("{name}.json"), self.keep(Document::json(source))?))
        });
        read.collect()
    }

    /// Files that look like a part of the pack, or of what it stands on, and that nothing reads.
    fn strays(&mut self, id: &str) {
        let library = self.library;
        let is_read = |path: &str| match without_dialect(path)[..] {
            ["scenarios", folder, file] => {
                ["requirements.yaml", "faults.yaml"].contains(&file) || (library.is_pack(folder) && SINGLE.contains(&file))
            }
            ["scenarios", _, "server" | "client", file] => file.strip_suffix(".yaml").is_some(),
            ["scenarios", folder, REGRESSIONS, "server" | "client", file] => {
                library.is_pack(folder) && file.strip_suffix(".yaml").is_some()
            }
            ["schemas", _, file] => file.strip_suffix(".json").is_some(),
            _ => false,
        };
        let is_ours = |path: &str| {
            let folder = path.split('/').nth(1).unwrap_or_default();
            folder == id || (path.starts_with("scenarios/") && !library.is_pack(folder))
        };
        let strays = library.paths().filter(|path| is_ours(path) && !is_read(path));
        self.mistakes.extend(
            strays.map(|path| Mistake::file(library.path(path), "nothing reads this file: its name or its folder is not one of a pack")),
        );
    }

    fn yaml<T: DeserializeOwned>(&mut self, path: &str, format: &str) -> Option<Read<T>> {
        let source = self.source(path)?;
        let place = self.library.place(path);
        self.mistakes.extend(format::first_line_mistake(&source, place, format, self.library.is_opened()));
        let document = self.keep(Document::yaml(source))?;
        let value = self.keep(format::read(&document, format))?;
        Some(Read { document, value })
    }

    fn source(&mut self, path: &str) -> Option<Arc<Source>> {
        let name = self.library.path(path);
        match self.library.text(path) {
            Some(Ok(text)) => Some(Arc::new(Source { path: name, text: text.to_owned() })),
            Some(Err(why)) => {
                self.mistakes.push(Mistake::file(name, format!("failed to read the file: {why}")));
                None
            }
            None => {
                self.mistakes.push(Mistake::file(name, "this file is missing"));
                None
            }
        }
    }

    fn keep<T>(&mut self, result: Result<T, Vec<Mistake>>) -> Option<T> {
        result.map_err(|mistakes| self.mistakes.extend(mistakes)).ok()
    }
}
