//! Inputs to begin with, and words that an engine may put in: made from the packs, so that they change with them.

use std::collections::BTreeSet;
use std::sync::Arc;

use framegate::pack::{FORMATS, Library, Pack, Settings};
use framegate::plan::{Selection, plan};
use framegate::runner::Stop;
use framegate::suite::{Bound, Options, Subject, run_case};
use framegate::transcript::What;
use serde_json::Value;

use crate::conversation::tries;

/// Tries of a campaign that become seeds.
const TRIES: u64 = 64;
/// Cases whose transcripts become seeds.
const CASES: usize = 24;

/// Seeds of this target.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut seeds = written(target);
    seeds.extend(match target {
        "conversation" => conversations(),
        "frame_codec" => streams(),
        "json_text" => examples().map(|text| text.into_bytes()).collect(),
        "machine" => examples().flat_map(|text| [0, 1].map(|side| told(side, &text))).collect(),
        "messages" => examples().map(|text| text.into_bytes()).collect(),
        "minimizer" => conversations().into_iter().map(|input| [&[7][..], &input].concat()).collect(),
        "rules" | "transcript_import" => transcripts(),
        "scenario_loading" => scenarios(),
        _ => Vec::new(),
    });
    seeds
}

/// Words of the packs and of their files, each once.
pub fn words() -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for pack in packs() {
        words.extend(pack.manifest.frames.keys().cloned());
        for kind in pack.manifest.frames.values() {
            kind.examples.iter().for_each(|example| collect(example, &mut words));
        }
    }
    for (_, text) in FORMATS {
        let schema: Value = serde_json::from_str(text).unwrap_or_default();
        collect(&schema, &mut words);
    }
    words.retain(|word| (2..=40).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_graphic()));
    words
}

fn collect(value: &Value, words: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => words.extend([text.clone()]),
        Value::Array(items) => items.iter().for_each(|item| collect(item, words)),
        Value::Object(entries) => entries.iter().for_each(|(name, value)| {
            words.insert(name.clone());
            collect(value, words);
        }),
        _ => {}
    }
}

fn packs() -> Vec<Pack> {
    let library = Library::builtin();
    library.ids().iter().filter_map(|id| library.load(id).ok()).collect()
}

/// Every example of every frame.
fn examples() -> impl Iterator<Item = String> {
    let packs = packs().into_iter().flat_map(|pack| pack.manifest.frames.into_values());
    packs.flat_map(|kind| kind.examples).map(|example| example.to_string())
}

/// The first tries of a campaign, the systematic ones far apart, as the bytes that mean them.
fn conversations() -> Vec<Vec<u8>> {
    let tries = tries(1);
    let systematic = tries.systematic();
    let apart = usize::try_from(systematic / TRIES).unwrap_or(1).max(1);
    (0..systematic).step_by(apart).chain(systematic..systematic + TRIES).filter_map(|number| tries.input(number)).collect()
}

/// A machine is opened and told this.
fn told(side: u8, text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len().min(255)).unwrap_or(u8::MAX);
    let mut bytes = vec![side, 0, 1, 3, 0, 0, 1, 9, length];
    bytes.extend(text.bytes().take(usize::from(length)));
    bytes.push(1);
    bytes
}

/// What the reference peers say to each other in the pack's own cases.
fn transcripts() -> Vec<Vec<u8>> {
    played().map(|lines| lines.into_bytes()).collect()
}

fn played() -> impl Iterator<Item = String> {
    let bound = crate::BOUND.clone();
    let cases = plan(&bound.pack, &bound.settings, &Selection::default());
    let playable = cases.into_iter().filter(|case| case.skipped.is_none());
    playable.step_by(8).take(CASES).map(move |case| play(&bound, &case).to_json_lines()).filter(|lines| lines.len() < 20_000)
}

fn play(bound: &Bound, case: &framegate::plan::Case) -> framegate::transcript::Transcript {
    run_case(bound, case, &Subject::Embedded { changes: None }, &Options::default(), &Stop::default()).transcript
}

