//! Every keyword of a JSON Schema that a good value can be made to break, each with changes that break it and as little else as possible.
//!
//! It walks the schema as it stands in its file. What it proposes is only a proposal: whether the keyword breaks is for the validator to say.

use serde_json::{Map, Value, json};

use crate::fuzz::pointer::{self, below};

/// One way of breaking one keyword.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Constraint {
    /// JSON Pointer to what is said to be wrong, as [`crate::pack::Breach`] gives it.
    pub(super) at: String,
    /// The keyword.
    pub(super) keyword: &'static str,
    /// What is done, in words joined by `-`.
    pub(super) operator: String,
    /// Where the change is made.
    pub(super) place: String,
    /// The change.
    pub(super) change: Change,
}

/// What is done to the value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// It is taken away.
    Unset,
    /// This is put there.
    Set(Value),
}

/// How deep schemas are followed.
const DEPTH: usize = 16;
/// Texts and lists longer than this are not made to break a limit.
const LARGEST: usize = 1 << 20;

/// The ways of breaking a value that its schema accepts.
pub(super) fn constraints(schema: &Value, value: &Value) -> Vec<Constraint> {
    let mut found = Vec::new();
    Walk { root: schema, found: &mut found }.visit(schema, Some(value), "", 0);
    let mut unique: Vec<Constraint> = Vec::new();
    for constraint in found {
        if !unique.contains(&constraint) {
            unique.push(constraint);
        }
    }
    unique
}

struct Walk<'a> {
    root: &'a Value,
    found: &'a mut Vec<Constraint>,
}

