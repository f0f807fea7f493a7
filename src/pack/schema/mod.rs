//! JSON Schema, draft 2020-12: the one place that knows the `jsonschema` crate.

mod breach;
mod refs;

use std::sync::Arc;

use jsonschema::{Retrieve, Uri};
use serde_json::Value;

pub(in crate::pack) use refs::{Documents, keywords, reference_mistakes, unknown_keywords};

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

    /// Everything in the value that the schema forbids.
    pub fn breaches(&self, value: &Value) -> Vec<Breach> {
        self.located_breaches(value).into_iter().map(|(breach, _)| breach).collect()
    }

    /// The same, each with a JSON Pointer to the broken keyword in its schema document.
    pub(in crate::pack) fn located_breaches(&self, value: &Value) -> Vec<(Breach, String)> {
        self.validator.iter_errors(value).flat_map(|error| breach::breaches(&error, &self.source)).collect()
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
