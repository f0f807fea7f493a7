//! Every constraint of a JSON Schema, each with the smallest change to a good value that breaks just it.

use serde_json::{Map, Value, json};

/// One constraint, and how to break it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Constraint {
    /// JSON Pointer to the value that is constrained.
    pub(super) at: String,
    /// The keyword.
    pub(super) keyword: &'static str,
    /// How to break it.
    pub(super) breach: Breach,
}

/// How to break a constraint.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Breach {
    /// Remove the value.
    Unset,
    /// Put this there.
    Set(Value),
}

impl Constraint {
    /// The example with this constraint broken.
    pub(super) fn broken(&self, example: &Value) -> Value {
        let mut broken = example.clone();
        match &self.breach {
            Breach::Unset => remove(&mut broken, &self.at),
            Breach::Set(value) => {
                if let Some(place) = broken.pointer_mut(&self.at) {
                    place.clone_from(value);
                }
            }
        }
        broken
    }
}

/// Removes what the pointer points to.
pub(super) fn remove(value: &mut Value, at: &str) {
    let Some((parent, name)) = at.rsplit_once('/') else { return };
    if let Some(Value::Object(entries)) = value.pointer_mut(parent) {
        entries.shift_remove(&name.replace("~1", "/").replace("~0", "~"));
    }
}

/// The constraints on a value that is known to be good, where the value has something to break. `others` are the documents that `$ref`s name.
pub(super) fn constraints(schema: &Value, example: &Value) -> Vec<Constraint> {
    let mut found = Vec::new();
    Walk { root: schema, found: &mut found }.visit(schema, example, "", 0);
    found
}

struct Walk<'a> {
    root: &'a Value,
    found: &'a mut Vec<Constraint>,
}

impl Walk<'_> {
    fn visit(&mut self, schema: &Value, example: &Value, at: &str, depth: usize) {
        let Some(keywords) = schema.as_object().filter(|_| depth < 16) else { return };
        if let Some(target) = keywords.get("$ref").and_then(Value::as_str).and_then(|target| self.resolve(target)) {
            self.visit(&target, example, at, depth + 1);
        }
        for schema in keywords.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.visit(schema, example, at, depth + 1);
        }
        self.required(keywords, example, at);
        for (keyword, breach) in breaches(keywords, example) {
            self.found.push(Constraint { at: at.to_owned(), keyword, breach: Breach::Set(breach) });
        }
        for (name, schema) in keywords.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if let Some(value) = example.get(name) {
                self.visit(schema, value, &below(at, name), depth + 1);
            }
        }
        if let (Some(schema), Some(item)) = (keywords.get("items"), example.get(0)) {
            self.visit(schema, item, &below(at, "0"), depth + 1);
        }
    }

    fn required(&mut self, keywords: &Map<String, Value>, example: &Value, at: &str) {
        let names = keywords.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        for name in names.filter(|name| example.get(name).is_some()) {
            self.found.push(Constraint { at: below(at, name), keyword: "required", breach: Breach::Unset });
        }
    }

    fn resolve(&self, target: &str) -> Option<Value> {
        self.root.pointer(target.strip_prefix('#')?).cloned()
    }
}

fn below(at: &str, name: &str) -> String {
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// For each keyword of this schema that the example can break: the value that breaks it and, as far as possible, nothing else.
fn breaches(keywords: &Map<String, Value>, example: &Value) -> Vec<(&'static str, Value)> {
    let number = |name: &str| keywords.get(name).and_then(Value::as_f64);
    let length = |name: &str| keywords.get(name).and_then(Value::as_u64).and_then(|length| usize::try_from(length).ok());
    let candidates = [
        ("type", keywords.get("type").map(of_another_type)),
        ("const", keywords.get("const").map(differing)),
        ("enum", keywords.get("enum").map(|_| json!("framegate-none-of-these"))),
        ("pattern", keywords.get("pattern").map(|_| json!("\u{1}framegate breaks this pattern\u{1}"))),
        ("format", keywords.get("format").map(|_| json!("framegate breaks this format"))),
        ("minimum", number("minimum").map(|least| json!(least - 1.0)).map(whole)),
        ("exclusiveMinimum", number("exclusiveMinimum").map(|least| json!(least)).map(whole)),
        ("maximum", number("maximum").map(|most| json!(most + 1.0)).map(whole)),
        ("minLength", length("minLength").filter(|least| *least > 0).map(|least| json!("x".repeat(least - 1)))),
        ("maxLength", length("maxLength").filter(|most| *most < 100_000).map(|most| json!("x".repeat(most + 1)))),
        ("minItems", length("minItems").filter(|least| *least > 0).map(|_| json!([]))),
    ];
    candidates.into_iter().filter_map(|(keyword, breach)| Some((keyword, breach?))).filter(|(_, breach)| breach != example).collect()
}

/// `3.0` as `3`, so that only the bound breaks and not an integer type.
fn whole(number: Value) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "bounds of schemas are small whole numbers; others stay as they are")]
    match number.as_f64() {
        Some(value) if value.fract() == 0.0 && value.abs() < 9e15 => json!(value as i64),
        _ => number,
    }
}

fn of_another_type(types: &Value) -> Value {
    let is_allowed = |name: &str| types == name || types.as_array().is_some_and(|types| types.iter().any(|allowed| allowed == name));
    let others =
        [("integer", json!(7)), ("string", json!("framegate")), ("boolean", json!(true)), ("null", Value::Null), ("array", json!([]))];
    let is_number = is_allowed("number");
    others.into_iter().find(|(name, _)| !(is_allowed(name) || is_number && *name == "integer")).map_or(json!({}), |(_, value)| value)
}

fn differing(constant: &Value) -> Value {
    match constant {
        Value::String(text) => json!(format!("{text}-not")),
        Value::Bool(is) => json!(!is),
        Value::Number(number) => json!(number.as_f64().unwrap_or_default() + 1.0),
        _ => json!("framegate"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_constraint_is_found_once_with_a_value_that_breaks_it() {
        let schema = json!({
            "type": "object",
            "required": ["id", "n"],
            "properties": {
                "id": {"type": "string", "minLength": 1},
                "n": {"type": "integer", "minimum": 1},
                "role": {"enum": ["a", "b"]},
                "items": {"type": "array", "items": {"$ref": "#/$defs/item"}}
            },
            "$defs": {"item": {"const": "x"}}
        });
        let example = json!({"id": "1", "n": 2, "role": "a", "items": ["x"]});
        let found: Vec<_> = constraints(&schema, &example).into_iter().map(|found| (found.at, found.keyword)).collect();
        let expected = [
            ("/id", "required"),
            ("/n", "required"),
            ("", "type"),
            ("/id", "type"),
            ("/id", "minLength"),
            ("/n", "type"),
            ("/n", "minimum"),
            ("/role", "enum"),
            ("/items", "type"),
            ("/items/0", "const"),
        ];
        assert_eq!(found, expected.map(|(at, keyword)| (at.to_owned(), keyword)));
    }
}