impl Walk<'_> {
    fn visit(&mut self, schema: &Value, value: Option<&Value>, at: &str, depth: usize) {
        let Some(keywords) = schema.as_object().filter(|_| depth < DEPTH) else { return };
        let reference = keywords.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
        if let Some(target) = reference.and_then(|pointer| self.root.pointer(pointer)).cloned() {
            self.visit(&target, value, at, depth + 1);
        }
        for branches in ["allOf", "anyOf", "oneOf"] {
            for branch in keywords.get(branches).and_then(Value::as_array).into_iter().flatten() {
                self.visit(branch, value, at, depth + 1);
            }
        }
        for branch in ["then", "else"].into_iter().filter_map(|name| keywords.get(name)) {
            self.visit(branch, value, at, depth + 1);
        }
        for (keyword, operator, broken) in values(keywords, value) {
            self.add(at, keyword, operator, at, Change::Set(broken));
        }
        if let Some(Value::Object(fields)) = value {
            self.fields(keywords, fields, at, depth);
        }
        if let Some(items) = value.and_then(Value::as_array) {
            self.items(keywords, items, at, depth);
        }
    }

    fn fields(&mut self, keywords: &Map<String, Value>, fields: &Map<String, Value>, at: &str, depth: usize) {
        for name in keywords.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            if fields.contains_key(name) {
                self.add(&below(at, name), "required", "missing".to_owned(), &below(at, name), Change::Unset);
            }
        }
        for (trigger, names) in keywords.get("dependentRequired").and_then(Value::as_object).into_iter().flatten() {
            for name in names.as_array().into_iter().flatten().filter_map(Value::as_str) {
                if fields.contains_key(trigger) && fields.contains_key(name) {
                    self.add(&below(at, name), "dependentRequired", "missing".to_owned(), &below(at, name), Change::Unset);
                }
            }
        }
        for closed in ["additionalProperties", "unevaluatedProperties"] {
            if keywords.get(closed) == Some(&Value::Bool(false)) {
                let extra = below(at, "framegate_extra");
                self.add(&extra, closed, "extra-field".to_owned(), &extra, Change::Set(json!(1)));
            }
        }
        if let Some(names) = keywords.get("propertyNames").and_then(Value::as_object) {
            let extra = below(at, "\u{1}");
            for keyword in ["pattern", "maxLength", "minLength", "enum"].into_iter().filter(|keyword| names.contains_key(*keyword)) {
                self.add(&extra, keyword, "field-name".to_owned(), &extra, Change::Set(json!(1)));
            }
        }
        for (name, schema) in keywords.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if schema == &Value::Bool(false) {
                self.add(&below(at, name), "properties", "forbidden-field".to_owned(), &below(at, name), Change::Set(json!(1)));
            }
            self.visit(schema, fields.get(name), &below(at, name), depth + 1);
        }
        let known = keywords.get("properties").and_then(Value::as_object);
        if let Some(schema) = keywords.get("additionalProperties").filter(|schema| schema.is_object()) {
            for (name, value) in fields.iter().filter(|(name, _)| known.is_none_or(|known| !known.contains_key(*name))) {
                self.visit(schema, Some(value), &below(at, name), depth + 1);
            }
        }
        self.counts(keywords, fields, at);
    }

    fn counts(&mut self, keywords: &Map<String, Value>, fields: &Map<String, Value>, at: &str) {
        if let Some(least) = limit(keywords, "minProperties").filter(|least| *least > 0) {
            let fewer: Map<String, Value> = fields.iter().take(least - 1).map(|(name, value)| (name.clone(), value.clone())).collect();
            self.add(at, "minProperties", "too-few-fields".to_owned(), at, Change::Set(Value::Object(fewer)));
        }
        if let Some(most) = limit(keywords, "maxProperties") {
            let mut more = fields.clone();
            (0..=most).for_each(|index| drop(more.insert(format!("framegate_{index}"), json!(1))));
            self.add(at, "maxProperties", "too-many-fields".to_owned(), at, Change::Set(Value::Object(more)));
        }
    }

    fn items(&mut self, keywords: &Map<String, Value>, items: &[Value], at: &str, depth: usize) {
        let spare = || items.first().cloned().unwrap_or_else(|| json!(1));
        if let Some(least) = limit(keywords, "minItems").filter(|least| *least > 0) {
            self.add(at, "minItems", "too-few-items".to_owned(), at, Change::Set(items.iter().take(least - 1).cloned().collect()));
        }
        if let Some(most) = limit(keywords, "maxItems") {
            let more = items.iter().cloned().chain(std::iter::repeat_with(spare)).take(most + 1).collect();
            self.add(at, "maxItems", "too-many-items".to_owned(), at, Change::Set(more));
        }
        if keywords.get("uniqueItems") == Some(&Value::Bool(true)) {
            let twice = items.iter().cloned().chain([spare(), spare()]).collect();
            self.add(at, "uniqueItems", "same-items".to_owned(), at, Change::Set(twice));
        }
        if let (Some(schema), Some(item)) = (keywords.get("items"), items.first()) {
            self.visit(schema, Some(item), &format!("{at}/0"), depth + 1);
        }
        for (index, schema) in keywords.get("prefixItems").and_then(Value::as_array).into_iter().flatten().enumerate() {
            self.visit(schema, items.get(index), &format!("{at}/{index}"), depth + 1);
        }
    }

    fn add(&mut self, at: &str, keyword: &'static str, operator: String, place: &str, change: Change) {
        self.found.push(Constraint { at: at.to_owned(), keyword, operator, place: place.to_owned(), change });
    }
}

impl Change {
    /// Makes the change. False if nothing stands or can stand there.
    pub(super) fn apply(&self, value: &mut Value, place: &str) -> bool {
        match self {
            Self::Unset => pointer::unset(value, place),
            Self::Set(new) => pointer::set(value, place, new.clone()),
        }
    }
}

