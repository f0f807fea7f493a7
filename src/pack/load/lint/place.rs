//! Where the lint is: a document and a JSON Pointer into it.

use std::fmt::Display;

use crate::pack::load::diagnostic::Mistake;
use crate::pack::load::document::Document;
use crate::pack::pattern::Names;

/// A value of a file.
#[derive(Clone, Debug)]
pub(super) struct Place<'a> {
    pub(super) document: &'a Document,
    pub(super) pointer: String,
    /// True if the key is meant, and not the value under it.
    is_key: bool,
}

impl<'a> Place<'a> {
    /// The whole file.
    pub(super) fn of(document: &'a Document) -> Self {
        Self { document, pointer: String::new(), is_key: false }
    }

    /// The value under this key.
    pub(super) fn key(&self, key: &str) -> Self {
        self.step(key.replace('~', "~0").replace('/', "~1"))
    }

    /// The key at which this value stands.
    pub(super) fn name(&self) -> Self {
        Self { is_key: true, ..self.clone() }
    }

    /// A value further down.
    pub(super) fn below(&self, pointer: &str) -> Self {
        Self { document: self.document, pointer: format!("{}{pointer}", self.pointer), is_key: false }
    }

    /// A mistake here.
    pub(super) fn mistake(&self, title: impl Into<String>, label: impl Into<String>) -> Mistake {
        let span = if self.is_key { self.document.key(&self.pointer) } else { self.document.at(&self.pointer) };
        Mistake::new(&self.document.source, span, title, label)
    }

    /// The item at this index.
    pub(super) fn item(&self, index: usize) -> Self {
        self.step(index)
    }

    /// Each of the names, which stand here as one text or as a list.
    pub(super) fn names<'n>(&self, names: &'n Names) -> Vec<(Self, &'n str)> {
        let listed = self.document.value.pointer(&self.pointer).is_some_and(serde_json::Value::is_array);
        let place = |index| if listed { self.item(index) } else { self.clone() };
        names.0.iter().enumerate().map(|(index, name)| (place(index), name.as_str())).collect()
    }

    /// Each of the items.
    pub(super) fn items<'n, T>(&self, items: &'n [T]) -> Vec<(Self, &'n T)> {
        items.iter().enumerate().map(|(index, item)| (self.item(index), item)).collect()
    }

    fn step(&self, step: impl Display) -> Self {
        self.below(&format!("/{step}"))
    }
}
