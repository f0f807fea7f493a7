//! Files into packs: a tree with positions, the schema of each format, the Rust types, and the lint over all of them together.
//!
//! Every mistake of a pack is reported in one go, each with file, line, column and the offending text underlined. Files are read only when a
//! [`Library`] is made; what comes after is pure.

mod diagnostic;
mod document;
mod files;
mod form;
mod format;
mod library;
mod lint;
mod nearest;
mod scalar;
#[cfg(test)]
mod tests;

pub use diagnostic::Mistakes;
pub use form::{Form, Remark};
pub use format::FORMATS;
pub use library::{DOCUMENTED, Library, LoadError};