/// For each keyword about the value itself: the values that break it.
fn values(keywords: &Map<String, Value>, value: Option<&Value>) -> Vec<(&'static str, String, Value)> {
    let mut found: Vec<(&'static str, String, Value)> = Vec::new();
    let mut add = |keyword: &'static str, operator: &str, broken: Value| {
        if value != Some(&broken) {
            found.push((keyword, operator.to_owned(), broken));
        }
    };
    if let Some(types) = keywords.get("type") {
        for (operator, broken) in other_types(types, value) {
            add("type", operator, broken);
        }
    }
    if let Some(constant) = keywords.get("const") {
        for (operator, broken) in near_misses(constant) {
            add("const", operator, broken);
        }
    }
    if let Some(options) = keywords.get("enum").and_then(Value::as_array) {
        let chosen = value.or(options.first()).unwrap_or(&Value::Null);
        let misses = near_misses(chosen).into_iter().filter(|(_, broken)| !options.contains(broken));
        misses.for_each(|(operator, broken)| add("enum", operator, broken));
    }
    if keywords.contains_key("pattern") {
        add("pattern", "no-match", json!("\u{1}framegate\u{1}"));
        if let Some(text) = value.and_then(Value::as_str) {
            add("pattern", "trailing-newline", json!(format!("{text}\n")));
            add("pattern", "wide-digits", json!(text.replace(|c: char| c.is_ascii_digit(), "\u{ff11}")));
        }
    }
    if keywords.contains_key("format") {
        add("format", "no-such-format", json!("framegate breaks this format"));
    }
    if let Some(least) = limit(keywords, "minLength").filter(|least| *least > 0) {
        add("minLength", "too-short", json!("x".repeat(least - 1)));
    }
    if let Some(most) = limit(keywords, "maxLength").filter(|most| *most < LARGEST) {
        add("maxLength", "one-too-long", json!("x".repeat(most + 1)));
        add("maxLength", "far-too-long", json!("x".repeat((most + 1) * 16)));
    }
    for (keyword, operator, broken) in bounds(keywords) {
        add(keyword, operator, broken);
    }
    found
}

/// Values beyond the bounds of a number.
fn bounds(keywords: &Map<String, Value>) -> Vec<(&'static str, &'static str, Value)> {
    let number = |name: &str| keywords.get(name).and_then(Value::as_f64);
    let candidates = [
        ("minimum", "below", number("minimum").map(|least| whole(least - 1.0))),
        ("minimum", "far-below", number("minimum").map(|_| json!(i64::MIN))),
        ("exclusiveMinimum", "at-limit", number("exclusiveMinimum").map(whole)),
        ("maximum", "above", number("maximum").map(|most| whole(most + 1.0))),
        ("maximum", "far-above", number("maximum").map(|_| json!(1e300))),
        ("exclusiveMaximum", "at-limit", number("exclusiveMaximum").map(whole)),
        ("multipleOf", "between", number("multipleOf").map(|step| json!(step * 1.5))),
    ];
    candidates.into_iter().filter_map(|(keyword, operator, value)| Some((keyword, operator, value?))).collect()
}

fn limit(keywords: &Map<String, Value>, name: &str) -> Option<usize> {
    keywords.get(name).and_then(Value::as_u64).and_then(|limit| usize::try_from(limit).ok())
}

/// `3.0` as `3`, so that only the bound breaks and not an integer type.
fn whole(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
    if number.fract() == 0.0 && number.abs() < 9e15 { json!(number as i64) } else { json!(number) }
}

/// A value of each JSON type that is not allowed; a number is also written as a text, and a text as a number.
fn other_types(types: &Value, value: Option<&Value>) -> Vec<(&'static str, Value)> {
    let is_allowed = |name: &str| types == name || types.as_array().is_some_and(|types| types.iter().any(|allowed| allowed == name));
    let text = value.filter(|value| value.is_number() || value.is_boolean()).map_or("framegate".to_owned(), Value::to_string);
    let all = [
        ("null", "null", Value::Null),
        ("boolean", "boolean", json!(true)),
        ("integer", "number", json!(7)),
        ("number", "fraction", json!(1.5)),
        ("string", "string", json!(text)),
        ("array", "array", json!([])),
        ("object", "object", json!({})),
    ];
    let is_number = is_allowed("number");
    all.into_iter()
        .filter(|(name, ..)| !(is_allowed(name) || is_number && *name == "integer"))
        .map(|(_, operator, value)| (operator, value))
        .collect()
}

