//! Where packs are read from, and how their files become one pack.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use serde::de::DeserializeOwned;

use super::diagnostic::{Mistake, Mistakes, Source};
use super::document::Document;
use super::{format, lint};
use crate::pack::fault::Faults;
use crate::pack::machine::Machines;
use crate::pack::manifest::{FrameKind, Manifest};
use crate::pack::requirement::Requirements;
use crate::pack::scenario::Scenario;
use crate::pack::{Layer, Origin, Pack, Schema};
use crate::transcript::Role;

/// The files that are built into the program: path and text.
const BUILTIN: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/packs.rs"));

/// How deep pack folders nest: `scenarios/<protocol>/server/<name>.yaml`.
const DEPTH: usize = 4;

/// The largest file that is read.
const LARGEST: u64 = 8 * 1024 * 1024;

/// The files of a pack that every protocol has one of.
const SINGLE: [&str; 3] = ["pack.yaml", "machine.yaml", "faults.yaml"];

/// Packs, each a folder of `schemas/` and one of `scenarios/`. A folder of `scenarios/` that has requirements and no `pack.yaml` is a layer
/// that every pack stands on.
#[derive(Clone, Debug, Default)]
pub struct Library {
    /// What stands before a path when a mistake is reported: the folder that was opened.
    folder: String,
    /// Texts by path from `scenarios/` or `schemas/` on, or why they cannot be read.
    files: BTreeMap<String, Result<String, String>>,
}

/// Why a pack cannot be had: rendered diagnostics, each with file, line, column and the offending text underlined.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{diagnostics}")]
pub struct LoadError {
    /// All mistakes, as text for a terminal without colours.
    pub diagnostics: String,
    /// How many there are.
    pub mistakes: usize,
}

impl Library {
    /// The packs built into the program.
    pub fn builtin() -> Self {
        let files = BUILTIN.iter().map(|(path, text)| ((*path).to_owned(), Ok((*text).to_owned())));
        Self { folder: String::new(), files: files.collect() }
    }

    /// The packs of a folder that has its own `schemas/` and `scenarios/`.
    pub fn open(folder: &Path) -> Result<Self, LoadError> {
        let mut files = BTreeMap::new();
        for name in ["scenarios", "schemas"] {
            collect(&folder.join(name), name, DEPTH, &mut files).map_err(|error| {
                let title = format!("failed to read the folder: {error}");
                LoadError::of(&Mistakes::of(vec![Mistake::file(folder.join(name).to_string_lossy(), title)]))
            })?;
        }
        Ok(Self { folder: folder.to_string_lossy().into_owned(), files })
    }

    /// Ids of the packs, in alphabetical order.
    pub fn ids(&self) -> Vec<String> {
        let folders = self.folders().into_iter().filter(|folder| self.is_pack(folder));
        folders.map(str::to_owned).collect()
    }

    /// Loads one pack.
    pub fn load(&self, id: &str) -> Result<Pack, LoadError> {
        self.check(id).map_err(|mistakes| LoadError::of(&mistakes))
    }

    /// Reads a scenario that stands in no pack, such as a reproducer. It is held against its format, not against a pack.
    pub fn scenario(path: &str, text: &str) -> Result<Scenario, LoadError> {
        let source = Arc::new(Source { path: path.to_owned(), text: text.to_owned() });
        let read = Document::yaml(source).and_then(|document| format::read(&document, "scenario"));
        read.map_err(|mistakes| LoadError::of(&Mistakes::of(mistakes)))
    }

    /// Everything that is wrong with a pack.
    pub fn lint(&self, id: &str) -> Mistakes {
        self.check(id).err().unwrap_or_default()
    }

    /// Changes a file in memory.
    #[cfg(test)]
    pub(super) fn edit(&mut self, path: &str, change: impl FnOnce(&str) -> String) {
        let text = self.files.get(path).and_then(|text| text.as_deref().ok()).unwrap_or_default();
        self.files.insert(path.to_owned(), Ok(change(text)));
    }

    /// Paths of all files.
    #[cfg(test)]
    pub(super) fn paths(&self) -> Vec<String> {
        self.files.keys().cloned().collect()
    }

    /// Takes a file away in memory.
    #[cfg(test)]
    pub(super) fn remove(&mut self, path: &str) {
        self.files.remove(path);
    }

    fn check(&self, id: &str) -> Result<Pack, Mistakes> {
        if !self.is_pack(id) {
            let known = super::nearest::list(self.ids().iter().map(String::as_str));
            return Err(Mistakes::of(vec![Mistake::file(self.path("scenarios"), format!("there is no pack `{id}`; there are {known}"))]));
        }
        let mut reading = Reading { library: self, mistakes: Vec::new() };
        let files = reading.pack(id);
        match files {
            Some(files) if reading.mistakes.is_empty() => files.freeze().map_err(Mistakes::of),
            _ => Err(Mistakes::of(reading.mistakes)),
        }
    }

    /// Names of the folders under `scenarios/`.
    fn folders(&self) -> Vec<&str> {
        let mut folders: Vec<&str> =
            self.files.keys().filter_map(|path| path.strip_prefix("scenarios/")?.split_once('/')).map(|(folder, _)| folder).collect();
        folders.dedup();
        folders
    }

