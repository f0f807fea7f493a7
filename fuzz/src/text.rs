//! Targets that read text: JSON, schemas, trees, templates, transcripts, scenarios, packs.

use framegate::check;
use framegate::pack::{Library, Schema, matcher, template};
use framegate::transcript::{Role, Transcript, json};
use serde_json::Value;

use crate::BOUND;

/// What parses is written and parses again to the same; looking for duplicate keys never fails; every schema of the pack accepts it or says why
/// not.
pub fn json_text(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = json::duplicate_key(text);
    if let Ok(value) = json::parse(text) {
        let again = json::parse(&value.to_string()).expect("what is written parses");
        assert_eq!(again.to_string(), value.to_string());
        for schema in BOUND.pack.schemas.values() {
            assert_eq!(schema.accepts(&value), schema.breaches(&value).is_empty());
        }
    }
}

/// A schema that compiles accepts a value if and only if it finds no breach in it. The first line is the schema, the rest the value.
pub fn schemas(data: &[u8]) {
    let Some((schema, value)) = two(data) else { return };
    if let Ok(schema) = Schema::compile(&schema, &[]) {
        assert_eq!(schema.accepts(&value), schema.breaches(&value).is_empty());
    }
}

/// A tree fits a value if and only if there is nothing to explain. The first line is the tree, the rest the value.
pub fn matching(data: &[u8]) {
    let Some((tree, value)) = two(data) else { return };
    assert_eq!(matcher::fits(&tree, &value), matcher::explain(&tree, &value).is_ok());
}

fn two(data: &[u8]) -> Option<(Value, Value)> {
    let (first, rest) = std::str::from_utf8(data).ok()?.split_once('\n')?;
    Some((serde_json::from_str(first).ok()?, serde_json::from_str(rest).ok()?))
}

/// A template whose placeholders are all known is filled, and what is put in is not read again.
pub fn templates(data: &[u8]) {
    struct Echo;
    impl template::Scope for Echo {
        fn lookup(&mut self, path: &str) -> Option<Value> {
            Some(Value::from(format!("${{{path}}}")))
        }
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    let value = Value::from(text);
    let is_template = template::paths(&value).is_ok();
    assert_eq!(is_template, template::render(&value, &mut Echo).is_ok());
    assert_eq!(is_template, template::render_known(&value, &mut Echo).is_ok());
}

/// A transcript that is read is written and read again as the same.
pub fn transcript_import(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(transcript) = Transcript::from_json_lines(text) {
        let again = Transcript::from_json_lines(&transcript.to_json_lines()).expect("what is written is read");
        assert_eq!(again, transcript);
    }
}

/// Any file is a scenario, or has mistakes that can be shown.
pub fn scenario_loading(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(error) = Library::scenario("input.yaml", text) {
        assert!(!error.diagnostics.is_empty() && error.mistakes > 0);
    }
}

/// A pack with any one file replaced loads, or has mistakes that can be shown.
pub fn pack_loading(data: &[u8]) {
    const FILES: [&str; 4] = [
        "scenarios/goclaw/pack.yaml",
        "scenarios/goclaw/machine.yaml",
        "scenarios/goclaw/requirements.yaml",
        "schemas/goclaw/error.schema.json",
    ];
    let Some((which, text)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let library = Library::builtin().with(FILES[usize::from(*which) % FILES.len()], text);
    if let Err(error) = library.load("goclaw") {
        assert!(!error.diagnostics.is_empty() && error.mistakes > 0);
    }
}

/// Every rule judges every transcript.
pub fn rules(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(transcript) = Transcript::from_json_lines(text) else { return };
    for side in [Role::Server, Role::Client] {
        let judgement = check::judge(&BOUND.pack, &BOUND.settings, None, side, &transcript);
        let events = transcript.events.len();
        assert!(judgement.findings.iter().all(|finding| finding.event.is_none_or(|event| event <= events)));
    }
}
