//! What a validator does not say about a schema: keywords that nobody knows, references that lead nowhere, and references that lead in a
//! circle without ever consuming anything, on which a validator would never end.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::SchemaError;

/// Keywords whose value is a schema.
const ONE: [&str; 11] = [
    "additionalProperties",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// Keywords whose value is a list of schemas.
const LIST: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];

/// Keywords whose value is a map of schemas.
const MAP: [&str; 4] = ["$defs", "dependentSchemas", "patternProperties", "properties"];

/// Keywords whose schemas are held against the same value.
const IN_PLACE: [&str; 8] = ["allOf", "anyOf", "dependentSchemas", "else", "if", "not", "oneOf", "then"];

/// Keywords that hold no schema.
pub(in crate::pack) const PLAIN: [&str; 38] = [
    "$anchor",
    "$comment",
    "$dynamicAnchor",
    "$dynamicRef",
    "$id",
    "$ref",
    "$schema",
    "$vocabulary",
    "const",
    "contentEncoding",
    "contentMediaType",
    "default",
    "dependentRequired",
    "deprecated",
    "description",
    "enum",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "pattern",
    "readOnly",
    "required",
    "title",
    "type",
    "uniqueItems",
    "writeOnly",
];

/// Schema files that may refer to one another, by file name.
#[derive(Clone, Debug, Default)]
pub(in crate::pack) struct Documents<'a>(pub(in crate::pack) Vec<(&'a str, &'a Value)>);

/// A subschema: the index of its document, and a JSON Pointer into it.
type Location = (usize, String);

/// The first reference, in this schema or in what it reaches, that leads nowhere or in an endless circle.
pub(super) fn check(schema: &Value, others: &[(String, Value)]) -> Result<(), SchemaError> {
    let mut documents = Documents(vec![("", schema)]);
    documents.0.extend(others.iter().map(|(name, document)| (name.as_str(), document)));
    let mut reached = vec![0];
    let mut next = 0;
    while let Some(index) = reached.get(next).copied() {
        next += 1;
        if let Some(mistake) = reference_mistakes(&documents, index).into_iter().next() {
            return Err(mistake);
        }
        for (_, reference) in references(documents.0[index].1) {
            if let Ok(Some((target, _))) = documents.resolve(index, &reference)
                && !reached.contains(&target)
            {
                reached.push(target);
            }
        }
    }
    Ok(())
}

/// Keywords of this document that the draft does not have.
pub(in crate::pack) fn unknown_keywords(document: &Value) -> Vec<SchemaError> {
    let mut mistakes = Vec::new();
    walk(document, "", &mut |pointer, schema| {
        let Some(keywords) = schema.as_object() else { return };
        for keyword in keywords.keys().filter(|keyword| !is_known(keyword)) {
            mistakes.push(SchemaError { at: below(pointer, keyword), message: format!("unknown keyword `{keyword}`") });
        }
    });
    mistakes
}

fn is_known(keyword: &str) -> bool {
    keywords().any(|known| known == keyword)
}

/// Every keyword of the draft.
pub(in crate::pack) fn keywords() -> impl Iterator<Item = &'static str> {
    PLAIN.into_iter().chain(ONE).chain(LIST).chain(MAP)
}

/// References of this document that lead nowhere or in an endless circle.
pub(in crate::pack) fn reference_mistakes(documents: &Documents<'_>, index: usize) -> Vec<SchemaError> {
    let mut mistakes = Vec::new();
    for (at, reference) in references(documents.0[index].1) {
        let start = (index, split(&at).to_owned());
        match documents.resolve(index, &reference) {
            Err(message) => mistakes.push(SchemaError { at, message }),
            Ok(Some(target)) if documents.leads_back(&target, &start) => {
                mistakes.push(SchemaError { at, message: format!("`{reference}` leads in a circle that never ends") });
            }
            Ok(_) => {}
        }
    }
    mistakes
}

/// Every reference of the document, with the pointer to the keyword.
fn references(document: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(document, "", &mut |pointer, schema| {
        for keyword in ["$ref", "$dynamicRef"] {
            if let Some(reference) = schema.get(keyword).and_then(Value::as_str) {
                found.push((below(pointer, keyword), reference.to_owned()));
            }
        }
    });
    found
}