/// Values that look like this one and are not.
pub(super) fn near_misses(value: &Value) -> Vec<(&'static str, Value)> {
    match value {
        Value::String(text) => vec![
            ("unknown", json!("framegate_none_of_these")),
            ("upper-case", json!(text.to_uppercase())),
            ("lower-case", json!(text.to_lowercase())),
            ("empty", json!("")),
            ("padded", json!(format!(" {text}"))),
            ("zero-width", json!(format!("{text}\u{200b}"))),
            ("look-alike", json!(look_alike(text))),
            ("nul-ended", json!(format!("{text}\0"))),
        ],
        Value::Bool(is) => vec![("negated", json!(!is)), ("as-text", json!(is.to_string())), ("as-number", json!(u8::from(*is)))],
        Value::Number(number) => {
            vec![("other", whole(number.as_f64().unwrap_or_default() + 1.0)), ("as-text", json!(number.to_string()))]
        }
        _ => vec![("unknown", json!("framegate_none_of_these"))],
    }
}

/// The text with letters of another alphabet that look the same.
fn look_alike(text: &str) -> String {
    let swapped = |c: char| match c {
        'a' => 'а',
        'c' => 'с',
        'e' => 'е',
        'o' => 'о',
        'p' => 'р',
        'x' => 'х',
        other => other,
    };
    text.chars().map(swapped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::Schema;

    fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["id", "n"],
            "additionalProperties": false,
            "properties": {
                "id": {"type": "string", "minLength": 1, "maxLength": 8, "pattern": "^[0-9a-z]+$"},
                "n": {"type": "integer", "minimum": 1, "maximum": 9},
                "role": {"enum": ["a", "b"]},
                "items": {"type": "array", "minItems": 1, "maxItems": 3, "items": {"$ref": "#/$defs/item"}},
                "when": {"type": "string", "format": "date-time"},
                "flags": {"type": "object", "maxProperties": 1, "additionalProperties": {"type": "boolean"}},
            },
            "$defs": {"item": {"const": "x"}}
        })
    }

    fn example() -> Value {
        json!({"id": "1", "n": 2, "role": "a", "items": ["x"], "when": "2024-01-01T00:00:00Z", "flags": {"f": true}})
    }

    #[test]
    fn every_keyword_of_every_field_is_broken_and_the_validator_says_so() {
        let compiled = Schema::compile(&schema(), &[]).unwrap();
        assert!(compiled.accepts(&example()));
        let mut broken = std::collections::BTreeSet::new();
        for constraint in constraints(&schema(), &example()) {
            let mut value = example();
            if !constraint.change.apply(&mut value, &constraint.place) {
                continue;
            }
            let breaches = compiled.breaches(&value);
            if breaches.iter().any(|breach| breach.at == constraint.at && breach.keyword == constraint.keyword) {
                broken.insert(format!("{} {}", constraint.at, constraint.keyword));
            }
        }
        let expected = [
            "/id required",
            "/n required",
            "/framegate_extra additionalProperties",
            "/id type",
            "/id minLength",
            "/id maxLength",
            "/id pattern",
            "/n type",
            "/n minimum",
            "/n maximum",
            "/role enum",
            "/items type",
            "/items minItems",
            "/items maxItems",
            "/items/0 const",
            "/when type",
            "/when format",
            "/flags type",
            "/flags maxProperties",
            "/flags/f type",
        ];
        for claim in expected {
            assert!(broken.contains(claim), "{claim} is not among {broken:?}");
        }
    }

    #[test]
    fn a_field_that_no_example_has_is_broken_all_the_same() {
        let schema = json!({"properties": {"n": {"type": "integer"}}});
        let found = constraints(&schema, &json!({}));
        assert!(found.iter().any(|constraint| constraint.at == "/n" && constraint.change == Change::Set(json!("framegate"))));
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends_the_walk() {
        let schema = json!({"properties": {"next": {"$ref": "#"}}, "allOf": [{"$ref": "#"}]});
        assert!(constraints(&schema, &json!({"next": {"next": {}}})).is_empty());
    }
}
