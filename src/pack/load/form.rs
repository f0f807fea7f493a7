//! A YAML file of one of our formats that is no part of a pack, such as `framegate.yaml`: read into its type, with its places.
//!
//! It says what does not fit the format. What does not fit the world is for its reader to find; [`Form::mistakes`] shows where it stands.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::diagnostic::{Mistake, Mistakes, Source};
use super::document::Document;
use super::format;

/// A file of one of our formats, and what it says.
#[derive(Clone, Debug)]
pub struct Form<T> {
    /// What it says.
    pub value: T,
    document: Document,
}

/// Something that a reader of a file has to say about a place in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remark {
    /// JSON Pointer to the place.
    pub at: String,
    /// What is wrong.
    pub title: String,
    /// Stands beside the underlined text.
    pub label: String,
    /// A sentence that helps, if there is one.
    pub help: Option<String>,
    /// True if it is about the key there, and not about its value.
    pub is_key: bool,
    /// True if the text may hold a secret: only the line is named then, and nothing of it is shown.
    pub is_secret: bool,
}

impl Remark {
    /// A remark about this place.
    pub fn new(at: impl Into<String>, title: impl Into<String>, label: impl Into<String>) -> Self {
        Self { at: at.into(), title: title.into(), label: label.into(), help: None, is_key: false, is_secret: false }
    }

    /// With a sentence that helps.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// About the key.
    #[must_use]
    pub fn key(self) -> Self {
        Self { is_key: true, ..self }
    }

    /// Without the text of the place.
    #[must_use]
    pub fn secret(self) -> Self {
        Self { is_secret: true, ..self }
    }
}

impl<T: DeserializeOwned> Form<T> {
    /// Reads a text of this format. `path` is the name under which mistakes are reported.
    ///
    /// # Panics
    /// If the format is none of [`FORMATS`](super::FORMATS).
    ///
    /// ```
    /// use framegate::pack::Form;
    ///
    /// let mistakes = Form::<serde_json::Value>::read("baseline.yaml", "entries: 5", "baseline").unwrap_err();
    /// assert!(mistakes.render(false).contains("baseline.yaml:1:10"));
    /// ```
    pub fn read(path: &str, text: &str, format: &str) -> Result<Self, Mistakes> {
        let source = Arc::new(Source { path: path.to_owned(), text: text.to_owned() });
        let document = Document::yaml(source).map_err(Mistakes::of)?;
        let value = format::read(&document, format).map_err(Mistakes::of)?;
        Ok(Self { value, document })
    }
}

impl<T> Form<T> {
    /// These remarks as mistakes of the file.
    pub fn mistakes(&self, remarks: &[Remark]) -> Mistakes {
        Mistakes::of(remarks.iter().map(|remark| self.mistake(remark)).collect())
    }

    fn mistake(&self, remark: &Remark) -> Mistake {
        let mistake = if remark.is_secret {
            let place = format!("{}:{}", self.document.source.path, self.document.line(&remark.at));
            Mistake::file(place, format!("{}: {}", remark.title, remark.label))
        } else if remark.is_key {
            Mistake::new(&self.document.source, self.document.key(&remark.at), remark.title.as_str(), remark.label.as_str())
        } else {
            self.document.mistake(&remark.at, remark.title.as_str(), remark.label.as_str())
        };
        remark.help.iter().fold(mistake, |mistake, help| mistake.help(help.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "entries:\n  - requirement: a\n    case: b\n    reason: hush\n";

    #[test]
    fn a_remark_shows_its_place_and_a_secret_one_only_names_it() {
        let form: Form<serde_json::Value> = Form::read("known.yaml", TEXT, "baseline").unwrap();
        let shown = form.mistakes(&[Remark::new("/entries/0/reason", "too short", "here").help("say more")]).render(false);
        assert!(shown.contains("known.yaml:4:13") && shown.contains("hush") && shown.contains("say more"), "{shown}");
        let hidden = form.mistakes(&[Remark::new("/entries/0/reason", "too short", "here").secret()]).render(false);
        assert!(hidden.contains("known.yaml:4") && hidden.contains("too short: here") && !hidden.contains("hush"), "{hidden}");
    }
}
