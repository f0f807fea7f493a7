//! Which packs a command works on: those built in or those of a folder, all of them or those that are named.

use std::path::PathBuf;
use std::sync::Arc;

use framegate::pack::{Library, Pack};

use super::Failure;

/// Where packs are read from.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Source {
    /// A folder with its own `schemas` and `scenarios`, instead of the packs built into the program
    #[arg(long, value_name = "DIR")]
    pub(crate) packs: Option<PathBuf>,
    /// Take the protocol as this dialect of its pack has it; `documented`, the norm, is the pack itself
    #[arg(long, value_name = "NAME")]
    pub(crate) dialect: Option<String>,
}

impl Source {
    /// The library.
    pub(crate) fn library(&self) -> Result<Library, Failure> {
        match &self.packs {
            None => Ok(Library::builtin()),
            Some(path) if !path.join("scenarios").is_dir() => Err(Failure::NoPacks { path: path.clone() }),
            Some(path) => Library::open(path).map_err(|source| Failure::Library { path: path.clone(), source }),
        }
    }

    /// The named packs, in the order in which they are named; without names all of them.
    pub(crate) fn load(&self, names: &[String]) -> Result<Vec<Arc<Pack>>, Failure> {
        let library = self.library()?;
        let names = choose(&library, names)?;
        names.iter().map(|name| self.speak(&library, name)).collect()
    }

    /// The pack of this name, in the dialect that is asked for.
    fn speak(&self, library: &Library, name: &str) -> Result<Arc<Pack>, Failure> {
        let load = |library: &Library| library.load(name).map(Arc::new).map_err(Failure::Packs);
        let Some(dialect) = &self.dialect else { return load(library) };
        let spoken = library.clone().in_dialect(name, dialect);
        load(&spoken.ok_or_else(|| Failure::Unknown { kind: "dialect", name: dialect.clone(), known: library.dialects(name) })?)
    }

    /// The one pack of this name.
    pub(crate) fn load_one(&self, name: &str) -> Result<Arc<Pack>, Failure> {
        let library = self.library()?;
        choose(&library, &[name.to_owned()])?;
        self.speak(&library, name)
    }
}

/// Names of packs that the library has, once each; without names all of them.
pub(crate) fn choose(library: &Library, names: &[String]) -> Result<Vec<String>, Failure> {
    let known = library.ids();
    let mut chosen: Vec<String> = Vec::new();
    for name in names {
        if !known.contains(name) {
            return Err(Failure::Unknown { kind: "protocol", name: name.clone(), known });
        }
        if !chosen.contains(name) {
            chosen.push(name.clone());
        }
    }
    Ok(if names.is_empty() { known } else { chosen })
}
