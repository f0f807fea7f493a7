//! Our file formats: each file is held against the JSON Schema of its format first, so that all its mistakes come at once, and then read
//! into its Rust type.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use super::diagnostic::{Mistake, Source};
use super::document::Document;
use super::nearest::{list, nearest};
use crate::pack::schema::{Breach, Schema};

/// The JSON Schemas of our file formats, by name.
pub const FORMATS: [(&str, &str); 7] = [
    ("pack", include_str!("../../../schemas/framegate/pack.schema.json")),
    ("requirements", include_str!("../../../schemas/framegate/requirements.schema.json")),
    ("machine", include_str!("../../../schemas/framegate/machine.schema.json")),
    ("faults", include_str!("../../../schemas/framegate/faults.schema.json")),
    ("scenario", include_str!("../../../schemas/framegate/scenario.schema.json")),
    ("config", include_str!("../../../schemas/framegate/config.schema.json")),
    ("baseline", include_str!("../../../schemas/framegate/baseline.schema.json")),
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

/// What is wrong with the first line, which tells editors the schema. `elsewhere`: the pack is not in the folder of our own schemas, so that
/// the way there may be longer, or a URL.
pub(super) fn first_line_mistake(source: &Arc<Source>, path: &str, format: &str, elsewhere: bool) -> Option<Mistake> {
    let up = "../".repeat(path.matches('/').count());
    let file = format!("schemas/framegate/{format}.schema.json");
    let line = source.text.lines().next().unwrap_or_default();
    let given = line.strip_prefix("# yaml-language-server: $schema=").unwrap_or_default();
    let way = given.strip_suffix(&file);
    let is_right = way == Some(&up) || elsewhere && way.is_some_and(|way| way.starts_with("https://") || way.replace("../", "").is_empty());
    (!is_right).then(|| {
        let mistake = Mistake::new(source, 0..line.len(), "the first line names the schema of the file", "not so here");
        mistake.help(format!("write `# yaml-language-server: $schema={up}{file}`"))
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::pack::fault::Faults;
    use crate::pack::machine::Machines;
    use crate::pack::manifest::Manifest;
    use crate::pack::requirement::Requirements;
    use crate::pack::scenario::Scenario;

    /// Keys for which the schema is stricter than the type, on purpose: a `match` that is no object fits nothing, lengths are 0, 2 or 8 bytes
    /// wide, and time does not run backwards.
    const STRICTER: [&str; 3] = ["match", "width", "timers"];

    fn sample(format: &str) -> Document {
        let path = format!("{}/tests/packs/samples/{format}.yaml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap();
        Document::yaml(Arc::new(Source { path, text })).unwrap()
    }

    /// Calls `then` with every value of the tree and its pointer.
    fn visit(value: &Value, pointer: &str, then: &mut dyn FnMut(&str, &Value)) {
        then(pointer, value);
        match value {
            Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| visit(item, &format!("{pointer}/{index}"), then)),
            Value::Object(entries) => entries.iter().for_each(|(key, value)| visit(value, &format!("{pointer}/{key}"), then)),
            _ => {}
        }
    }

    /// Every change to the sample that could be a mistake: an unknown key, a missing one, a value of another type.
    fn mutants(sample: &Value) -> Vec<(String, Value)> {
        let mut mutants = Vec::new();
        let mut change = |pointer: &str, what: &str, change: &dyn Fn(&mut Value)| {
            let mut mutant = sample.clone();
            change(mutant.pointer_mut(pointer).unwrap());
            mutants.push((format!("{pointer} {what}"), mutant));
        };
        visit(sample, "", &mut |pointer, value| {
            for wrong in [json!(5), json!(-5.5), json!("wrong"), json!(true), json!({"wrong": 1})] {
                change(pointer, &format!("is {wrong}"), &|value| *value = wrong.clone());
            }
            for key in value.as_object().into_iter().flatten().map(|(key, _)| key) {
                change(pointer, &format!("lacks {key}"), &|value| drop(value.as_object_mut().unwrap().remove(key)));
            }
            if value.is_object() {
                change(pointer, "has an unknown key", &|value| value["zz"] = json!(1));
            }
        });
        mutants
    }

    #[track_caller]
    fn check<T: DeserializeOwned + serde::Serialize>(format: &str) {
        let schema = &SCHEMAS[format];
        let document = sample(format);
        let value = read::<T>(&document, format).unwrap();
        let written = serde_json::to_value(value).unwrap();
        assert_eq!(schema.breaches(&written), [], "{format}: the type writes what the schema refuses");
        for (what, mutant) in mutants(&document.value) {
            let by_schema = schema.breaches(&mutant);
            let by_type = serde_json::from_value::<T>(mutant).err();
            let on_purpose = by_schema
                .iter()
                .all(|breach| ["oneOf", "not"].contains(&breach.keyword.as_str()) || STRICTER.iter().any(|key| breach.at.ends_with(key)));
            assert!(by_type.is_some() || on_purpose, "{format}{what}: the type takes it, the schema says {by_schema:?}");
            assert!(by_type.is_none() || !by_schema.is_empty(), "{format}{what}: the schema takes it, the type says {by_type:?}");
        }
    }

    #[test]
    fn schemas_and_types_accept_and_refuse_the_same_files() {
        check::<Manifest>("pack");
        check::<Requirements>("requirements");
        check::<Machines>("machine");
        check::<Faults>("faults");
        check::<Scenario>("scenario");
    }

    /// The keys of the schema that the value has, as pointers into the schema.
    fn used(root: &Value, schema: &Value, at: &str, value: &Value, keys: &mut BTreeSet<String>) {
        if let Some(reference) = schema["$ref"].as_str() {
            let at = &reference[1..];
            return used(root, root.pointer(at).unwrap(), at, value, keys);
        }
        for (key, value) in value.as_object().into_iter().flatten() {
            if let Some(property) = schema["properties"].get(key) {
                let at = format!("{at}/properties/{key}");
                used(root, property, &at, value, keys);
                keys.insert(at);
            } else if schema["additionalProperties"].is_object() {
                used(root, &schema["additionalProperties"], &format!("{at}/additionalProperties"), value, keys);
            }
        }
        for value in value.as_array().into_iter().flatten().filter(|_| schema["items"].is_object()) {
            used(root, &schema["items"], &format!("{at}/items"), value, keys);
        }
    }

    #[test]
    fn the_samples_have_every_key_and_every_key_is_described() {
        for (format, schema) in &*SCHEMAS {
            let root = schema.source();
            let mut keys = BTreeSet::new();
            used(root, root, "", &sample(format).value, &mut keys);
            visit(root, "", &mut |pointer, value| {
                if value.is_object() && pointer.rsplit('/').nth(1) == Some("properties") {
                    assert!(keys.contains(pointer), "{format}: the sample lacks {pointer}");
                    assert!(value["description"].is_string(), "{format}: {pointer} has no description");
                }
            });
        }
    }

    #[test]
    fn what_formats_share_is_the_same_in_each() {
        for (format, schema) in &*SCHEMAS {
            for (name, definition) in schema.source()["$defs"].as_object().unwrap() {
                for (other, schema) in &*SCHEMAS {
                    let same = schema.source()["$defs"].get(name).is_none_or(|same| same == definition);
                    assert!(same, "{name} differs in {format} and {other}");
                }
            }
        }
    }
}
