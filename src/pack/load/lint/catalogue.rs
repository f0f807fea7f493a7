//! The frame catalogue: names, schemas, and examples that show that each schema accepts what is right and refuses what is wrong.

use serde_json::Value;

use super::place::Place;
use super::template::Scope;
use super::{Lint, text};
use crate::pack::manifest::FrameKind;
use crate::pack::matcher;
use crate::pack::observe::{RESERVED, SETS};
use crate::pack::schema::Schema;

/// How many examples a schema must refuse.
const INVALID: usize = 3;

/// All frames.
pub(super) fn check(lint: &mut Lint<'_>) {
    let manifest = &lint.files.manifest;
    let frames = Place::of(&manifest.document).key("frames");
    if manifest.value.frames.is_empty() {
        lint.wrong(&frames, "the catalogue has no frames", "at least one frame belongs here");
    }
    for (name, kind) in &manifest.value.frames {
        let place = frames.key(name);
        check_name(lint, &place.name(), name);
        lint.tree(&place.key("match"), &kind.tree, &Scope::default());
        check_reply(lint, &place, kind);
        check_pieces(lint, &place, kind);
        if let Some(schema) = schema(lint, &place.key("schema"), kind) {
            check_examples(lint, &place, name, kind, &schema);
        }
    }
}

fn check_name(lint: &mut Lint<'_>, place: &Place<'_>, name: &str) {
    if RESERVED.contains(&name) || SETS.contains(&name) {
        lint.wrong(place, format!("`{name}` is the name of another observation"), "call the frame something else");
    } else if !text::is_plain(name, &['_', '.', '-']) {
        lint.wrong(place, format!("`{name}` is no name for a frame"), "lower-case letters, digits, `_`, `.` and `-`");
    }
}

fn check_pieces(lint: &mut Lint<'_>, place: &Place<'_>, kind: &FrameKind) {
    let Some(pieces) = &kind.pieces else { return };
    let place = place.key("pieces");
    lint.pointer(&place.key("at"), &pieces.at);
    if let Some(by) = &pieces.by {
        lint.pointer(&place.key("by"), by);
    }
}

fn check_reply(lint: &mut Lint<'_>, place: &Place<'_>, kind: &FrameKind) {
    let Some(reply) = &kind.reply else { return };
    let place = place.key("reply");
    let frames = &lint.files.manifest.value.frames;
    lint.pointer(&place.key("by"), &reply.by);
    let known = lint.known(&place.key("to"), "frame", &reply.to, frames.keys().map(String::as_str));
    if known && frames[&reply.to].from == kind.from {
        lint.wrong(&place.key("to"), format!("`{}` comes from the same side", reply.to), "a reply answers the other side");
    }
}

fn schema(lint: &mut Lint<'_>, place: &Place<'_>, kind: &FrameKind) -> Option<Schema> {
    let files = &lint.files.schemas;
    if !lint.known(place, "schema file", &kind.schema, files.keys().map(String::as_str)) {
        return None;
    }
    let others: Vec<_> = files.iter().map(|(name, document)| (name.clone(), document.value.clone())).collect();
    let document = &files[&kind.schema];
    match Schema::compile(&document.value, &others) {
        Ok(schema) => Some(schema),
        Err(error) => {
            let mistake = document.mistake(&error.at, error.message, "here");
            if !lint.mistakes.contains(&mistake) {
                lint.mistakes.push(mistake);
            }
            None
        }
    }
}

fn check_examples(lint: &mut Lint<'_>, place: &Place<'_>, name: &str, kind: &FrameKind, schema: &Schema) {
    if kind.examples.is_empty() {
        lint.wrong(&place.key("examples"), format!("`{name}` has no example"), "at least one belongs here");
    }
    for (place, example) in place.key("examples").items(&kind.examples) {
        check_match(lint, &place, name, kind, example);
        for breach in schema.breaches(example) {
            let place = place.below(&breach.at);
            let title = format!("the schema of `{name}` refuses this example: expected {}, found {}", breach.expected, breach.actual);
            lint.wrong(&place, title, format!("expected {}", breach.expected));
        }
    }
    if kind.invalid.len() < INVALID {
        let title = format!("`{name}` has {} invalid examples, and {INVALID} are the least", kind.invalid.len());
        lint.wrong(&place.key("invalid"), title, "more belong here");
    }
    for (place, example) in place.key("invalid").items(&kind.invalid) {
        check_match(lint, &place, name, kind, example);
        if schema.accepts(example) {
            lint.wrong(&place, format!("the schema of `{name}` accepts this invalid example"), "nothing is wrong with it");
        }
    }
}

/// The example must be named after its own kind, and not after one that stands before it.
fn check_match(lint: &mut Lint<'_>, place: &Place<'_>, name: &str, kind: &FrameKind, example: &Value) {
    if let Err(mismatch) = matcher::explain(&kind.tree, example) {
        let at = if mismatch.at.is_empty() { "as a whole" } else { &mismatch.at };
        let title =
            format!("this example does not fit the `match` of `{name}`: expected {} at {at}, found {}", mismatch.expected, mismatch.actual);
        lint.wrong(place, title, "no frame of this kind");
        return;
    }
    let fits = |other: &FrameKind| other.from == kind.from && other.reply.is_none() && matcher::fits(&other.tree, example);
    let first = lint.files.manifest.value.frames.iter().take_while(|(other, _)| *other != name).find(|(_, other)| fits(other));
    if let Some((other, _)) = first {
        lint.wrong(
            place,
            format!("this example of `{name}` is recognised as `{other}`, which stands before it"),
            format!("fits `{other}` too"),
        );
    }
}
