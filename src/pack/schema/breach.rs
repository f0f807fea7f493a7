//! What the validator finds, in short phrases. Its own texts print whole instances, so only its data are used.

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

use super::{Breach, SchemaError};
use crate::pack::matcher::brief;

/// Longest phrase, in characters.
const LIMIT: usize = 120;

/// What was held against what: the schema document that the validator was made from, and the whole value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ground<'a> {
    pub(super) schema: &'a Value,
    pub(super) value: &'a Value,
}

/// One error as breaches, each with a JSON Pointer to the broken keyword in its schema document.
pub(super) fn breaches(error: &ValidationError<'_>, ground: Ground<'_>) -> Vec<(Breach, String)> {
    let at = error.instance_path().as_str();
    match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            unexpected.iter().map(|name| superfluous(error, name, ground)).collect()
        }
        // Where a schema allows no field at all, the validator names the first field's value only, and not its key.
        Kind::FalseSchema if keyword(error) == "additionalProperties" => {
            let fields = ground.value.pointer(at).and_then(Value::as_object);
            fields.into_iter().flatten().map(|(name, _)| superfluous(error, name, ground)).collect()
        }
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            vec![located(error, below(at, name), format!("a field `{}`", cut(name)), "nothing".to_owned())]
        }
        Kind::PropertyNames { error: inner } => {
            let name = inner.instance().as_str().unwrap_or_default();
            let expected = format!("a field name of {}", expected(inner));
            vec![located(error, below(at, name), expected, format!("`{}`", cut(name)))]
        }
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            if let Some(fields) = field_choice(error, ground.schema) {
                return vec![located(error, at.to_owned(), fields, actual(error))];
            }
            match meant(context, at) {
                Some(branch) => branch.iter().flat_map(|error| breaches(error, ground)).collect(),
                None => match told_apart(context, at) {
                    Some(tag) => vec![located(error, tag.instance_path().to_string(), any_of(context, at, ground), actual(tag))],
                    None => vec![located(error, at.to_owned(), any_of(context, at, ground), actual(error))],
                },
            }
        }
        Kind::OneOfMultipleValid { .. } => {
            let expected =
                field_choice(error, ground.schema).unwrap_or_else(|| "a value that fits only one of the alternatives".to_owned());
            vec![located(error, at.to_owned(), expected, actual(error))]
        }
        _ => vec![located(error, at.to_owned(), expected(error), actual(error))],
    }
}

/// Why a schema does not compile.
pub(super) fn schema_error(error: &ValidationError<'_>) -> SchemaError {
    let at = error.instance_path().to_string();
    let message = match error.kind() {
        Kind::Referencing(error) => error.to_string(),
        Kind::Custom { message, .. } => message.clone(),
        Kind::Format { format } => format!("{} is no {format}", brief(error.instance(), LIMIT)),
        _ => match breaches(error, Ground { schema: &Value::Null, value: &Value::Null }).as_slice() {
            [(breach, _), ..] => {
                return SchemaError { at: breach.at.clone(), message: format!("expected {}, found {}", breach.expected, breach.actual) };
            }
            [] => error.to_string(),
        },
    };
    SchemaError { at, message }
}

fn located(error: &ValidationError<'_>, at: String, expected: String, actual: String) -> (Breach, String) {
    (Breach { at, keyword: keyword(error), expected, actual }, error.schema_path().to_string())
}

/// The last keyword on the way to what is broken.
fn keyword(error: &ValidationError<'_>) -> String {
    let mut steps = error.schema_path().as_str().rsplit('/');
    let (last, parent) = (steps.next().unwrap_or_default(), steps.next().unwrap_or_default());
    let is_member = ["properties", "patternProperties", "dependentSchemas", "dependentRequired"].contains(&parent);
    match last {
        "" => error.kind().keyword().to_owned(),
        last if is_member || last.parse::<usize>().is_ok() => parent.to_owned(),
        last => last.to_owned(),
    }
}

