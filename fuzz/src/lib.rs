//! What is fuzzed in our own code: one function a target, each from bytes to nothing, or to a panic that says what does not hold.
//!
//! The files of `fuzz_targets` are shims over these. On stable each of them is a program that takes inputs as files.

use std::sync::{Arc, LazyLock};

use framegate::check;
use framegate::fuzz::{arena::Reference, oracle, replay};
use framegate::pack::scenario::{Raw, Scenario, Step};
use framegate::pack::{Library, Schema, Settings, matcher, template};
use framegate::report::json::Transcripts;
use framegate::report::{Style, console, json as json_report, junit, markdown, tap};
use framegate::runner::wire::{Decoder, encode};
use framegate::suite::{Bound, Options, judge_recorded};
use framegate::transcript::{Role, Transcript, What, json};
use framegate::verdict::{Finding, Report, Severity};
use serde_json::Value;

/// A target: its name and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 11] = [
    ("conversation", conversation),
    ("frame_codec", frame_codec),
    ("json_text", json_text),
    ("matching", matching),
    ("pack_loading", pack_loading),
    ("report_rendering", report_rendering),
    ("rules", rules),
    ("scenario_loading", scenario_loading),
    ("schemas", schemas),
    ("templates", templates),
    ("transcript_import", transcript_import),
];

/// The pack that targets play with.
static BOUND: LazyLock<Bound> = LazyLock::new(|| {
    let pack = Library::builtin().load("goclaw").expect("the built-in pack is sound, as a test holds");
    let settings = Arc::new(Settings::embedded(&pack.manifest));
    Bound { pack: Arc::new(pack), settings }
});

/// Frames come out the same however the stream is cut, and whole ones are written as they were read.
pub fn frame_codec(data: &[u8]) {
    let Some((cut, stream)) = data.split_first() else { return };
    let whole = decode(stream, stream.len());
    assert_eq!(whole, decode(stream, usize::from(*cut) + 1), "the cut decides what is read");
    let mut written = Vec::new();
    for what in &whole {
        match what {
            What::Frame(frame) if frame.is_whole() => encode(frame, &mut written),
            _ => break,
        }
    }
    assert_eq!(written, stream[..written.len()], "a frame is not written as it was read");
}

fn decode(stream: &[u8], size: usize) -> Vec<What> {
    let mut decoder = Decoder::new(1 << 20);
    let mut found = Vec::new();
    for mut piece in stream.chunks(size.max(1)) {
        while let Some(what) = decoder.next(&mut piece) {
            found.push(what);
        }
    }
    found.extend(decoder.finish());
    found
}

/// What parses is written and parses again to the same; looking for duplicate keys never fails.
pub fn json_text(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = json::duplicate_key(text);
    if let Ok(value) = json::parse(text) {
        let again = json::parse(&value.to_string()).expect("what is written parses");
        assert_eq!(again.to_string(), value.to_string());
    }
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

/// Text of a target harms no report: no control character reaches a terminal or XML.
pub fn report_rendering(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    let report = report(&text);
    let forbidden = |c: char| c.is_control() && !matches!(c, '\n' | '\t' | '\r');
    let shown = console::render(&report, &Style::plain(100));
    assert!(!shown.contains(forbidden), "a control character reaches the terminal");
    let xml = junit::render(&report);
    assert!(!xml.contains(|c: char| matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}')));
    let _ = (markdown::render(&report), tap::render(&report));
    let parsed: Result<Value, _> = serde_json::from_str(&json_report::render(&report, Transcripts::All));
    assert!(parsed.is_ok());
}

fn report(text: &str) -> Report {
    let options = Options { target: text.to_owned(), repeat: text.to_owned(), ..Options::default() };
    let mut report = judge_recorded(&BOUND, Role::Server, vec![(text.to_owned(), Transcript::default())], &options);
    for case in &mut report.cases {
        text.clone_into(&mut case.title);
        case.findings.push(Finding::harness(Severity::Fail, text, text));
    }
    report.unfinished.push(text.to_owned());
    report
}

/// Messages of any bytes, a line each, leave a reference server alive and well behaved. An input is the violation of a campaign's try.
pub fn conversation(data: &[u8]) {
    let hex = |line: &[u8]| line.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let message = |line: &[u8]| Step::Message(Raw { hex: Some(hex(line)), ..Raw::default() });
    let mut steps = vec![Step::Include("connected".to_owned()), Step::Mark("violation".to_owned())];
    steps.extend(data.split(|byte| *byte == b'\n').take(16).map(message));
    steps.push(Step::Ping(framegate::pack::scenario::Control::default()));
    for result in replay(&BOUND, Role::Server, "input", &Scenario::new("input", steps), &Reference) {
        let own = [oracle::ALIVE, oracle::ANSWERS, oracle::DOCUMENTED_FRAMES, oracle::DOCUMENTED_CLOSES, oracle::BOUNDED];
        let broken =
            result.findings.iter().find(|finding| own.contains(&finding.requirement.as_str()) || finding.severity == Severity::Error);
        assert!(broken.is_none(), "{broken:?}");
    }
}

/// Seeds by target, so that every target has something to begin with.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let texts: &[&str] = match target {
        "frame_codec" => {
            return vec![
                vec![0, 0x81, 2, b'{', b'}'],
                vec![1, 0x81, 0x82, 1, 2, 3, 4, 0x7a, 0x7f],
                vec![2, 0x88, 0x7e, 0, 1, 3],
                vec![3, 0x81, 0xff, 0x80],
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
        _ => &["{\"type\":\"req\",\"id\":\"1\",\"method\":\"status\"}", "{", "{\"type\":5}\n[]\n\u{0}", ""],
    };
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// Runs a target on the files that are named on the command line: what a target's program does where there is no libFuzzer.
pub fn replay_files(target: fn(&[u8])) {
    for path in std::env::args_os().skip(1) {
        match std::fs::read(&path) {
            Ok(data) => target(&data),
            Err(error) => panic!("failed to read {}: {error}", path.to_string_lossy()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_takes_its_seeds_and_what_is_near_them() {
        for (name, target) in TARGETS {
            for seed in seeds(name) {
                target(&seed);
                for cut in 0..seed.len() {
                    target(&seed[..cut]);
                    let mut flipped = seed.clone();
                    flipped[cut] ^= 1;
                    target(&flipped);
                }
            }
        }
    }

    #[test]
    fn every_target_has_its_file() {
        for (name, _) in TARGETS {
            let path = format!("{}/fuzz_targets/{name}.rs", env!("CARGO_MANIFEST_DIR"));
            assert!(std::fs::read_to_string(&path).is_ok_and(|text| text.contains(name)), "{path}");
        }
    }
}