impl Documents<'_> {
    /// Where a reference of this document leads; nothing for the meta-schemas, which the validator knows.
    fn resolve(&self, from: usize, reference: &str) -> Result<Option<Location>, String> {
        let (file, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        if file.starts_with("https://json-schema.org/") {
            return Ok(None);
        }
        let name = file.rsplit('/').next().unwrap_or_default();
        let named = self.0.iter().position(|(document, _)| *document == name);
        let index = if file.is_empty() { Some(from) } else { named };
        let index = index.ok_or_else(|| format!("there is no schema file `{name}` in this folder"))?;
        let document = self.0[index].1;
        let fragment = decode(fragment);
        let pointer = if fragment.is_empty() || fragment.starts_with('/') { Some(fragment.clone()) } else { anchor(document, &fragment) };
        let found = pointer.filter(|pointer| document.pointer(pointer).is_some());
        found.map(|pointer| Some((index, pointer))).ok_or_else(|| format!("`{reference}` leads nowhere: there is no `#{fragment}`"))
    }

    /// True if a validator that is at `from` comes to `goal` with the same value in hand.
    fn leads_back(&self, from: &Location, goal: &Location) -> bool {
        let mut seen = HashSet::from([from.clone()]);
        let mut open = vec![from.clone()];
        while let Some(location) = open.pop() {
            if location == *goal {
                return true;
            }
            open.extend(self.in_place(&location).into_iter().filter(|next| seen.insert(next.clone())));
        }
        false
    }

    /// The subschemas that are held against the same value as this one.
    fn in_place(&self, (index, pointer): &Location) -> Vec<Location> {
        let Some(Value::Object(schema)) = self.0[*index].1.pointer(pointer) else { return Vec::new() };
        let mut next = Vec::new();
        for (keyword, value) in schema {
            let at = below(pointer, keyword);
            match (keyword.as_str(), value) {
                ("$ref" | "$dynamicRef", Value::String(reference)) => next.extend(self.resolve(*index, reference).ok().flatten()),
                (keyword, Value::Array(items)) if IN_PLACE.contains(&keyword) => {
                    next.extend((0..items.len()).map(|item| (*index, format!("{at}/{item}"))));
                }
                ("dependentSchemas", Value::Object(schemas)) => next.extend(schemas.keys().map(|key| (*index, below(&at, key)))),
                (keyword, Value::Object(_)) if IN_PLACE.contains(&keyword) => next.push((*index, at)),
                _ => {}
            }
        }
        next
    }
}

/// Calls `visit` with every subschema and its pointer.
fn walk(schema: &Value, pointer: &str, visit: &mut dyn FnMut(&str, &Value)) {
    visit(pointer, schema);
    for (keyword, value) in schema.as_object().into_iter().flatten() {
        let at = below(pointer, keyword);
        if ONE.contains(&keyword.as_str()) {
            walk(value, &at, visit);
        } else if LIST.contains(&keyword.as_str()) {
            for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                walk(item, &format!("{at}/{index}"), visit);
            }
        } else if MAP.contains(&keyword.as_str()) {
            for (key, item) in value.as_object().into_iter().flatten() {
                walk(item, &below(&at, key), visit);
            }
        }
    }
}

fn anchor(document: &Value, name: &str) -> Option<String> {
    let mut anchors = HashMap::new();
    walk(document, "", &mut |pointer, schema| {
        for keyword in ["$anchor", "$dynamicAnchor"] {
            if let Some(anchor) = schema.get(keyword).and_then(Value::as_str) {
                anchors.insert(anchor.to_owned(), pointer.to_owned());
            }
        }
    });
    anchors.remove(name)
}

fn below(pointer: &str, step: &str) -> String {
    format!("{pointer}/{}", step.replace('~', "~0").replace('/', "~1"))
}

fn split(pointer: &str) -> &str {
    pointer.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Undoes percent-encoding; what is no UTF-8 then stays as it was.
fn decode(fragment: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = fragment.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match tail {
            [high, low, ..] if *first == b'%' => std::str::from_utf8(&[*high, *low]).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok()),
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| fragment.to_owned())
}
