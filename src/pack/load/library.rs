//! Where packs are read from, and how their files become one pack.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::diagnostic::{Mistake, Mistakes, Source};
use super::document::Document;
use super::files::Files;
use super::format;
use super::nearest::list;
use crate::pack::Pack;
use crate::pack::scenario::Scenario;

/// The files that are built into the program: path and text.
const BUILTIN: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/packs.rs"));

/// How deep pack folders nest: `scenarios/<protocol>/dialects/<dialect>/server/<name>.yaml`.
const DEPTH: usize = 5;

/// The folder of a pack that holds its dialects but the documented one.
pub(super) const DIALECTS: &str = "dialects";

/// The dialect that every pack has: itself.
pub const DOCUMENTED: &str = "documented";

/// The folder of a pack that holds saved reproducers, by side.
pub(super) const REGRESSIONS: &str = "regressions";

/// The largest file that is read.
const LARGEST: u64 = 8 * 1024 * 1024;

/// The files of a pack that every protocol has one of.
pub(super) const SINGLE: [&str; 2] = ["pack.yaml", "machine.yaml"];

/// Packs, each a folder of `schemas/` and one of `scenarios/`. A folder of `scenarios/` that has requirements and no `pack.yaml` is a layer
/// that every pack stands on. A folder that is opened borrows the built-in layers that it does not have itself, and the built-in packs of which it
/// has regressions alone.
#[derive(Clone, Debug, Default)]
pub struct Library {
    /// What stands before a path when a mistake is reported: the folder that was opened.
    folder: String,
    /// Texts by path from `scenarios/` or `schemas/` on, or why they cannot be read.
    files: BTreeMap<String, Result<String, String>>,
    /// Names of built-in layers that an opened folder stands on, and of built-in packs that it adds regressions to.
    borrowed: Vec<String>,
    /// Where a file stands that a dialect puts in place of this one.
    replaced: BTreeMap<String, String>,
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
        Self { files: files.collect(), ..Self::default() }
    }

    /// The packs of a folder that has its own `schemas/` and `scenarios/`. They stand on the built-in layers too, except where the folder has
    /// a layer, or a pack, of the same name.
    pub fn open(folder: &Path) -> Result<Self, LoadError> {
        let mut files = BTreeMap::new();
        for name in ["scenarios", "schemas"].into_iter().filter(|name| *name != "schemas" || folder.join(name).exists()) {
            collect(&folder.join(name), name, DEPTH, &mut files).map_err(|error| {
                let title = format!("failed to read the folder: {error}");
                LoadError::of(&Mistakes::of(vec![Mistake::file(folder.join(name).to_string_lossy(), title)]))
            })?;
        }
        let mut library = Self { folder: folder.to_string_lossy().into_owned(), files, ..Self::default() };
        library.borrow();
        Ok(library)
    }

    fn borrow(&mut self) {
        let builtin = Self::builtin();
        let is_own = |path: &&String| path.starts_with("scenarios/") && !is_regression(path);
        let own: Vec<_> = self.files.keys().filter(is_own).filter_map(|path| path.split('/').nth(1)).collect();
        let present = self.folders();
        let lacks = |folder: &&str| !own.contains(folder) && (!builtin.is_pack(folder) || present.contains(folder));
        self.borrowed = builtin.folders().into_iter().filter(lacks).map(str::to_owned).collect();
        let is_borrowed = |path: &String| path.split('/').nth(1).is_some_and(|folder| self.borrowed.iter().any(|name| name == folder));
        self.files.extend(builtin.files.iter().filter(|(path, _)| is_borrowed(path)).map(|(path, text)| (path.clone(), text.clone())));
    }

    /// The same packs with this file, named from `scenarios/` or `schemas/` on, added or replaced.
    #[must_use]
    pub fn with(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.to_owned(), Ok(text.to_owned()));
        self
    }

    /// Names of the dialects of a pack, the documented one first.
    pub fn dialects(&self, id: &str) -> Vec<String> {
        let inside = ["scenarios", "schemas"].map(|root| format!("{root}/{id}/{DIALECTS}/"));
        let names = self.files.keys().filter_map(|path| Some(inside.iter().find_map(|root| path.strip_prefix(root))?.split_once('/')?.0));
        let names: BTreeSet<&str> = names.collect();
        std::iter::once(DOCUMENTED).chain(names).map(str::to_owned).collect()
    }

    /// The same packs, this one in a dialect of its own: the files of `scenarios/<id>/dialects/<dialect>` and `schemas/<id>/dialects/<dialect>`
    /// stand in place of those of the pack that have the same name, or beside them. Nothing if the pack has no such dialect.
    #[must_use]
    pub fn in_dialect(mut self, id: &str, dialect: &str) -> Option<Self> {
        if !self.dialects(id).iter().any(|known| known == dialect) {
            return None;
        }
        for root in ["scenarios", "schemas"] {
            let folder = format!("{root}/{id}/{DIALECTS}/{dialect}/");
            let own: Vec<_> =
                self.files.iter().filter(|(path, _)| path.starts_with(&folder)).map(|(path, text)| (path.clone(), text.clone())).collect();
            for (path, text) in own {
                let place = format!("{root}/{id}/{}", &path[folder.len()..]);
                self.replaced.insert(place.clone(), path);
                self.files.insert(place, text);
            }
        }
        Some(self)
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

    /// Everything that is wrong with a pack or, where nothing is, with one of its dialects.
    pub fn lint(&self, id: &str) -> Mistakes {
        let spoken = self.dialects(id).into_iter().filter_map(|dialect| self.clone().in_dialect(id, &dialect));
        spoken.map(|library| library.check(id).err().unwrap_or_default()).find(|mistakes| !mistakes.is_empty()).unwrap_or_default()
    }

    /// Changes a file in memory.
    #[cfg(test)]
    pub(super) fn edit(&mut self, path: &str, change: impl FnOnce(&str) -> String) {
        let text = self.files.get(path).and_then(|text| text.as_deref().ok()).unwrap_or_default();
        self.files.insert(path.to_owned(), Ok(change(text)));
    }

    /// Takes a file away in memory.
    #[cfg(test)]
    pub(super) fn remove(&mut self, path: &str) {
        self.files.remove(path);
    }

    fn check(&self, id: &str) -> Result<Pack, Mistakes> {
        if !self.is_pack(id) {
            let known = list(self.ids().iter().map(String::as_str));
            return Err(Mistakes::of(vec![Mistake::file(self.path("scenarios"), format!("there is no pack `{id}`; there are {known}"))]));
        }
        Files::read(self, id).and_then(Files::freeze).map_err(Mistakes::of)
    }

    /// Names of the folders under `scenarios/`.
    pub(super) fn folders(&self) -> Vec<&str> {
        let mut folders: Vec<&str> =
            self.files.keys().filter_map(|path| path.strip_prefix("scenarios/")?.split_once('/')).map(|(folder, _)| folder).collect();
        folders.dedup();
        folders
    }

    pub(super) fn is_pack(&self, folder: &str) -> bool {
        SINGLE.iter().any(|file| self.files.contains_key(&format!("scenarios/{folder}/{file}")))
    }

    /// Paths of all files, from `scenarios/` or `schemas/` on.
    pub(super) fn paths(&self) -> impl Iterator<Item = &String> {
        self.files.keys()
    }

    /// The text of this file, or why it cannot be read; nothing if there is none.
    pub(super) fn text(&self, path: &str) -> Option<Result<&str, &str>> {
        self.files.get(path).map(|text| text.as_deref().map_err(String::as_str))
    }

    /// True if these are not the packs of the program.
    pub(super) fn is_opened(&self) -> bool {
        !self.folder.is_empty()
    }

    /// The path under which a file is reported.
    pub(super) fn path(&self, path: &str) -> String {
        let path = self.place(path);
        let is_borrowed =
            !is_regression(path) && path.split('/').nth(1).is_some_and(|folder| self.borrowed.iter().any(|layer| layer == folder));
        if self.folder.is_empty() || is_borrowed { path.to_owned() } else { format!("{}/{path}", self.folder.trim_end_matches('/')) }
    }

    /// Where this file stands from `scenarios/` or `schemas/` on: elsewhere, if it is that of a dialect.
    pub(super) fn place<'a>(&'a self, path: &'a str) -> &'a str {
        self.replaced.get(path).map_or(path, String::as_str)
    }

    /// Names of the files right in this folder that end so, without the ending.
    pub(super) fn names(&self, folder: &str, ending: &str) -> Vec<&str> {
        let inside = self.files.keys().filter_map(|path| path.strip_prefix(folder)?.strip_prefix('/')?.strip_suffix(ending));
        inside.filter(|name| !name.contains('/')).collect()
    }
}

