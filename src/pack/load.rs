//! Files into packs.

use super::Pack;

/// Where packs are read from.
#[derive(Clone, Debug, Default)]
pub struct Library {}

/// Why a pack cannot be had: rendered diagnostics, each with file, line, column and the offending text underlined.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{diagnostics}")]
pub struct LoadError {
    /// All mistakes, as text for a terminal.
    pub diagnostics: String,
}

impl Library {
    /// The packs built into the program.
    pub fn builtin() -> Self {
        Self {}
    }

    /// Ids of the packs, in alphabetical order.
    pub fn ids(&self) -> Vec<String> {
        Vec::new()
    }

    /// Loads one pack.
    pub fn load(&self, id: &str) -> Result<Pack, LoadError> {
        Err(LoadError { diagnostics: format!("no pack `{id}`") })
    }
}
