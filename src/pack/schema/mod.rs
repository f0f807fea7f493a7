//! JSON Schema, draft 2020-12: the one place that knows the `jsonschema` crate.

mod breach;
mod refs;

use std::sync::Arc;

use jsonschema::{Retrieve, Uri};
use serde_json::Value;

pub(in crate::pack) use refs::{Documents, keywords, reference_mistakes, unknown_keywords};

/// How many breaches of one value are told; a value that breaks its schema more often is wrong enough.
const MOST: usize = 200;

/// A compiled schema.
#[derive(Clone, Debug)]
pub struct Schema {
    validator: Arc<jsonschema::Validator>,
    source: Arc<Value>,
}

/// One thing in a value that its schema forbids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// JSON Pointer into the value. For a missing field: to the object that lacks it, with the field's name appended.
    pub at: String,
    /// The keyword that is broken: `required`, `type`, `enum`, …
    pub keyword: String,
    /// What the schema asks for, as a phrase.
    pub expected: String,
    /// What stands there, as a phrase of at most some 120 characters.
    pub actual: String,
}

/// A schema that does not compile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SchemaError {
    /// JSON Pointer into the schema.
    pub at: String,
    /// Why, as a clause.
    pub message: String,
}

impl Schema {
    /// Compiles a schema; `others` are the documents that its `$ref`s may name, by file name. Nothing is fetched from anywhere.
    pub fn compile(schema: &Value, others: &[(String, Value)]) -> Result<Self, SchemaError> {
        refs::check(schema, others)?;
        let validator = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .should_validate_formats(true)
            .should_ignore_unknown_formats(false)
            .with_retriever(Shelf(others.to_vec()))
            .build(schema)
            .map_err(|error| breach::schema_error(&error))?;
        Ok(Self { validator: Arc::new(validator), source: Arc::new(schema.clone()) })
    }

    /// True if the value fits.
    pub fn accepts(&self, value: &Value) -> bool {
        self.validator.is_valid(value)
    }

    /// What the schema forbids in the value: everything, but of very many breaches the first ones only.
    pub fn breaches(&self, value: &Value) -> Vec<Breach> {
        self.located_breaches(value).into_iter().map(|(breach, _)| breach).collect()
    }

    /// The same, each with a JSON Pointer to the broken keyword in its schema document.
    pub(in crate::pack) fn located_breaches(&self, value: &Value) -> Vec<(Breach, String)> {
        let ground = breach::Ground { schema: &self.source, value };
        self.validator.iter_errors(value).flat_map(|error| breach::breaches(&error, ground)).take(MOST).collect()
    }

    /// The schema as it stands in its file.
    pub fn source(&self) -> &Value {
        &self.source
    }
}

/// Documents by file name: the only place where a `$ref` may lead.
struct Shelf(Vec<(String, Value)>);