    fn is_pack(&self, folder: &str) -> bool {
        SINGLE.iter().any(|file| self.files.contains_key(&format!("scenarios/{folder}/{file}")))
    }

    /// The path under which a file is reported.
    fn path(&self, path: &str) -> String {
        if self.folder.is_empty() { path.to_owned() } else { format!("{}/{path}", self.folder.trim_end_matches('/')) }
    }

    /// Names of the files right in this folder that end so, without the ending.
    fn names(&self, folder: &str, ending: &str) -> Vec<&str> {
        let inside = self.files.keys().filter_map(|path| path.strip_prefix(folder)?.strip_prefix('/')?.strip_suffix(ending));
        inside.filter(|name| !name.contains('/')).collect()
    }
}

impl LoadError {
    fn of(mistakes: &Mistakes) -> Self {
        Self { diagnostics: mistakes.render(false), mistakes: mistakes.len() }
    }
}

fn collect(folder: &Path, name: &str, depth: usize, files: &mut BTreeMap<String, Result<String, String>>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{name}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            if depth > 1 {
                collect(&entry.path(), &path, depth - 1, files)?;
            }
        } else if [".yaml", ".yml", ".json"].iter().any(|ending| path.ends_with(ending)) {
            files.insert(path, read(&entry.path()));
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    let length = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if length > LARGEST {
        return Err(format!("it has {length} bytes, and {LARGEST} are the limit"));
    }
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| format!("it is not UTF-8 from byte {} on", error.utf8_error().valid_up_to()))
}

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
    pub(super) faults: Read<Faults>,
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
    pub(super) server: IndexMap<String, Read<Scenario>>,
    pub(super) client: IndexMap<String, Read<Scenario>>,
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
        let faults = self.yaml(&format!("{folder}/faults.yaml"), "faults");
        let schemas = self.schemas(id);
        self.strays(id);
        Some(Files {
            manifest: manifest?,
            layers: layers.into_iter().collect::<Option<_>>()?,
            machines: machines?,
            faults: faults?,
            schemas,
        })
    }

    fn layer(&mut self, name: &str, group: &str) -> Option<LayerFiles> {
        let folder = format!("scenarios/{name}");
        let requirements = self.yaml(&format!("{folder}/requirements.yaml"), "requirements");
        let server = self.scenarios(&format!("{folder}/server"));
        let client = self.scenarios(&format!("{folder}/client"));
        Some(LayerFiles { group: group.to_owned(), prefix: name.to_owned(), requirements: requirements?, server, client })
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
        let is_read = |path: &str| match path.split('/').collect::<Vec<_>>()[..] {
            ["scenarios", folder, file] => file == "requirements.yaml" || (library.is_pack(folder) && SINGLE.contains(&file)),
            ["scenarios", _, "server" | "client", file] => file.strip_suffix(".yaml").is_some(),
            ["schemas", _, file] => file.strip_suffix(".json").is_some(),
            _ => false,
        };
        let is_ours = |path: &str| {
            let folder = path.split('/').nth(1).unwrap_or_default();
            folder == id || (path.starts_with("scenarios/") && !library.is_pack(folder))
        };
        let strays = library.files.keys().filter(|path| is_ours(path) && !is_read(path));
        self.mistakes.extend(
            strays.map(|path| Mistake::file(library.path(path), "nothing reads this file: its name or its folder is not one of a pack")),
        );
    }

    fn yaml<T: DeserializeOwned>(&mut self, path: &str, format: &str) -> Option<Read<T>> {
        let source = self.source(path)?;
        self.mistakes.extend(format::first_line_mistake(&source, path, format, !self.library.folder.is_empty()));
        let document = self.keep(Document::yaml(source))?;
        let value = self.keep(format::read(&document, format))?;
        Some(Read { document, value })
    }

    fn source(&mut self, path: &str) -> Option<Arc<Source>> {
        let name = self.library.path(path);
        match self.library.files.get(path) {
            Some(Ok(text)) => Some(Arc::new(Source { path: name, text: text.clone() })),
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

impl Files {
    /// The pack, if the lint finds nothing.
    fn freeze(self) -> Result<Pack, Vec<Mistake>> {
        let mistakes = lint::lint(&self);
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let others: Vec<_> = self.schemas.iter().map(|(name, document)| (name.clone(), document.value.clone())).collect();
        let compile = |kind: &FrameKind| Schema::compile(&self.schemas[&kind.schema].value, &others).ok();
        let frames = &self.manifest.value.frames;
        let schemas = frames.iter().filter_map(|(name, kind)| Some((name.clone(), compile(kind)?))).collect();
        let layers = self.layers.into_iter().map(LayerFiles::freeze).collect();
        Ok(Pack { manifest: self.manifest.value, layers, machines: self.machines.value, faults: self.faults.value, schemas })
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
            server: values(self.server),
            client: values(self.client),
            origins,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_pack_is_sound() {
        let library = Library::builtin();
        for id in library.ids() {
            assert_eq!(library.lint(&id).render(false), "", "{id}");
        }
    }

    #[test]
    fn the_demo_pack_loads() {
        let library = Library::open(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packs/demo"))).unwrap();
        assert_eq!(library.ids(), ["demo"]);
        let pack = library.load("demo").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(pack.layers[0].origin(Role::Server, "watch").unwrap().lines, [6, 7, 8, 9]);
    }
}