/// The bytes of both directions of some conversations, each behind a byte that says how the stream is cut.
fn streams() -> Vec<Vec<u8>> {
    let bound = Bound { pack: Arc::clone(&crate::BOUND.pack), settings: Arc::new(Settings::embedded(&crate::BOUND.pack.manifest)) };
    let cases = plan(&bound.pack, &bound.settings, &Selection::default());
    let mut streams = Vec::new();
    for case in cases.iter().filter(|case| case.skipped.is_none()).step_by(8).take(CASES) {
        let mut stream = vec![5];
        for event in play(&bound, case).events {
            if let What::Frame(frame) = event.what {
                framegate::runner::wire::encode(&frame, &mut stream);
            }
        }
        stream.truncate(4096);
        streams.push(stream);
    }
    streams
}

/// The pack's own scenarios, as files.
fn scenarios() -> Vec<Vec<u8>> {
    let layers = crate::BOUND.pack.layers.iter();
    let all = layers.flat_map(|layer| layer.server.values().chain(layer.client.values()));
    all.step_by(4).map(|scenario| framegate::fuzz::scenario_file(&[], scenario).into_bytes()).collect()
}

/// Seeds that no pack gives: what is wrong on purpose.
fn written(target: &str) -> Vec<Vec<u8>> {
    let texts: &[&str] = match target {
        "frame_codec" => {
            return vec![
                vec![0, 0x81, 2, b'{', b'}'],
                vec![1, 0x81, 0x82, 1, 2, 3, 4, 0x7a, 0x7f],
                vec![2, 0x88, 0x7e, 0, 1, 3],
                vec![3, 0x81, 0xff, 0x80],
                vec![4, 0x81, 0x7f, 0, 0, 0, 0, 0, 0, 0, 1, b'x', 0xb3, 0],
            ];
        }
        "json_text" => &["{\"a\":1,\"a\":2}", "[1e400]", "\"\\ud800\"", "{\"a\":[1,2.5,null,true,\"\\u0000\"]}", "9007199254740993"],
        "transcript_import" | "rules" => &[
            "{\"at_ns\":0,\"connection\":1,\"from\":\"client\",\"what\":{\"opened\":{\"session\":\"main\"}}}\n",
            "{\"at_ns\":5,\"connection\":1,\"from\":\"server\",\"what\":{\"ended\":\"finished\"}}\n",
            "{\"at_ns\":1,\"connection\":0,\"from\":\"client\",\"what\":{\"mark\":{\"step\":0}}}\n{}",
        ],
        "scenario_loading" => &["title: x\nsteps:\n  - open: {}\n", "title: [", "steps: {a: &a [*a]}", "\u{feff}title: 1"],
        "pack_loading" => &["\0id: goclaw\n", "\u{1}server: {}\nclient: {}\n", "\u{2}requirements: []\n", "\u{3}{\"type\": \"object\"}"],
        "schemas" => &[
            "{\"type\":\"object\",\"required\":[\"a\"]}\n{}",
            "{\"anyOf\":[{\"const\":1},{\"pattern\":\"^a\"}]}\n\"b\"",
            "{\"$ref\":\"#\"}\n1",
        ],
        "matching" => &["{\"a\":{\"$in\":[1,2]}}\n{\"a\":3}", "{\"$not\":{\"$regex\":\"^x\"}}\n\"y\"", "{\"$length\":{\"$min\":1}}\n\"\""],
        "templates" => &["${a.b}", "x ${a${b}} $${c}", "${", "}${}"],
        "report_rendering" => &["plain", "<a href='x'>&amp;]]>", "\u{1b}[31m\u{7}\0\u{202e}", "|`*_#"],
        "machine" => &["\0\0\u{1}\u{3}\0\0", "\u{1}\u{2}\0\u{1}\u{1}"],
        _ => &["{\"type\":\"req\",\"id\":\"1\",\"method\":\"status\"}", "{", "{\"type\":5}\n[]\n\u{0}", ""],
    };
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}