impl Retrieve for Shelf {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        let name = uri.path().as_str().rsplit('/').next().unwrap_or_default();
        let found = self.0.iter().find(|(file, _)| file == name).map(|(_, document)| document.clone());
        found.ok_or_else(|| format!("there is no schema file `{name}`").into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Breaches as `at keyword: expected / actual`.
    fn breaches(schema: &Value, value: &Value) -> Vec<String> {
        let schema = Schema::compile(schema, &[]).unwrap();
        let breaches = schema.breaches(value);
        assert_eq!(breaches.is_empty(), schema.accepts(value));
        breaches.into_iter().map(|breach| format!("{} {}: {} / {}", breach.at, breach.keyword, breach.expected, breach.actual)).collect()
    }

    #[track_caller]
    fn check(schema: &Value, value: &Value, expected: &[&str]) {
        assert_eq!(breaches(schema, value), expected, "{schema} {value}");
    }

    #[test]
    fn each_keyword_has_its_phrase() {
        for (schema, value, expected) in [
            (json!({"type": "string"}), json!(5), " type: a string / 5"),
            (json!({"type": ["string", "null"]}), json!([]), " type: null or a string / []"),
            (json!({"const": {"a": 1}}), json!(1), " const: {\"a\":1} / 1"),
            (json!({"enum": ["a", "b"]}), json!("c"), " enum: one of \"a\", \"b\" / \"c\""),
            (json!({"enum": ["a"]}), json!("c"), " enum: \"a\" / \"c\""),
            (json!({"required": ["a/b"]}), json!({}), "/a~1b required: a field `a/b` / nothing"),
            (json!({"additionalProperties": false}), json!({"x": [1]}), "/x additionalProperties: no field `x` / [1]"),
            (json!({"unevaluatedProperties": false}), json!({"x": 1}), "/x unevaluatedProperties: no field `x` / 1"),
            (json!({"minLength": 2}), json!("é"), " minLength: at least 2 characters / 1 character"),
            (json!({"maxLength": 1}), json!("ab"), " maxLength: at most 1 character / 2 characters"),
            (json!({"minItems": 1}), json!([]), " minItems: at least 1 item / 0 items"),
            (json!({"maxItems": 1}), json!([1, 2]), " maxItems: at most 1 item / 2 items"),
            (json!({"prefixItems": [{}], "items": false}), json!([1, 2]), "/1 items: nothing here / 2"),
            (json!({"minProperties": 1}), json!({}), " minProperties: at least 1 field / 0 fields"),
            (json!({"maxProperties": 0}), json!({"a": 1}), " maxProperties: at most 0 fields / 1 field"),
            (json!({"minimum": 1}), json!(0), " minimum: at least 1 / 0"),
            (json!({"maximum": 1.5}), json!(2), " maximum: at most 1.5 / 2"),
            (json!({"exclusiveMinimum": 1}), json!(1), " exclusiveMinimum: more than 1 / 1"),
            (json!({"exclusiveMaximum": 1}), json!(1), " exclusiveMaximum: less than 1 / 1"),
            (json!({"multipleOf": 2}), json!(3), " multipleOf: a multiple of 2 / 3"),
            (json!({"pattern": "^a"}), json!("b"), " pattern: a text that fits /^a/ / \"b\""),
            (json!({"format": "uuid"}), json!("b"), " format: a text in the format uuid / \"b\""),
            (json!({"uniqueItems": true}), json!([1, 1]), " uniqueItems: items that differ from one another / [1,1]"),
            (json!({"contains": {"const": 1}}), json!([2]), " contains: an item of the kind that it must contain / [2]"),
            (json!({"propertyNames": {"maxLength": 1}}), json!({"ab": 1}), "/ab maxLength: a field name of at most 1 character / `ab`"),
            (json!({"not": {"type": "string"}}), json!("a"), " not: nothing that fits {\"type\":\"string\"} / \"a\""),
            (
                json!({"not": {"required": ["a", "b"]}}),
                json!({"a": 1, "b": 2}),
                " not: not all of \"a\", \"b\" together / {\"a\":1,\"b\":2}",
            ),
            (json!({"properties": {"a": false}}), json!({"a": 1}), "/a properties: nothing here / 1"),
            (json!({"dependentRequired": {"a": ["b"]}}), json!({"a": 1}), "/b dependentRequired: a field `b` / nothing"),
        ] {
            check(&schema, &value, &[expected]);
        }
    }

    #[test]
    fn all_breaches_come_at_once_with_their_places() {
        let schema = json!({"required": ["id"], "properties": {"a": {"items": {"type": "integer"}}}, "additionalProperties": false});
        let mut found = breaches(&schema, &json!({"a": [1, "x", 2, null], "y": 1, "z": 2}));
        found.sort();
        let expected = [
            "/a/1 type: an integer / \"x\"",
            "/a/3 type: an integer / null",
            "/id required: a field `id` / nothing",
            "/y additionalProperties: no field `y` / 1",
            "/z additionalProperties: no field `z` / 2",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn of_several_branches_the_one_that_is_meant_is_reported() {
        let nullable = json!({"anyOf": [{"type": "null"}, {"type": "object", "required": ["a"]}]});
        check(&nullable, &json!({}), &["/a required: a field `a` / nothing"]);
        check(&nullable, &json!(5), &[" anyOf: null or an object / 5"]);
        let kind =
            |kind: &str, field: &str| json!({"type": "object", "properties": {"kind": {"const": kind}}, "required": ["kind", field]});
        let tagged = json!({"oneOf": [kind("a", "x"), kind("b", "y")]});
        check(&tagged, &json!({"kind": "b"}), &["/y required: a field `y` / nothing"]);
        check(&tagged, &json!({"kind": "c", "x": 1, "y": 1}), &["/kind oneOf: \"a\" or \"b\" / \"c\""]);
        let fields = json!({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]});
        check(&fields, &json!({}), &[" oneOf: exactly one of the fields `a`, `b` / {}"]);
        check(&fields, &json!({"a": 1, "b": 1}), &[" oneOf: exactly one of the fields `a`, `b` / {\"a\":1,\"b\":1}"]);
        let both = json!({"oneOf": [{"type": "integer"}, {"minimum": 1}]});
        check(&both, &json!(5), &[" oneOf: a value that fits only one of the alternatives / 5"]);
    }

    #[test]
    fn long_values_are_cut() {
        assert_eq!(breaches(&json!({"items": {"type": "string"}}), &json!(vec![1; 10_000])).len(), MOST);
        let found = breaches(&json!({"type": "integer"}), &json!("x".repeat(10_000)));
        assert!(found[0].chars().count() < 200, "{found:?}");
        let long: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
        assert!(breaches(&json!({ "enum": long }), &json!(5))[0].chars().count() < 200);
    }

    #[test]
    fn references_lead_to_other_files_and_nowhere_else() {
        let common = ("common.schema.json".to_owned(), json!({"$defs": {"id": {"$anchor": "here", "type": "string"}}}));
        for reference in ["common.schema.json#/$defs/id", "common.schema.json#here", "./common.schema.json#/%24defs/id"] {
            let schema = Schema::compile(&json!({ "$ref": reference }), std::slice::from_ref(&common)).unwrap();
            assert!(schema.accepts(&json!("x")) && !schema.accepts(&json!(5)), "{reference}");
        }
        let with_id = json!({"$id": "https://example.org/a.schema.json", "$ref": "common.schema.json#/$defs/id"});
        assert!(!Schema::compile(&with_id, std::slice::from_ref(&common)).unwrap().accepts(&json!(5)));
        for reference in ["no.schema.json", "common.schema.json#/$defs/no", "#/$defs/id", "https://example.org/other.json", "#no"] {
            let error = Schema::compile(&json!({"items": {"$ref": reference}}), std::slice::from_ref(&common)).unwrap_err();
            assert_eq!(error.at, "/items/$ref", "{reference}: {error}");
        }
        assert!(Schema::compile(&json!({"$ref": "https://json-schema.org/draft/2020-12/schema"}), &[]).is_ok());
    }

    #[test]
    fn schemas_that_no_validator_could_hold_to_are_refused() {
        for (schema, at) in [
            (json!({"$ref": "#"}), "/$ref"),
            (json!({"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"anyOf": [{"$ref": "#"}]}}}), "/allOf/0/$ref"),
            (json!({"$defs": {"a": {"if": {"$ref": "#/$defs/b"}}, "b": {"not": {"$ref": "#/$defs/a"}}}}), "/$defs/a/if/$ref"),
            (json!({"type": "strin"}), "/type"),
            (json!({"properties": {"a": {"pattern": "("}}}), "/properties/a/pattern"),
            (json!({"items": {"format": "uiud"}}), "/items/format"),
            (json!({"required": "a"}), "/required"),
            (json!(5), ""),
        ] {
            let error = Schema::compile(&schema, &[]).unwrap_err();
            assert_eq!(error.at, at, "{schema}: {error}");
        }
        let list = json!({"properties": {"next": {"$ref": "#"}}, "items": {"allOf": [{"$ref": "#"}]}});
        assert!(Schema::compile(&list, &[]).is_ok());
    }
}
