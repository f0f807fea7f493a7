//! The pack's JSON Schemas: keywords that nobody knows, references that lead nowhere or never end, files that nothing uses.

use std::collections::HashSet;

use serde_json::Value;

use super::Lint;
use super::place::Place;
use crate::pack::load::nearest::nearest;
use crate::pack::schema::{self, Documents};

/// All schema files.
pub(super) fn check(lint: &mut Lint<'_>) {
    let files = &lint.files.schemas;
    let documents = Documents(files.iter().map(|(name, document)| (name.as_str(), &document.value)).collect());
    for (index, document) in files.values().enumerate() {
        let place = Place::of(document);
        for error in schema::unknown_keywords(&document.value) {
            let mistake = place.below(&error.at).name().mistake(error.message, "no such keyword");
            let guess = nearest(error.at.rsplit('/').next().unwrap_or_default(), schema::keywords());
            lint.mistakes.push(guess.into_iter().fold(mistake, |mistake, guess| mistake.help(format!("did you mean `{guess}`?"))));
        }
        for error in schema::reference_mistakes(&documents, index) {
            lint.wrong(&place.below(&error.at), error.message, "here");
        }
    }
    check_use(lint);
}

/// Every file is the schema of a frame, or one of these refers to it.
fn check_use(lint: &mut Lint<'_>) {
    let files = &lint.files.schemas;
    let mut used: HashSet<&str> = lint.files.manifest.value.frames.values().map(|kind| kind.schema.as_str()).collect();
    for document in files.values() {
        collect(&document.value, &mut used);
    }
    for (name, document) in files.iter().filter(|(name, _)| !used.contains(name.as_str())) {
        lint.wrong(&Place::of(document), format!("nothing uses the schema file `{name}`"), "no frame names it, and no `$ref`");
    }
}

fn collect<'a>(value: &'a Value, used: &mut HashSet<&'a str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, used)),
        Value::Object(entries) => {
            if let Some(Value::String(reference)) = entries.get("$ref") {
                let file = reference.split('#').next().unwrap_or_default();
                used.insert(file.rsplit('/').next().unwrap_or_default());
            }
            entries.values().for_each(|value| collect(value, used));
        }
        _ => {}
    }
}