impl LoadError {
    fn of(mistakes: &Mistakes) -> Self {
        Self { diagnostics: mistakes.render(false), mistakes: mistakes.len() }
    }
}

/// True for `scenarios/<protocol>/regressions/…`.
fn is_regression(path: &str) -> bool {
    path.split('/').nth(2) == Some(REGRESSIONS)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::Role;

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

    #[test]
    fn a_folder_stands_on_the_built_in_layers_unless_it_has_its_own() {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packs/demo"));
        let pack = Library::open(folder).unwrap().load("demo").unwrap();
        let groups = |pack: &Pack| pack.layers.iter().map(|layer| layer.group.clone()).collect::<Vec<_>>();
        assert_eq!(groups(&pack), ["protocol", "websocket"]);
        assert_eq!(pack.layers[1].origin(Role::Server, "ping").unwrap().path, "scenarios/websocket/server/ping.yaml");

        let own = tempfile::tempdir().unwrap();
        copy(folder, own.path());
        let layer = own.path().join("scenarios/websocket");
        fs::create_dir(&layer).unwrap();
        fs::write(layer.join("requirements.yaml"), "").unwrap();
        let mistakes = Library::open(own.path()).unwrap().lint("demo").render(false);
        assert!(mistakes.contains(&*layer.join("requirements.yaml").to_string_lossy()), "{mistakes}");
        assert!(!mistakes.contains("scenarios/websocket/server"), "{mistakes}");
    }

    fn copy(from: &Path, to: &Path) {
        for entry in fs::read_dir(from).unwrap() {
            let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
            if from.is_dir() {
                fs::create_dir(&to).unwrap();
                copy(&from, &to);
            } else {
                fs::copy(from, to).unwrap();
            }
        }
    }
}