fn superfluous(error: &ValidationError<'_>, name: &str, ground: Ground<'_>) -> (Breach, String) {
    let at = below(error.instance_path().as_str(), name);
    let actual = ground.value.pointer(&at).map_or_else(|| "a field".to_owned(), |value| brief(value, LIMIT));
    located(error, at, format!("no field `{}`", cut(name)), actual)
}

fn below(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn cut(text: &str) -> String {
    if text.chars().count() <= LIMIT { text.to_owned() } else { text.chars().take(LIMIT).chain(['…']).collect() }
}

/// The branch of an `anyOf` or `oneOf` that the value is meant for: the only one that breaks neither in its type as a whole nor in a
/// constant, or failing that the only one that does not break in its type.
fn meant<'a, 'e>(context: &'a [Vec<ValidationError<'e>>], at: &str) -> Option<&'a [ValidationError<'e>]> {
    if let [only] = context {
        return Some(only);
    }
    let told =
        |error: &ValidationError<'_>| matches!(error.kind(), Kind::Type { .. } | Kind::FalseSchema) && error.instance_path().as_str() == at;
    let tells = |error: &ValidationError<'_>| is_tag(error, at);
    let lacks = |error: &ValidationError<'_>| matches!(error.kind(), Kind::Required { .. }) && error.instance_path().as_str() == at;
    let only = |wrong: &dyn Fn(&ValidationError<'_>) -> bool| {
        let mut right = context.iter().filter(|branch| !branch.is_empty() && !branch.iter().any(wrong));
        right.next().filter(|_| right.next().is_none())
    };
    only(&told)
        .or_else(|| only(&|error| told(error) || tells(error)))
        .or_else(|| only(&|error| told(error) || tells(error) || lacks(error)))
        .map(Vec::as_slice)
}

/// True for a constant that the value, or a field of it, does not have: what usually tells branches apart.
fn is_tag(error: &ValidationError<'_>, at: &str) -> bool {
    let below = error.instance_path().as_str().get(at.len()..).unwrap_or_default();
    matches!(error.kind(), Kind::Constant { .. } | Kind::Enum { .. }) && below.matches('/').count() <= 1
}

/// The place at which every branch asks for another constant.
fn told_apart<'a, 'e>(context: &'a [Vec<ValidationError<'e>>], at: &str) -> Option<&'a ValidationError<'e>> {
    let tags = context.iter().map(|branch| branch.iter().find(|error| is_tag(error, at))).collect::<Option<Vec<_>>>()?;
    let first = *tags.first()?;
    tags.iter().all(|tag| tag.instance_path() == first.instance_path()).then_some(first)
}

/// The phrase for an `anyOf` or `oneOf` whose branches each ask for one field and nothing else.
fn field_choice(error: &ValidationError<'_>, schema: &Value) -> Option<String> {
    let branches = schema.pointer(error.schema_path().as_str())?.as_array()?;
    let field = |branch: &Value| match branch.as_object()?.iter().next()? {
        (keyword, Value::Array(names)) if keyword == "required" && names.len() == 1 => Some(format!("`{}`", names[0].as_str()?)),
        _ => None,
    };
    let fields = branches.iter().map(|branch| field(branch).filter(|_| branch.as_object().is_some_and(|keywords| keywords.len() == 1)));
    let fields = fields.collect::<Option<Vec<_>>>()?.join(", ");
    let how_many = if matches!(error.kind(), Kind::AnyOf { .. }) { "at least" } else { "exactly" };
    Some(format!("{how_many} one of the fields {fields}"))
}

