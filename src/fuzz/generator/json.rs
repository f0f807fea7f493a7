//! Violations of the class `json`: texts that are no JSON object, and JSON at the limits of parsers.

use super::Ground;
use super::saying::{long, octets, text};
use crate::fuzz::violation::{Claim, Class, Violation};
use crate::pack::scenario::Step;

pub(super) fn violations(ground: &Ground<'_>) -> Vec<Violation> {
    let frame = ground.carrier.frame.as_str();
    let broken = broken(ground)
        .into_iter()
        .map(|(operator, step)| Violation::new(Class::Json, operator, frame, "", vec![step]).claiming(Claim::Json));
    let legal = legal(ground).into_iter().map(|(operator, step)| Violation::new(Class::Json, operator, frame, "", vec![step]));
    broken.chain(legal).collect()
}

/// What no parser may take for one JSON object.
fn broken(ground: &Ground<'_>) -> Vec<(&'static str, Step)> {
    let good = ground.text();
    let middle = (0..=good.len() / 2).rev().find(|at| good.is_char_boundary(*at)).unwrap_or(0);
    let (first_key, rest) = first_entry(&good);
    let with = |raw: &str| text(&ground.text_with(raw));
    let bytes = |inside: &[u8]| {
        let marked = ground.text_with("\"@\"");
        let (before, after) = marked.rsplit_once('@').unwrap_or((&marked, ""));
        octets(&[before.as_bytes(), inside, after.as_bytes()].concat())
    };
    vec![
        ("empty", text("")),
        ("blank", text(" \t\r\n")),
        ("no-json", text("framegate")),
        ("cut-in-the-middle", text(&good[..middle])),
        ("cut-at-the-end", text(good.strip_suffix('}').unwrap_or(&good))),
        ("trailing-bytes", text(&format!("{good} x"))),
        ("trailing-brace", text(&format!("{good}}}"))),
        ("trailing-comma", text(&good.strip_suffix('}').map_or(good.clone(), |inside| format!("{inside},}}")))),
        ("two-documents", text(&format!("{good}{good}"))),
        ("two-lines", text(&format!("{good}\n{good}\n"))),
        ("duplicate-key", text(&format!("{{{first_key},{rest}"))),
        ("duplicate-key-null", text(&format!("{{{}:null,{rest}", key_of(&first_key)))),
        ("deep-array", long("[", 100_000)),
        ("deep-object", long("{\"a\":", 100_000)),
        ("deep-field", with(&"[".repeat(2000))),
        ("not-a-number", with("NaN")),
        ("infinity", with("Infinity")),
        ("minus-infinity", with("-Infinity")),
        ("hexadecimal", with("0x10")),
        ("leading-zero", with("01")),
        ("leading-plus", with("+1")),
        ("bare-point", with("1.")),
        ("undefined", with("undefined")),
        ("comment", with("/* */ 1")),
        ("single-quotes", with("'x'")),
        ("lone-surrogate", with("\"\\ud800\"")),
        ("lone-low-surrogate", with("\"\\udc00\"")),
        ("bad-escape", with("\"\\x41\"")),
        ("raw-newline", with("\"\n\"")),
        ("raw-nul", with("\"\0\"")),
        ("nul-after", text(&format!("{good}\0"))),
        ("byte-order-mark", text(&format!("\u{feff}{good}"))),
        ("array", text(&format!("[{good}]"))),
        ("empty-array", text("[]")),
        ("string", text("\"framegate\"")),
        ("number", text("42")),
        ("true", text("true")),
        ("null", text("null")),
        ("quoted-document", text(&serde_json::Value::from(good.clone()).to_string())),
        ("utf8-lone-byte", bytes(&[0xff])),
        ("utf8-overlong", bytes(&[0xc0, 0x80])),
        ("utf8-surrogate", bytes(&[0xed, 0xa0, 0x80])),
        ("utf8-beyond", bytes(&[0xf4, 0x90, 0x80, 0x80])),
        ("utf8-cut", bytes(&[0xe2, 0x82])),
        ("utf16", octets(&good.encode_utf16().flat_map(u16::to_le_bytes).chain([0xff]).collect::<Vec<_>>())),
    ]
}

/// What the grammar allows and parsers stumble over.
fn legal(ground: &Ground<'_>) -> Vec<(&'static str, Step)> {
    let with = |raw: &str| text(&ground.text_with(raw));
    vec![
        ("huge-number", with("1e400")),
        ("tiny-number", with("1e-400")),
        ("long-integer", with(&"9".repeat(400))),
        ("long-fraction", with(&format!("0.{}", "3".repeat(4000)))),
        ("minus-zero", with("-0")),
        ("nul-escape", with("\"\\u0000\"")),
        ("escaped-text", with("\"\\u0066\\ud83d\\ude00\\/\"")),
        ("deep-64", with(&format!("{}{}", "[".repeat(64), "]".repeat(64)))),
        ("deep-120", with(&format!("{}{}", "[".repeat(120), "]".repeat(120)))),
        ("many-fields", with(&many_fields(2000))),
        ("spread-out", text(&ground.text_with("1").replace(':', " :\n\t "))),
        ("prototype-key", text(&prototype(&ground.text()))),
    ]
}

fn many_fields(count: usize) -> String {
    let fields: Vec<_> = (0..count).map(|index| format!("\"f{index}\":{index}")).collect();
    format!("{{{}}}", fields.join(","))
}

fn prototype(good: &str) -> String {
    let inside = good.strip_suffix('}').unwrap_or(good);
    let comma = if inside.ends_with('{') { "" } else { "," };
    format!("{inside}{comma}\"__proto__\":{{\"admin\":true}},\"constructor\":{{\"prototype\":{{\"admin\":true}}}}}}")
}

/// The first entry of an object's text, and everything from there on.
fn first_entry(good: &str) -> (String, String) {
    let value: serde_json::Map<String, serde_json::Value> = serde_json::from_str(good).unwrap_or_default();
    let rest = good.strip_prefix('{').unwrap_or(good).to_owned();
    match value.iter().next() {
        Some((key, value)) => (format!("{}:{value}", serde_json::Value::from(key.as_str())), rest),
        None => ("\"a\":1".to_owned(), "\"a\":1}".to_owned()),
    }
}

fn key_of(entry: &str) -> &str {
    entry.split(':').next().unwrap_or(entry)
}
