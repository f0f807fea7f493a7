//! Conversations that `tests/targets/meet.py --keep` has recorded between reference peers and foreign ones, judged without either.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use framegate::pack::{Library, Settings};
use framegate::suite::{Bound, Options, judge_recorded};
use framegate::transcript::{Frame, Role, Transcript, What};
use framegate::verdict::Outcome;

struct Recorded {
    name: String,
    bound: Bound,
    transcript: Transcript,
}

fn recorded() -> Vec<Recorded> {
    let mut all = Vec::new();
    for id in Library::builtin().ids() {
        let pack = Arc::new(Library::builtin().load(&id).unwrap());
        let settings = Arc::new(Settings::embedded(&pack.manifest));
        for side in [Role::Server, Role::Client] {
            let name = format!("tests/transcripts/{id}/{side}.jsonl");
            let lines = fs::read_to_string(&name).unwrap_or_else(|error| panic!("{name}: {error}"));
            let bound = Bound { pack: pack.clone(), settings: settings.clone() };
            all.push(Recorded { transcript: Transcript::from_json_lines(&lines).unwrap(), name, bound });
        }
    }
    all
}

/// The requirements of this side that hold, and those that are broken.
fn judged(recorded: &Recorded, side: Role, transcript: Transcript) -> (BTreeSet<String>, BTreeSet<String>) {
    let report = judge_recorded(&recorded.bound, side, vec![(recorded.name.clone(), transcript)], &Options::default());
    let of = |outcome| report.requirements.iter().filter(|found| found.outcome == outcome).map(|found| found.id.clone()).collect();
    (of(Outcome::Satisfied), of(Outcome::Violated))
}

#[test]
fn both_sides_of_a_good_conversation_keep_what_they_are_asked() {
    for recorded in recorded() {
        for side in [Role::Server, Role::Client] {
            let (held, broken) = judged(&recorded, side, recorded.transcript.clone());
            assert!(broken.is_empty(), "{}: the {side} breaks {broken:?}", recorded.name);
            assert!(held.len() >= 12, "{}: only {held:?} is put to the test for the {side}", recorded.name);
        }
    }
}

#[test]
fn the_same_conversation_with_one_message_made_nonsense_breaks_something() {
    for recorded in recorded() {
        for side in [Role::Server, Role::Client] {
            let mut transcript = recorded.transcript.clone();
            let mut frames = transcript.events.iter_mut().filter(|event| event.from == side);
            let frame = frames.find_map(|event| match &mut event.what {
                What::Frame(frame) if !frame.opcode.is_control() => Some(frame),
                _ => None,
            });
            *frame.unwrap() = Frame::text("{\"nonsense\":true}").masked_for(side, [1, 2, 3, 4]);
            let (_, broken) = judged(&recorded, side, transcript);
            assert!(!broken.is_empty(), "{}: nonsense of the {side} passes", recorded.name);
        }
    }
}