/// What a value must be that fits none of the branches.
fn any_of(context: &[Vec<ValidationError<'_>>], at: &str, ground: Ground<'_>) -> String {
    let mut phrases: Vec<String> = Vec::new();
    let telling = |branch: &[ValidationError<'_>]| branch.iter().position(|error| is_tag(error, at)).unwrap_or(0);
    for error in context.iter().filter_map(|branch| branch.get(telling(branch))) {
        for (breach, _) in breaches(error, ground).into_iter().take(1) {
            if !phrases.contains(&breach.expected) {
                phrases.push(breach.expected);
            }
        }
    }
    cut(&phrases.join(" or "))
}

fn expected(error: &ValidationError<'_>) -> String {
    match error.kind() {
        Kind::Type { kind: TypeKind::Single(one) } => type_phrase(*one).to_owned(),
        Kind::Type { kind: TypeKind::Multiple(several) } => several.iter().map(type_phrase).collect::<Vec<_>>().join(" or "),
        Kind::Constant { expected_value } => brief(expected_value, LIMIT),
        Kind::Enum { options } => options_phrase(options),
        Kind::Pattern { pattern } => format!("a text that fits /{}/", cut(pattern)),
        Kind::Format { format } => format!("a text in the format {format}"),
        Kind::MinLength { limit } => format!("at least {}", count(*limit, "character")),
        Kind::MaxLength { limit } => format!("at most {}", count(*limit, "character")),
        Kind::MinItems { limit } => format!("at least {}", count(*limit, "item")),
        Kind::MaxItems { limit } => format!("at most {}", count(*limit, "item")),
        Kind::AdditionalItems { limit } => format!("at most {}", count(*limit as u64, "item")),
        Kind::MinProperties { limit } => format!("at least {}", count(*limit, "field")),
        Kind::MaxProperties { limit } => format!("at most {}", count(*limit, "field")),
        Kind::Minimum { limit } => format!("at least {limit}"),
        Kind::Maximum { limit } => format!("at most {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("more than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("less than {limit}"),
        Kind::MultipleOf { multiple_of } => format!("a multiple of {multiple_of}"),
        Kind::UniqueItems => "items that differ from one another".to_owned(),
        Kind::UnevaluatedItems { .. } => "no further items".to_owned(),
        Kind::Contains => "an item of the kind that it must contain".to_owned(),
        Kind::Not { schema } => not_phrase(schema),
        Kind::FalseSchema => "nothing here".to_owned(),
        Kind::ContentEncoding { content_encoding } => format!("a text in the encoding {content_encoding}"),
        Kind::ContentMediaType { content_media_type } => format!("a text of the type {content_media_type}"),
        Kind::Referencing(_) => "a schema that can be resolved".to_owned(),
        _ => cut(&error.masked().to_string()),
    }
}

fn actual(error: &ValidationError<'_>) -> String {
    let found = |number: usize, what: &str| count(number as u64, what);
    match (error.kind(), error.instance().as_ref()) {
        (Kind::MinLength { .. } | Kind::MaxLength { .. }, Value::String(text)) => found(text.chars().count(), "character"),
        (Kind::MinItems { .. } | Kind::MaxItems { .. } | Kind::AdditionalItems { .. }, Value::Array(items)) => found(items.len(), "item"),
        (Kind::MinProperties { .. } | Kind::MaxProperties { .. }, Value::Object(fields)) => found(fields.len(), "field"),
        (_, value) => brief(value, LIMIT),
    }
}

fn count(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn type_phrase(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Array => "an array",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "an integer",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "an object",
        JsonType::String => "a string",
    }
}

fn options_phrase(options: &Value) -> String {
    let options: Vec<String> = options.as_array().into_iter().flatten().map(Value::to_string).collect();
    match options.as_slice() {
        [only] => cut(only),
        _ => cut(&format!("one of {}", options.join(", "))),
    }
}

/// Our own formats forbid pairs of fields with `not: {required: […]}`.
fn not_phrase(schema: &Value) -> String {
    let names: Vec<String> = schema["required"].as_array().into_iter().flatten().map(Value::to_string).collect();
    match (names.is_empty(), schema.as_object().map(serde_json::Map::len)) {
        (false, Some(1)) => format!("not all of {} together", names.join(", ")),
        _ => format!("nothing that fits {}", brief(schema, LIMIT)),
    }
}
