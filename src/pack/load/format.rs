//! Our file formats: each file is held against the JSON Schema of its format first, so that all its mistakes come at once, and then read
//! into its Rust type.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use super::diagnostic::Mistake;
use super::document::Document;
use super::nearest::{list, nearest};
use crate::pack::schema::{Breach, Schema};

/// The JSON Schemas of our file formats, by name.
pub const FORMATS: [(&str, &str); 5] = [
    ("pack", include_str!("../../../schemas/framegate/pack.schema.json")),
    ("requirements", include_str!("../../../schemas/framegate/requirements.schema.json")),
    ("machine", include_str!("../../../schemas/framegate/machine.schema.json")),
    ("faults", include_str!("../../../schemas/framegate/faults.schema.json")),
    ("scenario", include_str!("../../../schemas/framegate/scenario.schema.json")),
];

static SCHEMAS: LazyLock<HashMap<&str, Schema>> = LazyLock::new(|| {
    let compile = |text: &str| serde_json::from_str(text).ok().and_then(|schema| Schema::compile(&schema, &[]).ok());
    FORMATS.iter().map(|(name, text)| (*name, compile(text).expect("the built-in schemas compile, as a test holds"))).collect()
});

/// Reads a document of the format into its type, or says everything that is wrong with it.
pub(super) fn read<T: DeserializeOwned>(document: &Document, format: &str) -> Result<T, Vec<Mistake>> {
    let schema = SCHEMAS.get(format).expect("every format that is read stands in the table");
    let breaches = schema.located_breaches(&document.value);
    if !breaches.is_empty() {
        return Err(breaches.iter().map(|(breach, keyword)| mistake(document, schema.source(), breach, keyword)).collect());
    }
    serde_path_to_error::deserialize(&document.value).map_err(|error| {
        let at = pointer(error.path());
        let why = error.inner().to_string();
        vec![document.mistake(&at, why, "here")]
    })
}

/// `keyword` is the pointer to the broken keyword in the format's schema.
fn mistake(document: &Document, schema: &Value, breach: &Breach, keyword: &str) -> Mistake {
    let (parent, last) = split(&breach.at);
    let holder = schema.pointer(split(keyword).0);
    let known = || holder.and_then(|holder| holder["properties"].as_object()).into_iter().flatten().map(|(key, _)| key.as_str());
    let note = holder.and_then(|holder| holder["description"].as_str());
    match breach.keyword.as_str() {
        "additionalProperties" => {
            let mistake = Mistake::new(&document.source, document.key(&breach.at), format!("unknown key `{last}`"), "no such key here");
            let guess = nearest(&last, known()).map(|name| format!("did you mean `{name}`?"));
            let mistake = guess.into_iter().fold(mistake, Mistake::help);
            mistake.help(format!("known keys: {}", list(known())))
        }
        "required" => document.mistake(parent, format!("the key `{last}` is missing"), format!("this needs `{last}`")),
        "minProperties" | "maxProperties" => {
            let found = document.value.pointer(&breach.at).and_then(Value::as_object).map_or(0, serde_json::Map::len);
            let mistake = document.mistake(&breach.at, format!("{}, found {found}", breach.expected), "one key belongs here");
            mistake.help(format!("known keys: {}", list(known())))
        }
        _ => {
            let title = format!("expected {}, found {}", breach.expected, breach.actual);
            let mistake = document.mistake(&breach.at, title, format!("expected {}", breach.expected));
            note.into_iter().fold(mistake, |mistake, note| mistake.help(format!("`{last}`: {note}")))
        }
    }
}

/// A JSON Pointer without its last step, and that step.
fn split(pointer: &str) -> (&str, String) {
    let (parent, last) = pointer.rsplit_once('/').unwrap_or(("", pointer));
    (parent, last.replace("~1", "/").replace("~0", "~"))
}

fn pointer(path: &Path) -> String {
    let steps = path.iter().filter_map(|segment| match segment {
        Segment::Seq { index } => Some(format!("/{index}")),
        Segment::Map { key } | Segment::Enum { variant: key } => Some(format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
        Segment::Unknown => None,
    });
    steps.collect()
}
